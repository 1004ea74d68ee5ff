"""Arrays that were computed before, by the hash of what they were computed from."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from host.atomic import replacing
from host.errors import MachineError
from host.paths import cache_folder
from host.records import Array, Column, ColumnName


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
    """Store arrays, whole or not at all: where they cannot be, they are computed again."""
    _write(_path(kind, name), lambda file: np.savez(file, allow_pickle=False, **arrays))


def store_file(path: Path, source: Path) -> None:
    """Store a copy of a file, as ``store`` does."""
    _write(path, lambda file: file.write(source.read_bytes()))


def pack_columns(columns: Mapping[ColumnName, Column]) -> dict[str, Array]:
    """Columns as arrays for ``store``. Absent ones are left out: their reason may go away."""
    arrays: dict[str, Array] = {}
    for name, column in columns.items():
        if column.outputs is not None:
            arrays[name] = column.outputs
            arrays[f"{name}.version"] = np.array(column.version)
    return arrays


def unpack_column(arrays: Mapping[str, Array], name: ColumnName) -> Column | None:
    """The column of that name, or None where it was not stored."""
    if name not in arrays:
        return None
    return Column(name, arrays[name], str(arrays[f"{name}.version"]))


def _write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    # A full disk or a read-only folder takes nothing from the run that is under way.
    with contextlib.suppress(OSError, MachineError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            fill(file)


def _path(kind: str, name: str) -> Path:
    return cache_folder() / kind / f"{name}.npz"
