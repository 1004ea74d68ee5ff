"""Arrays that were computed before, by the hash of what they were computed from."""

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from host.base.arrays import Array
from host.base.errors import MachineError
from host.base.files import replacing
from host.base.paths import cache_folder


def key(*parts: str | bytes | Array | None) -> str:
    """SHA-256 in hex over the parts, their types and shapes."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            total.update(f"array {part.dtype.str} {part.shape}:".encode())
            total.update(np.ascontiguousarray(part).tobytes())
        else:
            data = part.encode() if isinstance(part, str) else part
            total.update(f"{type(part).__name__} {len(data or b'')}:".encode() + (data or b""))
    return total.hexdigest()


def load(kind: str, name: str) -> dict[str, Array] | None:
    """The arrays stored under that name, or None. A damaged file counts as none."""
    try:
        with np.load(_path(kind, name), allow_pickle=False) as stored:
            return {field: stored[field] for field in stored.files}
    except Exception:  # what zipfile and NumPy make of damaged bytes is of many kinds
        return None


def store(kind: str, name: str, arrays: Mapping[str, Array]) -> None:
    """Store arrays, whole or not at all. If that fails, they are computed again next time."""
    _write(_path(kind, name), lambda file: np.savez(file, allow_pickle=False, **arrays))


def store_file(path: Path, source: Path) -> None:
    """Store a copy of a file, as ``store`` does."""
    _write(path, lambda file: file.write(source.read_bytes()))


def _write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    # A full disk or a read-only folder takes nothing from the run that is under way.
    with contextlib.suppress(OSError, MachineError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            fill(file)


def _path(kind: str, name: str) -> Path:
    return cache_folder() / kind / f"{name}.npz"
