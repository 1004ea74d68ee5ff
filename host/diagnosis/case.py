"""What the diagnosis works on, and what it gives: suspects, which interventions then try."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from host.base.arrays import Array
from host.diagnosis.align import Pair
from host.diagnosis.parameters import Part, partners
from host.diagnosis.traces import Traces
from host.models.tflite import Graph, Operator, Tensor

# Operators that hand the input on unchanged, or in another order.
_TRANSPARENT = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "PAD", "QUANTIZE", "DEQUANTIZE")


@dataclass(frozen=True)
class Suspect:
    """A cause that the parameters and the signals point to.

    Attributes:
        cause: an identifier of ``causes.CAUSES``.
        parts: positions of the parts that are to blame.
        operator: B's index where it is one operator's.
        tensor: B's tensor where it is one tensor's.
        evidence: sentences with numbers.
    """

    cause: str
    parts: frozenset[int]
    operator: int | None
    tensor: int | None
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A and B with all that was measured before any intervention.

    Attributes:
        x: the samples that both are meant to get, float32 real values, or codes where ``raw``.
        x_calibration: float32 representative data, or None.
    """

    a: Graph
    b: Graph
    pairs: tuple[Pair, ...]
    parts: tuple[Part, ...]
    traces: Traces
    x: Array
    raw: bool
    x_calibration: Array | None = None

    @cached_property
    def partner(self) -> Mapping[int, int]:
        """Tensor of B to tensor of A."""
        return partners(self.a, self.b, self.pairs)

    @cached_property
    def upstream(self) -> Mapping[int, frozenset[int]]:
        """For each operator of B, itself and all whose outputs reach it."""
        writer = {i: o.index for o in self.b.operators for i in o.outputs}
        found: dict[int, frozenset[int]] = {}
        for operator in self.b.operators:
            sources = [writer[i] for i in operator.inputs if i in writer]
            reached = [found.get(s, frozenset()) for s in sources]
            found[operator.index] = frozenset({operator.index}).union(*reached)
        return found

    @cached_property
    def first_operators(self) -> frozenset[int]:
        """Operators of B that compute on the model's input itself."""
        reached = {self.b.inputs[0]}
        found = set()
        for operator in self.b.operators:
            if reached & set(operator.inputs[:1]):
                if operator.name in _TRANSPARENT:
                    reached.update(operator.outputs)
                else:
                    found.add(operator.index)
        return frozenset(found)

    def of_kind(self, kind: str, among: Collection[int] | None = None) -> list[int]:
        """Positions of the parts of a kind."""
        indices = range(len(self.parts)) if among is None else sorted(among)
        return [i for i in indices if self.parts[i].kind == kind]

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


def share_of(part: int, whole: int) -> str:
    """``3 of 8``."""
    return f"{part} of {whole}"


def as_percent(share: float) -> str:
    """A share for a sentence, with a digit that matters."""
    value = 100 * share
    return f"{value:.0f} %" if share in (0.0, 1.0) else f"{value:.3g} %"


def factor(value: float) -> str:
    """A factor for a sentence."""
    return f"{value:.3g}" if np.isfinite(value) else "—"
