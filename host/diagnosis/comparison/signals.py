"""What every operator of A, of B and of the float model writes, for some samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from host.base.arrays import Array, RealArray
from host.diagnosis.comparison.align import align
from host.diagnosis.comparison.parameters import partners
from host.models.tflite import Graph, Tensor
from host.oracles.litert import litert_tensors
from host.oracles.tflm_host import tflm_tensors

# Samples whose every tensor is looked at, as far as these bytes go.
TRACED_SAMPLES = 200
_TRACED_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Samples:
    """What A and B are run on: real values where they are floats, else codes of the input.

    Attributes:
        meant: [n, …], what both are meant to get.
        deployed: [n, …], what B's deployment feeds instead; None where it feeds the same.
    """

    meant: Array
    deployed: Array | None = None

    @property
    def raw(self) -> bool:
        """Whether the samples are codes already, of which no real values are known."""
        return self.meant.dtype.kind != "f"

    @property
    def fed(self) -> Array:
        """What B gets."""
        return self.meant if self.deployed is None else self.deployed

    def first(self, count: int) -> Samples:
        """The first ``count`` of them."""
        return Samples(self.meant[:count], None if self.deployed is None else self.deployed[:count])

    def undeployed(self) -> Samples:
        """The same, with B fed what is meant."""
        return replace(self, deployed=None)


@dataclass(frozen=True)
class Traces:
    """Tensors by index, each [n, …].

    Attributes:
        a, b: codes of A's and B's activations, the inputs included.
        float_a, float_b: what the float model writes at the same place, by A's and B's indices;
            empty without a float model.
    """

    a: Mapping[int, Array]
    b: Mapping[int, Array]
    float_a: Mapping[int, Array] = field(default_factory=dict)
    float_b: Mapping[int, Array] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many samples were traced."""
        return len(next(iter(self.b.values())))


def encode(x: Array, tensor: Tensor) -> Array:
    """Samples as a model's input takes them: codes stay codes, real values are quantized."""
    if tensor.dtype != "float32" and x.dtype.kind == "f":
        return tensor.to_codes(x)
    return x.astype(tensor.numpy_dtype)


def trace(a: Graph, b: Graph, reference: Graph | None, samples: Samples) -> Traces:
    """Run the models on the first samples; ``reference`` is the float model as a float .tflite.

    Raises:
        OracleError: TFLM refuses a model.
    """
    bytes_each = sum(g.tensors[i].nbytes for g in (a, b) for i in _written(g))
    samples = samples.first(max(1, min(TRACED_SAMPLES, _TRACED_BYTES // max(1, bytes_each))))
    in_a, in_b = encode(samples.meant, a.input), encode(samples.fed, b.input)
    values_a = {a.inputs[0]: in_a, **tflm_tensors(a, in_a, _written(a))}
    values_b = {b.inputs[0]: in_b, **tflm_tensors(b, in_b, _written(b))}
    if reference is None or samples.raw:
        return Traces(values_a, values_b)
    x = samples.meant.astype(np.float32)
    values = {reference.inputs[0]: x, **litert_tensors(reference, x, _written(reference))}
    places = [partners(reference, graph, align(reference, graph)) for graph in (a, b)]
    float_a, float_b = ({i: values[j] for i, j in place.items() if j in values} for place in places)
    return Traces(values_a, values_b, float_a, float_b)


def _written(graph: Graph) -> list[int]:
    return [i for operator in graph.operators for i in operator.outputs]


@dataclass(frozen=True)
class Signal:
    """What one operator's output does on the samples."""

    sqnr: float | None
    """Ratio of signal to quantization noise against the float model, in dB; null without a float
    model and where there is no noise."""
    codes: int
    """Number of codes that occur, of the 256 of int8."""
    low: float
    """Share of values at the lowest code."""
    high: float
    """Share of values at the highest code."""
    outside: float | None
    """Share of the float model's values outside the range that can be represented; null without a
    float model."""


def signal(codes: Array, tensor: Tensor, reference: Array | None) -> Signal:
    """Describe one activation; ``reference`` is the float model's, [n, …], or None."""
    clipped = sqnr = None
    if reference is not None:
        sqnr = sqnr_db(reference.astype(np.float64), tensor.to_real(codes))
        clipped = outside(reference, tensor)
    if codes.dtype.kind == "f":
        return Signal(sqnr, 0, 0.0, 0.0, None)
    limits = np.iinfo(codes.dtype)
    return Signal(
        sqnr=sqnr,
        codes=len(np.unique(codes)),
        low=float((codes == limits.min).mean()),
        high=float((codes == limits.max).mean()),
        outside=None if clipped is None else float(clipped.mean()),
    )


def sqnr_db(signal: RealArray, noisy: RealArray) -> float | None:
    """Signal to quantization noise, 10·log10(Σ signal² / Σ (signal − noisy)²), in dB."""
    noise, power = float(np.square(signal - noisy).sum()), float(np.square(signal).sum())
    if noise == 0.0:
        return float("inf")
    return 10 * float(np.log10(power / noise)) if power > 0 else None


def outside(values: Array, tensor: Tensor) -> Array | None:
    """Which real values the tensor's codes cannot represent to within half a step; None where it
    has no range."""
    if tensor.quantization is None or tensor.dtype not in ("int8", "int16"):
        return None
    return tensor.outside(values)


def correlation(left: RealArray, right: RealArray) -> float | None:
    """Pearson's, None where one of them is constant."""
    x, y = left.ravel() - left.mean(), right.ravel() - right.mean()
    power = float(np.sqrt(np.square(x).sum() * np.square(y).sum()))
    return float((x * y).sum()) / power if power > 0 else None


def similarity(a: Graph, b: Graph, traces: Traces) -> dict[tuple[int, int], float | None]:
    """Correlations of the outputs of all operators of one kind and shape, by (A's, B's) index."""
    return {
        (left.index, right.index): correlation(
            a.tensors[i].to_real(traces.a[i]), b.tensors[j].to_real(traces.b[j])
        )
        for left in a.operators
        for right in b.operators
        for i, j in [(left.outputs[0], right.outputs[0])]
        if left.name == right.name and a.tensors[i].shape == b.tensors[j].shape
    }
