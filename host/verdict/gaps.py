"""How the outputs of two columns differ."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array
from host.models.tflite import Tensor
from host.oracles.columns import Column, ColumnName
from host.report.document import derived
from host.verdict import statistics
from host.verdict.tasks import Classes, Reading, flat, matches, real_values

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
        "how the two libraries round",
        "Nothing. The board has no part in it.",
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
    """Score of the best class minus that of the second on the left, or the distance of a single one
    from the threshold, in output units."""
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
    """Samples whose class differs; without classes, and where none differs on the device, those
    whose outputs differ; worst first."""

    @derived
    def equal_samples(self) -> int:
        """Samples whose outputs are equal in every byte."""
        return round(self.bit_equal * self.samples)

    @property
    def zero(self) -> bool:
        """Whether there is no gap: every sample is equal in every byte."""
        return self.bit_equal == 1.0


def steps(outputs: Array, codes: Tensor) -> npt.NDArray[np.int64]:
    """Outputs as codes, in steps of the tensor, [n, values]; arguments as of ``real_values``.

    What is no number counts as 0.
    """
    return flat(codes.to_codes(np.nan_to_num(outputs))).astype(np.int64)


# --- two columns ------------------------------------------------------------------------------


def differing(left: Array, right: Array) -> npt.NDArray[np.int64]:
    """Indices of the samples on which outputs [n, …] of one type differ in any bit."""
    return np.flatnonzero(unequal(left, right).any(axis=1))


def unequal(left: Array, right: Array) -> npt.NDArray[np.bool_]:
    """Where values [n, …] of one type differ in any bit, [n, values]: NaN may equal NaN, and 0 does
    not equal −0."""
    bits = np.dtype(f"u{left.dtype.itemsize}")
    a, b = (np.ascontiguousarray(flat(values)).view(bits) for values in (left, right))
    return np.asarray(a != b)


def compare(
    name: GapName,
    left: Column,
    right: Column,
    reading: Reading,
    labels: Classes | None,
) -> Gap | None:
    """The gap between two columns, None where one of them is absent.

    Args:
        name, left, right: the gap and its ends.
        reading: how outputs are read; the scale of its codes makes codes of float outputs.
        labels: as ``Reading.labels`` gives them.
    """
    if left.outputs is None or right.outputs is None:
        return None
    codes = reading.codes
    distance = np.abs(steps(left.outputs, codes) - steps(right.outputs, codes))
    real_left, real_right = real_values(left.outputs, codes), real_values(right.outputs, codes)
    error = np.abs(real_left - real_right)
    # Keras is as equal as codes can be; what runs the .tflite must be so in every bit.
    exact = left.outputs.dtype == right.outputs.dtype and "keras" not in (left.name, right.name)
    differ = unequal(left.outputs, right.outputs) if exact else distance != 0
    n, worst = len(distance), distance.max(axis=1)
    left_classes, right_classes = (
        reading.predictions(column) for column in (left.outputs, right.outputs)
    )
    has_classes, one_class = reading.classifies, reading.classifies and left_classes.ndim == 1
    flips = np.flatnonzero(~matches(left_classes, right_classes))
    # On the device a difference matters where no prediction changes, too.
    only_flips = has_classes and (len(flips) > 0 or name != "deployment")
    listed = flips if only_flips else np.flatnonzero(differ.any(axis=1))
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
            statistics.mcnemar(matches(left_classes, labels), matches(right_classes, labels))
            if labels is not None
            else None
        ),
        disagreements=tuple(
            Disagreement(
                sample=int(i),
                left=int(left_classes[i]) if one_class else None,
                right=int(right_classes[i]) if one_class else None,
                label=int(labels[i]) if one_class and labels is not None else None,
                steps=int(worst[i]),
                left_margin=_margin(real_left[i], reading) if one_class else None,
                right_margin=_margin(real_right[i], reading) if one_class else None,
            )
            for i in sorted(listed, key=lambda i: (-worst[i], i))
        ),
    )


def _margin(values: npt.NDArray[np.float64], reading: Reading) -> float | None:
    if reading.threshold is not None:
        return float(abs(values[0] - reading.threshold))
    if len(values) < 2:
        return None
    second, first = np.partition(values, -2)[-2:]
    return float(first - second)
