"""Samples from an ``.npz`` file that a user made."""

from pathlib import Path
from typing import Any

import numpy as np

from host.base.arrays import Array, FloatArray
from host.base.errors import DataError
from host.models.class_names import numbered
from host.models.dataset import Dataset
from host.models.unpacking import check_members

_LISTED = 40  # names, and characters of one
_SAMPLES = ("x", "x_calibration", "x_train")
_MEMBERS = (*_SAMPLES, "y", "y_train", "class_names", "labels")


def read_npz(path: Path) -> Dataset:
    """Read an ``.npz`` with ``x``; nothing is unpickled.

    It may have ``y``, ``x_calibration``, ``x_train`` with ``y_train``, and ``class_names`` (or
    ``labels``). Where there is no ``x_calibration``, ``x_train`` calibrates; where there is no
    ``x``, ``x_test`` and ``y_test`` are meant. Labels may be names of classes.

    Raises:
        DataError: no .npz, damaged, too large, without ``x``, one of ``x_train`` and ``y_train``
            without the other, or an array of it cannot be used.
    """
    arrays = _arrays(path)
    if ("x_train" in arrays) != ("y_train" in arrays):
        there, missing = ("x", "y") if "x_train" in arrays else ("y", "x")
        raise DataError(
            f"{path} has `{there}_train`, but no `{missing}_train`",
            "Give samples and labels to train with, both or none.",
        )
    samples = {name: _real(arrays[name], name, path) for name in _SAMPLES if name in arrays}
    x, x_train = samples["x"], samples.get("x_train")
    for name, values in samples.items():
        if values.shape[1:] != x.shape[1:]:
            raise DataError(
                f"{path}: a sample of {name} has shape {values.shape[1:]}, one of x {x.shape[1:]}"
            )
    kind = arrays["x"].dtype
    arrays, names, notes = _numbered(arrays, _class_names(arrays, path), path)
    if kind.kind in "iub":
        notes += (
            f"x is {kind} and was taken as real numbers from {x.min():g} to {x.max():g}, not "
            "rescaled: the model must have been trained on that range.",
        )
    return Dataset(
        path.stem,
        x,
        _targets(arrays, "y", path),
        samples.get("x_calibration", x_train),
        notes=notes,
        x_train=x_train,
        y_train=_targets(arrays, "y_train", path),
        class_names=names,
    )


def _class_names(arrays: dict[str, Array], path: Path) -> tuple[str, ...]:
    names = arrays.get("class_names", arrays.get("labels"))
    if names is None or ("class_names" not in arrays and not _is_text(names)):
        return ()  # an array `labels` may be anything
    if names.ndim != 1 or not _is_text(names):
        raise DataError(
            f"{path}: array `class_names` has type {names.dtype} and shape {names.shape}; a list "
            "of the classes' names is wanted",
            "Store the labels themselves as `y`.",
        )
    return tuple(map(str, names.astype(str)))


def _is_text(values: Array) -> bool:
    return values.dtype.kind in "US"


def _numbered(
    arrays: dict[str, Array], names: tuple[str, ...], path: Path
) -> tuple[dict[str, Array], tuple[str, ...], tuple[str, ...]]:
    """With numbers for labels that are strings; the classes' names, and what to know."""
    text = [name for name in ("y", "y_train") if name in arrays and _is_text(arrays[name])]
    if not text:
        return arrays, names, ()
    every = np.concatenate([arrays[name].astype(str).reshape(-1) for name in text])
    _, known = numbered(every, names, f"{path}: the labels")
    numbers: dict[str, Array] = {
        name: numbered(arrays[name].astype(str), known, f"{path}: {name}")[0] for name in text
    }
    note = f"Labels are names; the classes were numbered in this order: {', '.join(known)}."
    return {**arrays, **numbers}, known, () if names else (note,)


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays that a data set has, ``x`` among them."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise DataError(f"{path} is a single array; an .npz with `x` and `y` is wanted")
        with loaded as archive:
            members = archive.zip.infolist()
            # As Keras's tutorials name what is scored.
            renamed = {} if "x" in archive.files else {"x": "x_test", "y": "y_test"}
            stored = {name: renamed.get(name, name) for name in _MEMBERS}
            wanted = [m for m in members if m.filename.removesuffix(".npy") in stored.values()]
            check_members(wanted, path.stat().st_size)
            arrays = {
                name: _member(archive, there, path)
                for name, there in stored.items()
                if there in archive.files
            }
            present = ", ".join(name[:_LISTED] for name in archive.files[:_LISTED]) or "nothing"
    except DataError:
        raise
    except Exception as error:  # NumPy passes on whatever zipfile and its own parser raise
        raise DataError(f"{path} is not an .npz file, or is damaged: {error}") from error
    if "x" not in arrays:
        raise DataError(f"{path} has no array `x`; it has {present}")
    return arrays


def _member(archive: Any, name: str, path: Path) -> Array:
    try:
        return np.asarray(archive[name])
    except ValueError as error:
        if "pickle" not in str(error).lower():
            raise
        raise DataError(
            f"{path}: array `{name}` holds Python objects, which are not loaded for safety",
            "Save plain numeric arrays: np.savez(path, x=np.stack(samples), y=labels).",
        ) from error


def _real(values: Array, name: str, path: Path) -> FloatArray:
    """Float32 [n, ...], finite."""
    if values.dtype.kind not in "fiub":
        raise DataError(
            f"{path}: array `{name}` has type {values.dtype}; real numbers are wanted",
            "Store float32 in the range that the model was trained on.",
        )
    if values.ndim < 2 or values.size == 0:
        raise DataError(
            f"{path}: array `{name}` has shape {values.shape}; at least one sample of at least "
            "one value is wanted",
            f"Store `{name}` as [samples, …the model's input shape].",
        )
    with np.errstate(over="ignore"):
        x = values.astype(np.float32)
    finite = np.isfinite(x.reshape(len(x), -1)).all(axis=1)
    if not finite.all():
        bad = int(np.count_nonzero(~np.isfinite(x)))
        raise DataError(
            f"{path}: array `{name}` has {bad} values that are NaN or infinite in float32, the "
            f"first in sample {int(np.argmin(finite))}",
            "Remove or repair those samples.",
        )
    return x


def _targets(arrays: dict[str, Array], name: str, path: Path) -> Array | None:
    """Class numbers, int64, or targets, float32: ``y`` for the samples ``x``, or those to train."""
    y, samples = arrays.get(name), name.replace("y", "x")
    if y is None:
        return None
    count = len(arrays[samples])
    if y.dtype.kind not in "fiub":
        raise DataError(
            f"{path}: array `{name}` has type {y.dtype}; class numbers or real targets are wanted",
            "Number the classes 0, 1, 2, … in the order of the model's outputs.",
        )
    if y.ndim == 0 or len(y) != count:
        raise DataError(f"{path}: {samples} has {count} samples, but {name} has shape {y.shape}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        bad = np.flatnonzero(~np.isfinite(y.reshape(count, -1)).all(axis=1))
        raise DataError(
            f"{path}: array `{name}` has NaN or infinite values in {len(bad)} samples, the first "
            f"in sample {int(bad[0])}",
            "Remove or repair those samples.",
        )
    kind: type = np.float32 if y.dtype.kind == "f" else np.int64
    with np.errstate(over="ignore"):
        fitted: Array = y.astype(kind)
    if not np.isfinite(fitted).all() or (y.dtype.kind == "u" and (fitted < 0).any()):
        raise DataError(
            f"{path}: array `{name}` goes up to {y.max():g}, which {kind.__name__} cannot hold",
            "Give class numbers, or targets in the units that the model was trained on.",
        )
    return fitted
