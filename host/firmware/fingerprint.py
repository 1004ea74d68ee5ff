"""What an image is made from, as a hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

from host.base.paths import FIRMWARE, ROOT
from host.firmware.boards import Board


def digest(files: dict[str, str], board: Board) -> str:
    """SHA-256 of everything that an image is made from, in hex.

    The compiler's version is part of it; the caller's PlatformIO is pinned.
    """
    total = hashlib.sha256(f"{board.name}\n{_compilers()}\n".encode())
    for path in _static_sources():
        total.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    for name in sorted(files):
        total.update(f"{name}\0{files[name]}\0".encode())
    return total.hexdigest()


def _static_sources() -> list[Path]:
    tops = [ROOT / "platformio.ini", ROOT / "platformio_override.ini"]
    below = [path for path in FIRMWARE.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return sorted(path for path in [*tops, *below] if path.is_file())


def _compilers() -> str:
    """The compilers on PATH with size and date: a change means another image. Cheap on purpose."""
    import shutil

    found = []
    for name in ("arm-none-eabi-g++", "g++"):
        where = shutil.which(name)
        if where:
            state = Path(where).resolve().stat()
            found.append(f"{name} {state.st_size} {int(state.st_mtime)}")
    return "; ".join(found)
