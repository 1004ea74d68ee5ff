"""What an image is made from, as a hash."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from host.base.paths import FIRMWARE, ROOT
from host.firmware.boards import Board


def digest(files: dict[str, str], board: Board) -> str:
    """SHA-256 of everything that an image is made from, in hex.

    The compiler's version is part of it; the caller's PlatformIO is pinned.
    """
    total = hashlib.sha256(f"{board.name}\n{_compiler(board)}\n".encode())
    for path in _static_sources():
        total.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    for name in sorted(files):
        total.update(f"{name}\0{files[name]}\0".encode())
    return total.hexdigest()


def _static_sources() -> list[Path]:
    tops = [ROOT / "platformio.ini", ROOT / "platformio_override.ini"]
    below = [path for path in FIRMWARE.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return sorted(path for path in [*tops, *below] if path.is_file())


def _compiler(board: Board) -> str:
    """The board's compiler with size and date: a change means another image. Cheap on purpose."""
    where = shutil.which(board.options.get("compiler", ""))
    if where is None:
        return ""
    state = Path(where).resolve().stat()
    return f"{where} {state.st_size} {int(state.st_mtime)}"
