"""A file that is there whole or not at all."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from host.base.errors import MachineError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path`` when the block ends well.

    Raises:
        MachineError: the folder cannot be written to, or the disk is full.
    """
    # Not tempfile: its files are readable by their owner only, and a report is to be shared.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise MachineError(
            f"cannot write {path}: {error.strerror or error}",
            "Check that the folder is writable and the disk has room.",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def complete(folder: Path, results: Sequence[str]) -> Iterator[None]:
    """Results that stay only if the block ends well. Those of an earlier run are removed first.

    Raises:
        OSError: the folder cannot be written to.
    """

    def clear() -> None:
        for name in results:
            (folder / name).unlink(missing_ok=True)
        for unfinished in folder.glob(".*.tmp"):  # of a run that was killed
            unfinished.unlink(missing_ok=True)

    clear()
    try:
        yield
    except BaseException:
        with suppress(OSError):
            clear()
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Put ``content`` in place of ``path``. Raises as ``replacing``."""
    with replacing(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Put ``text`` in place of ``path``, in UTF-8. Raises as ``replacing``."""
    # A path may hold bytes that are not UTF-8; Python keeps them as lone surrogates.
    write_bytes(path, text.encode("utf-8", "backslashreplace"))
