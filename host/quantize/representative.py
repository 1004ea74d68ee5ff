"""The representative data set: samples by which the converter sets the activations' ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from host.base.arrays import FloatArray
from host.base.errors import DataError
from host.models.dataset import Dataset

# Ranges settle within some hundred samples; more only cost time.
REPRESENTATIVE_SAMPLES = 200

Representative = Callable[[], Iterator[list[FloatArray]]]


def representative(dataset: Dataset, input_shape: tuple[int, ...], seed: int) -> Representative:
    """The converter's callable: float32 samples [1, *input_shape], one list each.

    All of ``dataset.x_calibration``, or ``REPRESENTATIVE_SAMPLES`` of it drawn with ``seed``.
    The converter itself accepts an empty set, a wrong shape or NaN without an error and makes a
    wrong model of it, so each is refused here.

    Raises:
        DataError: there is none, it is empty, of another shape, not finite, or constant.
    """
    samples = dataset.x_calibration
    if samples is None or len(samples) == 0:
        raise DataError(
            f"the data set {dataset.name} has no representative data, so the conversion to int8 "
            "cannot choose ranges",
            "Add `x_calibration` (some hundred training samples) to the .npz.",
        )
    if samples.shape[1:] != input_shape:
        raise DataError(
            f"the representative data of {dataset.name} has samples of shape {samples.shape[1:]}, "
            f"the model takes {input_shape}"
        )
    samples = np.asarray(samples, np.float32)
    if not np.isfinite(samples).all():
        raise DataError(
            f"the representative data of {dataset.name} has NaN or infinite values",
            "Remove or repair those samples.",
        )
    if samples.min() == samples.max():
        raise DataError(
            f"the representative data of {dataset.name} is {samples.min():g} everywhere",
            "Give real training samples.",
        )
    if len(samples) > REPRESENTATIVE_SAMPLES:
        order = np.random.default_rng(seed).permutation(len(samples))
        samples = samples[np.sort(order[:REPRESENTATIVE_SAMPLES])]

    def generate() -> Iterator[list[FloatArray]]:
        for index in range(len(samples)):
            yield [np.ascontiguousarray(samples[index : index + 1])]

    return generate
