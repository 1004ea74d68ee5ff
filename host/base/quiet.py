"""Keeping foreign code off the terminal.

TensorFlow, LiteRT and TFLM write from C++ straight to the file descriptors 1 and 2, past Python's
``sys.stdout``. The program promises one JSON object on stdout, so their noise goes to a log.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def quiet(log: Path | None) -> Iterator[None]:
    """Send what is written to stdout and stderr, C++ included, to the end of ``log``, or nowhere.

    The descriptors are put back at the end of the block, on an exception too. This holds for the
    whole process: nothing else may print meanwhile (a progress bar needs its own duplicate of the
    descriptor, made before).
    """
    target = os.open(
        os.devnull if log is None else log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
    )
    saved = {}
    try:
        _flush()
        for number in (1, 2):
            with contextlib.suppress(OSError):  # a closed descriptor has nothing to save
                saved[number] = os.dup(number)
            os.dup2(target, number)
        yield
    finally:
        _flush()
        for number, copy in saved.items():
            os.dup2(copy, number)
            os.close(copy)
        os.close(target)


@contextlib.contextmanager
def captured() -> Iterator[list[str]]:
    """Like ``quiet``, and leave what was written, as one string, in the list that is yielded."""
    texts: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "text"
        try:
            with quiet(log):
                yield texts
        finally:
            texts.append(log.read_text("utf-8", "replace"))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # None under pythonw-like starts, closed under some test runners.
        with contextlib.suppress(AttributeError, ValueError):
            stream.flush()
