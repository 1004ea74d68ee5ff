"""What outputs mean, and how those of two columns differ."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array
from host.models.dataset import Dataset
from host.models.tflite import Graph, Tensor
from host.oracles.columns import Column, ColumnName
from host.report.document import derived
from host.verdict import statistics
from host.verdict.statistics import Interval

Task = Literal["classification", "regression"]
Classes = npt.NDArray[np.int64]
GapName = Literal["quantization", "desktop", "desktop_reference", "deployment"]
# Which two columns each gap lies between. Only the last one is the device's own.
GAPS: dict[GapName, tuple[ColumnName, ColumnName]] = {
    "quantization": ("keras", "tflm_host"),
    "desktop": ("litert", "tflm_host"),
    "desktop_reference": ("litert_reference", "tflm_host"),
    "deployment": ("tflm_host", "device"),
}


@dataclass(frozen=True)
class GapWords:
    """What a gap is called, what it means, who owns it, and what to do where it is not zero."""

    title: str
    meaning: str
    owner: str
    remedy: str


GAP_WORDS: dict[GapName, GapWords] = {
    "quantization": GapWords(
        "Quantization gap",
        "What int8 costs: the float model against the same model in int8.",
        "the conversion",
        "If it is too much: choose another route, or calibrate with more typical data. "
        "The board cannot change it.",
    ),
    "desktop": GapWords(
        "Desktop gap",
        "Desktop kernels round differently from TFLite-Micro's.",
        "the desktop interpreter",
        "Nothing. Never chase it on the board: it is there without one.",
    ),
    "desktop_reference": GapWords(
        "Desktop gap, reference kernels",
        "LiteRT's reference kernels against TFLite-Micro's, which come from the same source.",
        "a version skew between LiteRT and TFLM",
        "Compare the two versions. The board has no part in it.",
    ),
    "deployment": GapWords(
        "Deployment gap",
        "Must be zero: the device computes every byte that TFLM on the host computes.",
        "the firmware, the wire, the kernels or a version skew",
        "Start at the first differing operator where one is named; then compare the versions, "
        "and build and flash again.",
    ),
}


@dataclass(frozen=True)
class Disagreement:
    """A sample on which two columns differ. Classes and margins are None without classes."""

    sample: int
    left: int | None
    """Class on the left."""
    right: int | None
    """Class on the right."""
    label: int | None
    """Its label; null without labels."""
    steps: int
    """Largest difference, in quantization steps."""
    left_margin: float | None
    """Score of the best class minus that of the second on the left, in output units."""
    right_margin: float | None
    """The same on the right."""


@dataclass(frozen=True)
class Gap:
    """The difference between two columns."""

    name: GapName
    left: ColumnName
    right: ColumnName
    samples: int
    """Samples compared."""
    bit_equal: float
    """Share of samples whose outputs are equal in every byte, 0 to 1. Keras's outputs are quantized
    with the output tensor's scale first."""
    bit_equal_values: float
    """Share of output values that are equal, 0 to 1."""
    flips: int | None
    """Samples whose predicted class differs; null without classes."""
    flip_rate_upper: float | None
    """95 % upper bound of the flip rate, 0 to 1; null without classes."""
    max_steps: int
    """Largest difference, in quantization steps of the output."""
    mean_steps: float
    """Mean difference, in quantization steps of the output."""
    max_error: float
    """Largest difference, in output units."""
    mean_error: float
    """Mean difference, in output units."""
    mcnemar_p: float | None
    """p of the exact McNemar test of the two accuracies; null without labels."""
    disagreements: tuple[Disagreement, ...]
    """Samples whose class differs, or without classes whose outputs differ; worst first."""

    @derived
    def equal_samples(self) -> int:
        """Samples whose outputs are equal in every byte."""
        return round(self.bit_equal * self.samples)

    @property
    def zero(self) -> bool:
        """Whether there is no gap: every sample is equal in every byte."""
        return self.bit_equal == 1.0


# --- one column's outputs ---------------------------------------------------------------------


def detect_task(graph: Graph, dataset: Dataset) -> Task:
    """Classification where there are class numbers, or no labels and SOFTMAX at the end."""
    if dataset.y is not None:
        return "classification" if dataset.y.dtype.kind == "i" else "regression"
    writers = {index: operator for operator in graph.operators for index in operator.outputs}
    last = writers[graph.outputs[0]]
    if graph.leaves(last):
        last = writers.get(last.inputs[0], last)
    return "classification" if last.name == "SOFTMAX" else "regression"


def decide(outputs: Array) -> Classes:
    """Predicted classes, int64 [n], by arg-max of [n, …]; of equal values the first one counts.

    Ties are common in int8 (probabilities round to the same code) and next to impossible in
    float: a flip between Keras and int8 may be no more than a tie.
    """
    return np.asarray(_flat(outputs).argmax(axis=1), np.int64)


def accuracy(outputs: Array | None, labels: Classes | None) -> Interval | None:
    """Share of the samples whose arg-max is the label; None without outputs or labels."""
    if outputs is None or labels is None:
        return None
    return statistics.share(int(np.count_nonzero(decide(outputs) == labels)), len(labels))


def mean_error(outputs: Array | None, targets: Array | None, codes: Tensor) -> Interval | None:
    """Mean absolute error per sample against float targets, in real units.

    None without outputs or targets, and where the outputs hold NaN.
    """
    if outputs is None or targets is None:
        return None
    errors = np.abs(real_values(outputs, codes) - _flat(targets).astype(np.float64))
    interval = statistics.mean(errors.mean(axis=1))
    return interval if np.isfinite(interval.value) else None


def real_values(outputs: Array, codes: Tensor) -> npt.NDArray[np.float64]:
    """A column's outputs [n, …] in real units, [n, values]: floats as they are, codes dequantized.

    ``codes`` is the tensor whose codes they are or come from, see ``Graph.output_codes``.
    """
    # By way of float32, which is what DEQUANTIZE and Keras give.
    return _flat(codes.to_real(outputs).astype(np.float32)).astype(np.float64)


def steps(outputs: Array, codes: Tensor) -> npt.NDArray[np.int64]:
    """Outputs as codes, in steps of the tensor, [n, values]; arguments as of ``real_values``.

    What is no number counts as 0.
    """
    return _flat(codes.to_codes(np.nan_to_num(outputs))).astype(np.int64)


# --- two columns ------------------------------------------------------------------------------


def differing(left: Array, right: Array) -> npt.NDArray[np.int64]:
    """Indices of the samples on which outputs [n, …] of one type differ in any bit."""
    return np.flatnonzero(unequal(left, right).any(axis=1))


def unequal(left: Array, right: Array) -> npt.NDArray[np.bool_]:
    """Where values [n, …] of one type differ in any bit, [n, values]: NaN may equal NaN, and 0 does
    not equal −0."""
    bits = np.dtype(f"u{left.dtype.itemsize}")
    a, b = (np.ascontiguousarray(_flat(values)).view(bits) for values in (left, right))
    return np.asarray(a != b)


def compare(
    name: GapName,
    left: Column,
    right: Column,
    codes: Tensor,
    task: Task,
    labels: Classes | None,
) -> Gap | None:
    """The gap between two columns, None where one of them is absent.

    Args:
        name, left, right: the gap and its ends.
        codes: as of ``real_values``; its scale makes codes of float outputs.
        task: whether classes are compared.
        labels: int64 [n], or None.
    """
    if left.outputs is None or right.outputs is None:
        return None
    distance = np.abs(steps(left.outputs, codes) - steps(right.outputs, codes))
    real_left, real_right = real_values(left.outputs, codes), real_values(right.outputs, codes)
    error = np.abs(real_left - real_right)
    # Keras is as equal as codes can be; what runs the .tflite must be so in every bit.
    exact = left.outputs.dtype == right.outputs.dtype and "keras" not in (left.name, right.name)
    differ = unequal(left.outputs, right.outputs) if exact else distance != 0
    n, worst = len(distance), distance.max(axis=1)
    left_classes, right_classes = decide(left.outputs), decide(right.outputs)
    has_classes = task == "classification"
    flips = np.flatnonzero(left_classes != right_classes)
    listed = flips if has_classes else np.flatnonzero(differ.any(axis=1))
    return Gap(
        name=name,
        left=left.name,
        right=right.name,
        samples=n,
        bit_equal=float((~differ.any(axis=1)).mean()),
        bit_equal_values=float((~differ).mean()),
        flips=len(flips) if has_classes else None,
        flip_rate_upper=statistics.upper_bound(len(flips), n) if has_classes else None,
        max_steps=int(distance.max()),
        mean_steps=float(distance.mean()),
        max_error=float(error.max()),
        mean_error=float(error.mean()),
        mcnemar_p=(
            statistics.mcnemar(left_classes == labels, right_classes == labels)
            if labels is not None
            else None
        ),
        disagreements=tuple(
            Disagreement(
                sample=int(i),
                left=int(left_classes[i]) if has_classes else None,
                right=int(right_classes[i]) if has_classes else None,
                label=int(labels[i]) if labels is not None else None,
                steps=int(worst[i]),
                left_margin=_margin(real_left[i]) if has_classes else None,
                right_margin=_margin(real_right[i]) if has_classes else None,
            )
            for i in sorted(listed, key=lambda i: (-worst[i], i))
        ),
    )


def _flat(values: Array) -> Array:
    return values.reshape(len(values), -1)


def _margin(values: npt.NDArray[np.float64]) -> float | None:
    if len(values) < 2:
        return None
    second, first = np.partition(values, -2)[-2:]
    return float(first - second)
