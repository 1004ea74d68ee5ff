"""A and B operator by operator: what differs, and what was measured before any intervention."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from host.base.arrays import Array, FloatArray
from host.diagnosis.comparison.align import Pair, Similarity, align
from host.diagnosis.comparison.parameters import Part, PartKind, partners, parts
from host.diagnosis.comparison.signals import Samples, Traces, outside
from host.models.tflite import Graph, Operator, Tensor

# Operators that hand the input on unchanged, or in another order.
_TRANSPARENT = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "PAD", "QUANTIZE", "DEQUANTIZE")
# Share of the values outside a range from which on it clips.
CLIPS = 0.004

Side = Literal["A", "B"]


@dataclass(frozen=True)
class Matched:
    """Two models, their operators paired, and the parts in which they differ."""

    a: Graph
    b: Graph
    pairs: tuple[Pair, ...]
    parts: tuple[Part, ...]

    @cached_property
    def partner(self) -> Mapping[int, int]:
        """Tensor of B to tensor of A."""
        return partners(self.a, self.b, self.pairs)

    @cached_property
    def upstream(self) -> Mapping[int, frozenset[int]]:
        """For each operator of B, itself and all whose outputs reach it."""
        writer = {i: o.index for o in self.b.operators for i in o.outputs}
        reached: dict[int, frozenset[int]] = {}
        for operator in self.b.operators:
            sources = [writer[i] for i in operator.inputs if i in writer]
            above = [reached.get(s, frozenset()) for s in sources]
            reached[operator.index] = frozenset({operator.index}).union(*above)
        return reached

    @cached_property
    def first_operators(self) -> frozenset[int]:
        """Operators of B that compute on the model's input itself."""
        carrying = {self.b.inputs[0]}
        first = set()
        for operator in self.b.operators:
            if carrying & set(operator.inputs[:1]):
                if operator.name in _TRANSPARENT:
                    carrying.update(operator.outputs)
                else:
                    first.add(operator.index)
        return frozenset(first)

    def of_kind(self, kind: PartKind) -> list[int]:
        """Positions of the parts of a kind."""
        return [i for i, part in enumerate(self.parts) if part.kind == kind]

    def tensors(self, part: int) -> tuple[Tensor, Tensor]:
        """A's and B's first tensor of a part."""
        right, left = self.parts[part].tensors[0]
        return self.a.tensors[left], self.b.tensors[right]

    def operator(self, part: int) -> Operator:
        """B's operator that a part belongs to."""
        index = self.parts[part].operator
        assert index is not None
        return self.b.operators[index]

    def title(self, operator: int | None) -> str:
        """``operator 3 CONV_2D``, for sentences."""
        if operator is None:
            return "the model's input"
        return f"operator {operator} {self.b.operators[operator].name}"


@dataclass(frozen=True)
class DifferingRange:
    """A differing range and how B's compares with A's.

    Attributes:
        part: its position in the case's parts.
        operator: B's that writes it; None for the model's input.
        a, b: the first tensor that has it.
        clipped: which of the model's values each side clips, [n, values]; a side without a range
            is missing.
    """

    part: int
    operator: int | None
    a: Tensor
    b: Tensor
    clipped: Mapping[Side, Array]

    @property
    def ratio(self) -> float:
        """B's width over A's."""
        return self.b.scale / self.a.scale

    @property
    def factor(self) -> float:
        """The wider one's width over the narrower one's."""
        return max(self.ratio, 1 / self.ratio)

    @property
    def shift(self) -> int:
        """B's zero point less A's."""
        return self.b.zero_point - self.a.zero_point

    def outside(self, side: Side) -> float:
        """Share of the model's values that a side clips."""
        return float(self.clipped[side].mean()) if side in self.clipped else 0.0


@dataclass(frozen=True)
class Case(Matched):
    """A and B with all that was measured before any intervention.

    Attributes:
        likeness: of the outputs of A's and B's operators.
        x_calibration: float32 representative data, or None.
        device: what a device made of B on the samples that are meant, [n, …], or None.
        device_name: its engine and version, or None.
    """

    traces: Traces
    samples: Samples
    likeness: Similarity = field(default_factory=dict)
    x_calibration: FloatArray | None = None
    device: Array | None = None
    device_name: str | None = None

    @cached_property
    def ranges(self) -> Mapping[int, DifferingRange]:
        """The ranges that differ, by part; what is clipped is the float model's signal, or A's."""
        measured = {}
        for part in self.of_kind("range"):
            a, b = self.tensors(part)
            values = self.traces.float_b.get(b.index)
            if values is None:
                values = a.to_real(self.traces.a[a.index])
            flat = values.reshape(len(values), -1)
            sides: tuple[tuple[Side, Tensor], ...] = (("A", a), ("B", b))
            clipped = {s: c for s, tensor in sides if (c := outside(flat, tensor)) is not None}
            measured[part] = DifferingRange(part, self.parts[part].operator, a, b, clipped)
        return measured


def match(a: Graph, b: Graph, similarity: Similarity | None = None) -> Matched:
    """Pair the operators of two models and compare the parameters; see ``align``."""
    pairs = align(a, b, similarity)
    return Matched(a, b, pairs, parts(a, b, pairs))


def samples_clipped(ranges: Iterable[DifferingRange], side: Side) -> float:
    """Share of samples of which at least one value, in one of the ranges, is clipped."""
    rows = [r.clipped[side].any(axis=1) for r in ranges if side in r.clipped]
    return float(np.any(rows, axis=0).mean()) if rows else 0.0
