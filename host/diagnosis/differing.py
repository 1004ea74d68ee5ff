"""A range that differs between A and B, and how B's compares with A's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array
from host.diagnosis.case import Case
from host.diagnosis.traces import outside
from host.models.tflite import Tensor

# Two draws of representative data give ranges whose widths differ by less than this factor.
NOTABLE = 1.25
# Share of the model's values outside a range from which on it clips.
CLIPS = 0.004


@dataclass(frozen=True)
class DifferingRange:
    """A differing range: its part, and how B's compares with A's."""

    part: int
    operator: int | None
    a: Tensor
    b: Tensor
    ratio: float  # B's width over A's
    shift: int  # B's zero point less A's
    clipped_a: npt.NDArray[np.bool_]  # which of the model's values A clips, [n, values]
    clipped_b: npt.NDArray[np.bool_]

    @property
    def outside_a(self) -> float:
        """Share of the model's values that A clips."""
        return float(self.clipped_a.mean())

    @property
    def outside_b(self) -> float:
        """Share of the model's values that B clips."""
        return float(self.clipped_b.mean())


def measure(case: Case, part: int) -> DifferingRange:
    """Compare the ranges of a part; what is clipped is the float model's, or else A's signal."""
    left, right = case.tensors(part)
    qa, qb = left.quantization, right.quantization
    assert qa is not None and qb is not None
    values = case.traces.float_b.get(right.index)
    if values is None:
        values = left.to_real(case.traces.a[left.index])
    return DifferingRange(
        part=part,
        operator=case.parts[part].operator,
        a=left,
        b=right,
        ratio=qb.scale / qa.scale,
        shift=qb.zero_point - qa.zero_point,
        clipped_a=_clipped(values, left),
        clipped_b=_clipped(values, right),
    )


def _clipped(values: Array, tensor: Tensor) -> npt.NDArray[np.bool_]:
    found = outside(values, tensor)
    flat = values.reshape(len(values), -1)
    return np.zeros(flat.shape, np.bool_) if found is None else found.reshape(flat.shape)


def samples_clipped(ranges: Iterable[DifferingRange], side: Literal["A", "B"]) -> float:
    """Share of samples of which at least one value, in one of the ranges, is clipped."""
    rows = [(r.clipped_a if side == "A" else r.clipped_b).any(axis=1) for r in ranges]
    return float(np.any(rows, axis=0).mean()) if rows else 0.0


def parts_of(ranges: Iterable[DifferingRange]) -> frozenset[int]:
    """Their positions in the case's parts."""
    return frozenset(r.part for r in ranges)
