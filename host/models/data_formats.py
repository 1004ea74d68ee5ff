"""What ``--data`` takes. A plug point: a way to give samples is a loader and an entry here.

Loaders are imported when they are called, so that ``--help`` stays fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, cast

from host.base.errors import DataError
from host.base.paths import exists

if TYPE_CHECKING:
    from host.models.dataset import Dataset


@dataclass(frozen=True)
class Wanted:
    """What samples are loaded from; the rest is for samples that are made up."""

    spec: str
    samples: int | None = None
    seed: int = 0
    input_shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class DataFormat:
    """One way to give samples.

    Attributes:
        described: what help and messages call it.
        load: reads all samples of a set; raises DataError for a file that cannot be used,
            ToolMissingError where the set's package is not installed.
        accepts: whether a path that exists is of this format; None for a set with a name, its key.
        real: real data, which models can be converted, trained and scored with.
    """

    described: str
    load: Callable[[Wanted], Dataset]
    accepts: Callable[[Path], bool] | None = None
    real: bool = True


def _load(name: str, *arguments: object) -> Dataset:
    """Call ``module:function`` of this package, which is imported only now."""
    return cast("Dataset", resolve_name(f"{__package__}.{name}")(*arguments))


# What the demo model is trained and scored on.
DEMO_DATA = "digits"
MNIST = "mnist5k"
# Codes drawn at random: they fit any model.
RANDOM = "random"
DATA_FORMATS: Mapping[str, DataFormat] = {
    DEMO_DATA: DataFormat(DEMO_DATA, lambda _: _load("named_sets:digits")),
    MNIST: DataFormat(MNIST, lambda _: _load("named_sets:mnist5k")),
    RANDOM: DataFormat(RANDOM, lambda x: _load("named_sets:random_codes", x), real=False),
    ".npz": DataFormat(
        "an .npz (x, y, x_calibration)",
        lambda wanted: _load("npz:read_npz", Path(wanted.spec)),
        lambda path: not path.is_dir(),
    ),
}
# What people have instead of an .npz, and how it becomes one.
_HINTS = {
    ".csv": "Read it and store it: table = np.loadtxt('data.csv', delimiter=',', skiprows=1); "
    "np.savez('samples.npz', x=table[:, :-1], y=table[:, -1]).",
    ".npy": "Store it under the name x: np.savez('samples.npz', x=np.load('x.npy')).",
    "folder": "Load its files as the model was trained on them, and store them: "
    "np.savez('samples.npz', x=np.stack(samples), y=labels).",
}
_NAMES = tuple(name for name, entry in DATA_FORMATS.items() if entry.accepts is None)


def find_format(spec: str) -> DataFormat:
    """The format of what ``--data`` was given.

    Raises:
        DataError: neither a file nor the name of a set.
    """
    if spec in _NAMES:
        return DATA_FORMATS[spec]
    path = Path(spec)
    if exists(path) and path.suffix.lower() in _HINTS:
        raise DataError(f"{spec} is a {path.suffix} file; an .npz is wanted", _HINTS[path.suffix])
    for entry in DATA_FORMATS.values():
        if exists(path) and entry.accepts is not None and entry.accepts(path):
            return entry
    if exists(path):
        raise DataError(f"{spec} is a folder; an .npz is wanted", _HINTS["folder"])
    raise DataError(f"there is no data set {spec!r}: neither a file nor one of {', '.join(_NAMES)}")


def described(*, real: bool = False) -> str:
    """All formats in words, or only those of real data: ``digits, mnist5k, or an .npz``."""
    *first, last = [f.described for f in DATA_FORMATS.values() if f.real or not real]
    return f"{', '.join(first)}, or {last}"
