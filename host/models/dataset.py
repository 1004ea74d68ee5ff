"""Samples: loading them, choosing which are scored, which calibrate and which train, and whether
they fit a model.

Samples that are scored are never samples that calibrate the conversion, or that train.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array, FloatArray
from host.base.errors import DataError
from host.models.data_formats import Wanted, find_format

# Held out of an .npz that brings no x_calibration: a fifth of it, at most this many samples.
HELD_OUT = 200
# Of an .npz that brings nothing to train with, one sample in this many is scored.
_SCORED_OF = 5
# A split into samples to train with and to score is a part of the set: it must not move with
# --seed, or a model would be scored on samples that it was trained on.
SPLIT_SEED = 20261123

_SAMPLES = ("x", "x_calibration", "x_train")
Indices = npt.NDArray[np.int64]


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
        class_names: of the classes in the order of the model's outputs; empty where not known.
    """

    name: str
    x: Array
    y: Array | None
    x_calibration: FloatArray | None
    raw: bool = False
    notes: tuple[str, ...] = ()
    x_train: FloatArray | None = None
    y_train: Array | None = None
    class_names: tuple[str, ...] = ()

    def class_name(self, number: int) -> str:
        """A class's name, or its number where it has none."""
        known = number < len(self.class_names)
        return self.class_names[number] if known else str(number)


def load_dataset(
    spec: str,
    *,
    samples: int | None = None,
    seed: int = 0,
    input_shape: tuple[int, ...] = (),
    calibrate: bool = False,
    train: bool = False,
) -> Dataset:
    """Load the samples to score, those to calibrate with, and those to train with.

    Args:
        spec: what ``--data`` was given; see ``DATA_FORMATS``.
        samples: how many to score, drawn without replacement; None scores all there are.
        seed: of that draw, of the held-out calibration samples, and of ``random``'s values.
        input_shape: the model's, without the batch; only samples that are made up need it.
        calibrate: a conversion follows, so representative data is needed.
        train: models are trained, so a set without ``x_train`` is split into samples that are
            scored and samples to train with.

    Raises:
        DataError: no such set or file, a damaged file, values that cannot be used, or nothing
            left to calibrate or to train with.
        ToolMissingError: a named set's package is not installed.
    """
    if samples is not None and samples < 1:
        raise DataError(f"--samples {samples} is too few", "Give 1 or more.")
    form = find_format(spec)
    if not form.real and (calibrate or train):
        raise DataError(
            f"the set {spec} has no representative data to convert a float model with, and nothing "
            "to train with",
            "Give real data with --data, or a ready int8 .tflite with --model.",
        )
    whole = form.load(Wanted(spec, samples, seed, input_shape))
    if train and whole.x_train is None:
        whole = _split_training(whole)
    if whole.x_calibration is None and calibrate:
        return _hold_out(whole, samples, seed)
    count = len(whole.x)
    if samples is None or samples == count:
        return whole
    if samples > count:
        note = f"{samples} samples were asked for; {whole.name} has {count}, and all were scored."
        return replace(whole, notes=(*whole.notes, note))
    return take(whole, _order(count, seed)[:samples])


def _hold_out(whole: Dataset, samples: int | None, seed: int) -> Dataset:
    """Split the samples into those that are scored and those that calibrate."""
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
    part = take(whole, order[:scored])
    return replace(part, x_calibration=whole.x[held], notes=(*part.notes, note))


def _split_training(whole: Dataset) -> Dataset:
    """A fifth is scored, the rest trains, the same always: a fifth of each class, where the labels
    are classes large enough. Without representative data, the samples to train with calibrate."""
    count = len(whole.x)
    if whole.y is None:
        raise DataError(
            f"{whole.name} has no labels to train with",
            "Add `y`, or `x_train` and `y_train`, to the .npz.",
        )
    if count < _SCORED_OF:
        raise DataError(
            f"{whole.name} has {count} samples and no x_train: too few to train and to score with",
            "Add `x_train` and `y_train` to the .npz.",
        )
    order = _order(count, SPLIT_SEED)
    flat = whole.y.reshape(count, -1)
    whole_numbers = flat.shape[1] == 1 and (flat == np.floor(flat)).all()
    classes, within = flat[:, 0] if whole_numbers else one_hot_classes(whole.y), ""
    scored = order[: count // _SCORED_OF]
    if classes is not None:
        members = [order[classes[order] == label] for label in np.unique(classes)]
        fifths = np.concatenate([m[: round(len(m) / _SCORED_OF)] for m in members])
        if len(fifths):
            scored, within = fifths, " within each class"
    rest = np.setdiff1d(order, scored)
    note = (
        f"{whole.name} has no x_train: {len(rest)} samples train and the other {len(scored)} are "
        f"scored. The split is random{within}, and the same for every seed."
    )
    part = take(whole, scored)
    x_train, calibration = whole.x[rest], whole.x_calibration
    return replace(
        part,
        x_calibration=x_train if calibration is None else calibration,
        x_train=x_train,
        y_train=whole.y[rest],
        notes=(*part.notes, note),
    )


def _order(count: int, seed: int) -> Indices:
    return np.random.default_rng(seed).permutation(count)


def take(whole: Dataset, chosen: Indices) -> Dataset:
    """The samples to score with these indices, in their order in the whole set."""
    kept = np.sort(chosen)
    return replace(whole, x=whole.x[kept], y=None if whole.y is None else whole.y[kept])


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
    fitted, notes = [], list(dataset.notes)
    if (*dataset.x.shape[1:], 1) == input_shape:
        added = {
            name: values[..., None]
            for name in _SAMPLES
            if (values := getattr(dataset, name)) is not None
        }
        dataset = replace(dataset, **added)
        notes.append(f"The samples have shape {dataset.x.shape[1:-1]}; a last axis of 1 was added.")
    for name in _SAMPLES:
        values = getattr(dataset, name)
        if values is not None and values.shape[1:] != input_shape:
            raise DataError(
                f"the data set {dataset.name} has samples of shape {values.shape[1:]} ({name}), "
                f"the model takes {input_shape}",
                _reshaping(values.shape[1:], input_shape),
            )
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


def _reshaping(given: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """What to do with samples of another shape: never reshape what must be transposed."""
    if given != wanted and (*given[1:], *given[:1]) == wanted and len(given) > 1:
        axes = ", ".join(map(str, (0, *range(2, len(given) + 1), 1)))
        return (
            f"Their channels come first: np.transpose(x, ({axes})) puts them last. A reshape would "
            "mix the values up."
        )
    if sorted(given) == sorted(wanted):
        return "Transpose the samples' axes; a reshape would mix the values up."
    if int(np.prod(given)) == int(np.prod(wanted)):
        return "Reshape the samples as they were in training: x.reshape(-1, *shape)."
    return "Give a data set for this model with --data."


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
        again = input_shape == output_shape
        if again and np.isin(y, (0, 1)).all():
            return y.astype(np.int64), False
        if again or max(output_shape) != values_out:
            raise DataError(
                f"{who} one label per sample ({name}), but the model's output {output_shape} is "
                f"not a list of classes (its input is {input_shape})",
                f"Leave `{name}` out, or give targets of the output's shape; for an auto-encoder, "
                "1 for an anomaly and 0 for none.",
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
