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
    for name in ("x", "x_calibration", "x_train"):
        values = getattr(dataset, name)
        if values is not None and values.shape[1:] != input_shape:
            raise DataError(
                f"the data set {dataset.name} has samples of shape {values.shape[1:]} ({name}), "
                f"the model takes {input_shape}",
                "Give a data set for this model with --data, or reshape its samples.",
            )
    fitted, notes = [], list(dataset.notes)
    for name in ("y", "y_train"):
        labels, one_hot = _fit(dataset, name, input_shape, output_shape)
        fitted.append(labels)
        if one_hot:
            notes.append(f"{name} is one-hot and was taken as class numbers.")
    y, y_train = fitted
    if y is not None and y_train is not None and y.dtype.kind != y_train.dtype.kind:
        raise DataError(
            f"the data set {dataset.name} has class numbers in one of y and y_train and targets in "
            "the other",
            "Give both as class numbers, or both as targets of the output's shape.",
        )
    return replace(dataset, y=y, y_train=y_train, notes=tuple(notes))


def _fit(
    dataset: Dataset, name: str, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> tuple[Array | None, bool]:
    """Labels or targets as ``check_fit`` returns them, and whether they were one-hot."""
    y: Array | None = getattr(dataset, name)
    if y is None:
        return None, False
    who, values_out = f"the data set {dataset.name} has", int(np.prod(output_shape))
    if y.ndim == 2 and y.shape[1] == 1 and values_out > 1:
        y = y[:, 0]
    if y.ndim == 1 and values_out > 1:
        if input_shape == output_shape or max(output_shape) != values_out:
            raise DataError(
                f"{who} one label per sample ({name}), but the model's output {output_shape} is "
                f"not a list of classes (its input is {input_shape})",
                f"Leave `{name}` out, or give targets of the output's shape.",
            )
        return _labels(y, f"{who} labels", name, values_out), False
    if y.size != len(y) * values_out:
        raise DataError(
            f"{who} targets of shape {y.shape[1:]} ({name}), the model's output is {output_shape}",
            f"Give `{name}` as one class number per sample, or as targets of the output's shape.",
        )
    classes = one_hot_classes(y) if values_out == max(output_shape) > 1 else None
    if classes is not None:
        return classes, True
    return y.astype(np.float32).reshape(len(y), *output_shape), False


def _labels(y: Array, has_labels: str, name: str, classes: int) -> Array:
    if not (y == np.floor(y)).all():
        raise DataError(
            f"{has_labels} ({name}) that are not whole numbers, such as "
            f"{float(y[y != np.floor(y)][0]):g}; the model has {classes} outputs",
            "Give class numbers, or targets of the output's shape.",
        )
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= classes:
        raise DataError(
            f"{has_labels} from {low} to {high} ({name}), the model has {classes} classes, 0 to "
            f"{classes - 1}",
            "Number the classes from 0, in the order of the model's outputs.",
        )
    return y.astype(np.int64)


def one_hot_classes(y: Array) -> Array | None:
    """Class numbers, int64 [n], of one-hot rows [n, ...]; None where they are not one-hot."""
    flat = y.reshape(len(y), -1)
    if np.isin(flat, (0, 1)).all() and (flat.sum(axis=1) == 1).all():
        return np.asarray(flat.argmax(axis=1), np.int64)
    return None
