"""What differs between two models' parameters, before anything is run.

Parameters come in *parts*: the smallest sets that can be exchanged between the models and leave a
model that makes sense. A range is shared by all tensors that an operator such as MAX_POOL_2D
hands on unchanged; a bias belongs to one operator; so do weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from host.base.arrays import RealArray
from host.diagnosis.comparison.align import Pair
from host.models.tflite import Graph, Operator, Tensor

# Where operators with a bias have their input, weights and bias.
BIASED: Mapping[str, tuple[int, int, int]] = {
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}
# Operators whose output has the input's scale and zero point.
_PASSING = (
    *("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "PAD", "PADV2", "MIRROR_PAD", "SLICE"),
    *("STRIDED_SLICE", "SPLIT", "SPLIT_V", "PACK", "UNPACK", "CONCATENATION", "GATHER"),
    *("MAX_POOL_2D", "AVERAGE_POOL_2D", "RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"),
    *("MAXIMUM", "MINIMUM", "REDUCE_MAX"),
)
# Two roundings of one number differ by half a step of each; the rest is float32's own rounding.
ROUNDING = 1.02

ParameterKind = Literal["range", "weights", "bias"]
PartKind = Literal["range", "weights", "bias", "input", "operators"]


@dataclass(frozen=True)
class Difference:
    """What differs in one tensor's parameters, before anything is run."""

    kind: ParameterKind
    """What the tensor is: an activation (range), weights or a bias."""
    tensor: int
    """Index of the tensor in B's .tflite."""
    name: str
    """Name of the tensor in B."""
    scales_a: int
    """Number of A's scales; 1 is per tensor."""
    scales_b: int
    """Number of B's scales; 1 is per tensor."""
    scale_a: float
    """Median of A's scales, in real units per quantization step."""
    scale_b: float
    """Median of B's scales, in real units per quantization step."""
    zero_point_a: int
    """A's zero point of an activation, a code; 0 for constants."""
    zero_point_b: int
    """B's zero point of an activation, a code; 0 for constants."""
    codes: float
    """Share of the constant's codes that differ; 0 for an activation."""
    largest: int
    """Largest difference of the constant's codes; 0 for an activation."""
    real: float | None
    """Largest difference of the real values, divided by what rounding explains (half a step of
    each): at most 1 where both round the same numbers; null for activations."""


@dataclass(frozen=True)
class Part:
    """Parameters of B that differ from A's and can be exchanged.

    Attributes:
        kind: of activations, of weights, of a bias; "input": the samples as B's deployment feeds
            them; "operators": float operators where A has int8 ones.
        operator: B's index: it writes the range's first tensor, or reads the constant. None for
            the model's input.
        tensors: (B's, A's) indices, in order of execution.
        differences: of each tensor.
    """

    kind: PartKind
    operator: int | None
    tensors: tuple[tuple[int, int], ...]
    differences: tuple[Difference, ...] = ()

    @property
    def same_value(self) -> bool:
        """Whether a constant is the same real numbers in both, but for rounding."""
        return all(d.real is not None and d.real <= ROUNDING for d in self.differences)


def partners(a: Graph, b: Graph, pairs: Sequence[Pair]) -> dict[int, int]:
    """Which tensor of A each tensor of B corresponds to; of one shape always."""
    wanted = list(zip(b.inputs, a.inputs, strict=False))
    matched = [(b.operators[p.b], a.operators[p.a]) for p in pairs]
    # Outputs before inputs: of an ADD's two inputs, order says less than who writes them.
    for right, left in matched:
        wanted += zip(right.outputs, left.outputs, strict=False)
    for right, left in matched:
        wanted += zip(right.inputs, left.inputs, strict=False)
    known: dict[int, int] = {}
    for i, j in wanted:
        if -1 not in (i, j) and b.tensors[i].shape == a.tensors[j].shape:
            known.setdefault(i, j)
    return known


def parts(a: Graph, b: Graph, pairs: Sequence[Pair]) -> tuple[Part, ...]:
    """All parameters that differ, in the order in which B's operators use them."""
    known = partners(a, b, pairs)
    differing = _ranges(a, b, known)
    for pair in pairs:
        operator = b.operators[pair.b]
        for position, index in enumerate(operator.inputs):
            if index in known and _constant_differs(a.tensors[known[index]], b.tensors[index]):
                places = BIASED.get(operator.name, ())
                kind: ParameterKind = "bias" if position in places[2:] else "weights"
                detail = _difference(kind, a.tensors[known[index]], b.tensors[index])
                differing.append(Part(kind, operator.index, ((index, known[index]),), (detail,)))
    # A constant that several operators share is one part, the first operator's.
    unique = {p.tensors: p for p in reversed(differing)}.values()
    return tuple(sorted(unique, key=lambda p: (-1 if p.operator is None else p.operator, p.kind)))


def real_values(tensor: Tensor) -> RealArray:
    """A constant's real numbers; floats as they are."""
    assert tensor.data is not None
    return tensor.to_real(tensor.data)


def steps(tensor: Tensor) -> RealArray:
    """The quantization step at every element of a constant, broadcastable to its shape."""
    assert tensor.quantization is not None
    return tensor.quantization.along(tensor.shape)[0]


def half_steps(left: Tensor, right: Tensor) -> RealArray:
    """Half a step of each of two constants together: how far two roundings may be apart."""
    return (steps(left) + steps(right)) / 2


def channels(tensor: Tensor, operator: Operator) -> RealArray:
    """A weights tensor's real numbers as [output channels, the rest]."""
    return operator.by_channel(real_values(tensor))


def rounding_ratio(left: Tensor, right: Tensor) -> float:
    """The largest difference of two constants' real numbers, over half a step of each together."""
    a, b = real_values(left), real_values(right)
    # Biases are derived in float32 from numbers as large as themselves.
    allowed = half_steps(left, right) + 1e-6 * np.maximum(np.abs(a), np.abs(b))
    return float((np.abs(a - b) / allowed).max())


def same_quantization(left: Tensor, right: Tensor) -> bool:
    """Whether two tensors have the same scales and zero points, or none."""
    a, b = left.quantization, right.quantization
    if a is None or b is None:
        return a is b
    return a.scales == b.scales and a.zero_points == b.zero_points


def _ranges(a: Graph, b: Graph, known: Mapping[int, int]) -> list[Part]:
    writer = {i: o.index for o in b.operators for i in o.outputs}
    differing = []
    for members in _equal_ranges(a, b, known):
        both = [(i, known[i]) for i in members]
        tensors = tuple(
            (i, j) for i, j in both if not same_quantization(b.tensors[i], a.tensors[j])
        )
        if tensors:
            details = tuple(_difference("range", a.tensors[j], b.tensors[i]) for i, j in tensors)
            differing.append(Part("range", writer.get(members[0]), tensors, details))
    return differing


def _equal_ranges(a: Graph, b: Graph, known: Mapping[int, int]) -> list[list[int]]:
    """Activations of B that have a partner of the same type, by who must share a range."""
    from scipy.cluster.hierarchy import DisjointSet

    order = [tensor.index for tensor in b.activations]
    partner = {i: a.tensors[known[i]] for i in order if i in known}
    groups = DisjointSet(
        i
        for i, left in partner.items()
        if left.dtype == b.tensors[i].dtype and left.quantization and b.tensors[i].quantization
    )
    for operator in b.operators:
        if operator.name in _PASSING:
            for i, j in product(operator.inputs, operator.outputs):
                handed_on = (
                    i in groups
                    and j in groups
                    and same_quantization(b.tensors[i], b.tensors[j])
                    and same_quantization(partner[i], partner[j])
                )
                if handed_on:
                    groups.merge(i, j)
    return [sorted(group, key=order.index) for group in groups.subsets()]


def _constant_differs(left: Tensor, right: Tensor) -> bool:
    if left.data is None or right.data is None or left.dtype != right.dtype:
        return False
    if left.quantization is None or right.quantization is None:
        return False  # shapes, axes and paddings are not parameters
    return not (same_quantization(left, right) and np.array_equal(left.data, right.data))


def _difference(kind: ParameterKind, left: Tensor, right: Tensor) -> Difference:
    qa, qb = left.quantization, right.quantization
    assert qa is not None and qb is not None
    codes, largest, real = 0.0, 0, None
    if left.data is not None and right.data is not None:
        apart = np.abs(left.data.astype(np.int64) - right.data.astype(np.int64))
        codes, largest = float(np.count_nonzero(apart)) / max(1, apart.size), int(apart.max())
        real = rounding_ratio(left, right)
    return Difference(
        kind=kind,
        tensor=right.index,
        name=right.name,
        scales_a=len(qa.scales),
        scales_b=len(qb.scales),
        scale_a=float(np.median(qa.scales)),
        scale_b=float(np.median(qb.scales)),
        zero_point_a=qa.zero_points[0],
        zero_point_b=qb.zero_points[0],
        codes=codes,
        largest=largest,
        real=real,
    )
