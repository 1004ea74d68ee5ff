"""What ``--data`` takes. A plug point: a way to give samples is a loader and an entry here.

Loaders are imported when they are called, so that ``--help`` stays fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from host.base.errors import DataError
from host.base.paths import exists

if TYPE_CHECKING:
    from host.models.dataset import Dataset


@dataclass(frozen=True)
class Wanted:
    """What samples that are made up are made for: how many, with which seed, in which shape."""

    samples: int | None
    seed: int
    input_shape: tuple[int, ...]


class Load(Protocol):
    """Reads all samples of a set."""

    def __call__(self, spec: str, wanted: Wanted) -> Dataset:
        """All samples of ``spec``, which the format accepts.

        Raises:
            DataError: a file that cannot be used.
            ToolMissingError: the set's package is not installed.
        """


@dataclass(frozen=True)
class DataFormat:
    """One way to give samples.

    Attributes:
        described: what help and messages call it.
        load: reads the samples.
        accepts: whether a path is of this format; None for a set with a name, its key.
        real: real data, which models can be converted, trained and scored with.
    """

    described: str
    load: Load
    accepts: Callable[[Path], bool] | None = None
    real: bool = True


def _digits(spec: str, wanted: Wanted) -> Dataset:
    from host.models.named_sets import digits

    return digits()


def _mnist5k(spec: str, wanted: Wanted) -> Dataset:
    from host.models.named_sets import mnist5k

    return mnist5k()


def _random(spec: str, wanted: Wanted) -> Dataset:
    from host.models.named_sets import random_codes

    return random_codes(wanted)


def _npz(spec: str, wanted: Wanted) -> Dataset:
    from host.models.npz import read_npz

    return read_npz(Path(spec))


def _is_file(path: Path) -> bool:
    return exists(path) and not path.is_dir()


# What the demo model is trained and scored on.
DEMO_DATA = "digits"
# Codes drawn at random: they fit any model.
RANDOM = "random"
DATA_FORMATS: Mapping[str, DataFormat] = {
    DEMO_DATA: DataFormat("digits", _digits),
    "mnist5k": DataFormat("mnist5k", _mnist5k),
    RANDOM: DataFormat("random", _random, real=False),
    ".npz": DataFormat("an .npz (x, y, x_calibration)", _npz, accepts=_is_file),
}
_NAMES = tuple(name for name, entry in DATA_FORMATS.items() if entry.accepts is None)


def find_format(spec: str) -> DataFormat:
    """The format of what ``--data`` was given.

    Raises:
        DataError: neither a file nor the name of a set.
    """
    if spec in _NAMES:
        return DATA_FORMATS[spec]
    for entry in DATA_FORMATS.values():
        if entry.accepts is not None and entry.accepts(Path(spec)):
            return entry
    raise DataError(f"there is no data set {spec!r}: neither a file nor one of {', '.join(_NAMES)}")


def described(*, real: bool = False) -> str:
    """All formats in words, or only those of real data: ``digits, mnist5k, or an .npz``."""
    *first, last = [f.described for f in DATA_FORMATS.values() if f.real or not real]
    return f"{', '.join(first)}, or {last}"
