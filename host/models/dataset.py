"""Samples to score, to calibrate with and to train with, and whether they fit a model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from host.base.arrays import Array, FloatArray
from host.base.errors import DataError


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


def check_fit(
    dataset: Dataset, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> Dataset:
    """Check the samples against the model, and settle what ``y`` means.

    Args:
        dataset: as loaded; ``y`` and ``y_train`` of any numeric shape.
        input_shape, output_shape: the model's, without the batch.

    Returns:
        The data set with ``y`` as int64 [n] class numbers, as float32 [n, *output_shape]
        targets, or None; ``y_train`` likewise.

    Raises:
        DataError: a shape, a type or the range of labels does not fit, the message has both; or
            ``y`` are class numbers and ``y_train`` are not.
    """
    samples = {
        "x": dataset.x,
        "x_calibration": dataset.x_calibration,
        "x_train": dataset.x_train,
    }
    for name, values in samples.items():
        if values is not None and values.shape[1:] != input_shape:
            raise DataError(
                f"the data set {dataset.name} has samples of shape {values.shape[1:]} ({name}), "
                f"the model takes {input_shape}",
                "Give a data set for this model with --data, or reshape its samples.",
            )
    y, one_hot = _fit(dataset.name, "y", dataset.y, input_shape, output_shape)
    y_train, train_one_hot = _fit(
        dataset.name, "y_train", dataset.y_train, input_shape, output_shape
    )
    if y is not None and y_train is not None and y.dtype.kind != y_train.dtype.kind:
        raise DataError(
            f"the data set {dataset.name} has class numbers in one of y and y_train and targets in "
            "the other",
            "Give both as class numbers, or both as targets of the output's shape.",
        )
    taken = [name for name, hot in (("y", one_hot), ("y_train", train_one_hot)) if hot]
    notes = tuple(f"{name} is one-hot and was taken as class numbers." for name in taken)
    return replace(dataset, y=y, y_train=y_train, notes=(*dataset.notes, *notes))


def _fit(
    name: str,
    what: str,
    y: Array | None,
    input_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
) -> tuple[Array | None, bool]:
    """Labels or targets as ``check_fit`` returns them, and whether they were one-hot."""
    if y is None:
        return None, False
    values_out = int(np.prod(output_shape))
    if y.ndim == 2 and y.shape[1] == 1 and values_out > 1:
        y = y[:, 0]
    if y.ndim == 1 and values_out > 1:
        return _labels(name, what, y, input_shape, output_shape), False
    if y.size == len(y) * values_out:
        return _targets(y, output_shape)
    raise DataError(
        f"the data set {name} has targets of shape {y.shape[1:]} ({what}), the model's output is "
        f"{output_shape}",
        f"Give `{what}` as one class number per sample, or as targets of the output's shape.",
    )


def _labels(
    name: str, what: str, y: Array, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> Array:
    classes = int(np.prod(output_shape))
    if input_shape == output_shape or max(output_shape) != classes:
        raise DataError(
            f"the data set {name} has one label per sample ({what}), but the model's output "
            f"{output_shape} is no list of classes (its input is {input_shape})",
            f"Leave `{what}` out, or give targets of the output's shape.",
        )
    if not (y == np.floor(y)).all():
        raise DataError(
            f"the data set {name} has labels ({what}) that are no whole numbers, such as "
            f"{float(y[y != np.floor(y)][0]):g}; the model has {classes} outputs",
            "Give class numbers, or targets of the output's shape.",
        )
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= classes:
        raise DataError(
            f"the data set {name} has labels from {low} to {high} ({what}), the model has "
            f"{classes} classes, 0 to {classes - 1}",
            "Number the classes from 0, in the order of the model's outputs.",
        )
    return y.astype(np.int64)


def _targets(y: Array, output_shape: tuple[int, ...]) -> tuple[Array, bool]:
    flat = y.reshape(len(y), -1)
    listed = flat.shape[1] > 1 and max(output_shape) == flat.shape[1]
    if listed and np.isin(flat, (0, 1)).all() and (flat.sum(axis=1) == 1).all():
        return flat.argmax(axis=1).astype(np.int64), True
    return y.astype(np.float32).reshape(len(y), *output_shape), False
