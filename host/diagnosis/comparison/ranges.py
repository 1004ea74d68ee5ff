"""A range that differs between A and B, and how B's compares with A's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array
from host.diagnosis.comparison.signals import outside
from host.models.tflite import Tensor

# Share of the values outside a range from which on it clips.
CLIPS = 0.004

Side = Literal["A", "B"]


@dataclass(frozen=True)
class DifferingRange:
    """A differing range and how B's compares with A's.

    Attributes:
        part: its position in the case's parts.
        operator: B's that writes it; None for the model's input.
        a, b: the first tensor that has it.
        clipped: which of the model's values each side clips, [n, values].
    """

    part: int
    operator: int | None
    a: Tensor
    b: Tensor
    clipped: Mapping[Side, npt.NDArray[np.bool_]]

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
        return float(self.clipped[side].mean())


def clipped_values(values: Array, tensor: Tensor) -> npt.NDArray[np.bool_]:
    """Which of [n, …] real values a tensor's range clips, [n, values]."""
    flat = values.reshape(len(values), -1)
    clipped = outside(flat, tensor)
    return np.zeros(flat.shape, np.bool_) if clipped is None else clipped


def samples_clipped(ranges: Iterable[DifferingRange], side: Side) -> float:
    """Share of samples of which at least one value, in one of the ranges, is clipped."""
    rows = [r.clipped[side].any(axis=1) for r in ranges]
    return float(np.any(rows, axis=0).mean()) if rows else 0.0
