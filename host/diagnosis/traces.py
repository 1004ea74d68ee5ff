"""What every operator of A, of B and of the float model writes, for some samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array
from host.diagnosis.align import align
from host.diagnosis.parameters import partners
from host.diagnosis.records import Signal
from host.models.tflite import Graph, Tensor
from host.oracles.litert import litert_tensors
from host.oracles.tflm_host import tflm_tensors

Real = npt.NDArray[np.float64]

# Samples whose every tensor is looked at, as far as these bytes go.
TRACED_SAMPLES = 200
_TRACED_BYTES = 256 * 2**20


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


def encode(x: Array, raw: bool, tensor: Tensor) -> Array:
    """Samples as a model's input takes them: codes are codes, real values are quantized."""
    if tensor.dtype == "float32":
        return x.astype(np.float32)
    if raw:
        return x.astype(tensor.numpy_dtype)
    return tensor.to_codes(x)


def trace(
    a: Graph, b: Graph, reference: Graph | None, x: Array, deployed: Array | None, raw: bool
) -> Traces:
    """Run the models on the first samples.

    Args:
        a, b: the models.
        reference: the float model as a float .tflite, or None.
        x: the samples; float32 real values, or int8 codes where ``raw``.
        deployed: what B's deployment is fed instead, or None.
        raw: see ``x``; then the float model cannot be run.

    Raises:
        OracleError: TFLM refuses a model.
    """
    count = max(1, min(len(x), TRACED_SAMPLES, _TRACED_BYTES // max(1, _sample_bytes(a, b))))
    x = x[:count]
    fed = x if deployed is None else deployed[:count]
    in_a, in_b = encode(x, raw, a.input), encode_deployed(fed, raw, b.input)
    values_a = {a.inputs[0]: in_a, **tflm_tensors(a, in_a, _written(a))}
    values_b = {b.inputs[0]: in_b, **tflm_tensors(b, in_b, _written(b))}
    if reference is None or raw:
        return Traces(values_a, values_b)
    values = litert_tensors(reference, x.astype(np.float32), _written(reference))
    values[reference.inputs[0]] = x.astype(np.float32)
    places = [partners(reference, graph, align(reference, graph)) for graph in (a, b)]
    float_a, float_b = ({i: values[j] for i, j in place.items() if j in values} for place in places)
    return Traces(values_a, values_b, float_a, float_b)


def encode_deployed(x: Array, raw: bool, tensor: Tensor) -> Array:
    """As ``encode``; captured samples may be codes already."""
    return encode(x, raw or (x.dtype.kind in "iu" and tensor.dtype != "float32"), tensor)


def _written(graph: Graph) -> list[int]:
    return [i for operator in graph.operators for i in operator.outputs]


def _sample_bytes(a: Graph, b: Graph) -> int:
    return sum(g.tensors[i].nbytes for g in (a, b) for i in _written(g))


# --- what a signal is like --------------------------------------------------------------------


def signal(codes: Array, tensor: Tensor, reference: Array | None) -> Signal:
    """Describe one activation; ``reference`` is the float model's, [n, …], or None."""
    clipped = sqnr = None
    if reference is not None:
        sqnr = sqnr_db(reference.astype(np.float64), tensor.to_real(codes))
        clipped = share_outside(reference, tensor)
    if codes.dtype.kind == "f":
        return Signal(sqnr, 0, 0.0, 0.0, None)
    limits = np.iinfo(codes.dtype)
    return Signal(
        sqnr=sqnr,
        codes=len(np.unique(codes)),
        low=float((codes == limits.min).mean()),
        high=float((codes == limits.max).mean()),
        outside=clipped,
    )


def sqnr_db(wanted: Real, found: Real) -> float | None:
    """Signal to quantization noise, 10·log10(Σ wanted² / Σ (wanted − found)²), in dB."""
    noise, power = float(np.square(wanted - found).sum()), float(np.square(wanted).sum())
    if noise == 0.0:
        return float("inf")
    return 10 * float(np.log10(power / noise)) if power > 0 else None


def share_outside(values: Array, tensor: Tensor) -> float | None:
    """Share of real values that the tensor's codes cannot represent to within half a step."""
    found = outside(values, tensor)
    return None if found is None else float(found.mean())


def outside(values: Array, tensor: Tensor) -> npt.NDArray[np.bool_] | None:
    """Which real values the tensor's codes cannot represent to within half a step; None where it
    has no range."""
    q = tensor.quantization
    if q is None or tensor.dtype not in ("int8", "int16"):
        return None
    limits = np.iinfo(tensor.numpy_dtype)
    low = (limits.min - q.zero_point - 0.5) * q.scale
    high = (limits.max - q.zero_point + 0.5) * q.scale
    return np.asarray((values < low) | (values > high))


def correlation(left: Real, right: Real) -> float | None:
    """Pearson's, None where one of them is constant."""
    x, y = left.ravel() - left.mean(), right.ravel() - right.mean()
    power = float(np.sqrt(np.square(x).sum() * np.square(y).sum()))
    return float((x * y).sum()) / power if power > 0 else None


def share_differing(left: Real, right: Real, step: float) -> float:
    """Share of values further apart than ``step``, which rounding alone explains."""
    return float((np.abs(left - right) > step * (1 + 1e-6)).mean())


def similarity(a: Graph, b: Graph, traces: Traces) -> dict[tuple[int, int], float | None]:
    """Correlations of the outputs of all operators of one kind and shape, by (A's, B's) index."""
    found = {}
    for left in a.operators:
        for right in b.operators:
            i, j = left.outputs[0], right.outputs[0]
            if left.name == right.name and a.tensors[i].shape == b.tensors[j].shape:
                found[left.index, right.index] = correlation(
                    a.tensors[i].to_real(traces.a[i]), b.tensors[j].to_real(traces.b[j])
                )
    return found
