"""Samples to score, to calibrate with and to train with."""

from __future__ import annotations

from dataclasses import dataclass

from host.base.arrays import Array, FloatArray


@dataclass(frozen=True)
class Dataset:
    """Samples to score, to calibrate with, and to train with; the first never overlap the others.

    Attributes:
        x: float32 [n, ...] in the model's real units; int8 [n, ...] where ``raw``, also for inputs
            of other types, over whose codes they are spread.
        y: int64 [n] class labels, float32 [n, ...] targets, or None.
        x_calibration: float32 [m, ...], the representative data; None where there is none.
        raw: x are codes of the model's input already (the set ``random``).
        notes: what a reader of the results must know, in whole sentences.
        x_train: float32 [t, ...], samples to train with; None where there are none.
        y_train: their labels or targets, as ``y``; None exactly where x_train is.
    """

    name: str
    x: Array
    y: Array | None
    x_calibration: FloatArray | None
    raw: bool = False
    notes: tuple[str, ...] = ()
    x_train: FloatArray | None = None
    y_train: Array | None = None
