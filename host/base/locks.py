"""Locks on a folder or a port, against a second run. The system releases them when their holder
ends, however it ends."""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from host.base.errors import ConfigError, FlashAndEvalError, TargetError

# In a folder that is held. One that a killed run leaves behind locks nobody out.
NAME = ".lock"


@contextlib.contextmanager
def folder(path: Path, who: str = "run") -> Iterator[None]:
    """Hold a folder. It is created if it is missing, and removed again if it stays empty.

    Raises:
        ConfigError: another ``who`` holds it.
    """
    made = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    lock = path / NAME
    taken = ConfigError(
        f"another {who} is at work in {path}", "Wait for it, or choose another --out."
    )
    with _held(FileLock(lock), taken):
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                lock.unlink()  # whoever opened it meanwhile sees that, and opens it again
                if made:
                    path.rmdir()


@contextlib.contextmanager
def port(device: str) -> Iterator[None]:
    """Hold a port from before an upload to the end of the session.

    Opening it exclusively is not enough: an upload closes it and the board comes back with another.
    The lock file is in the folder for temporary files, as the port is not a checkout's alone.
    ``device``: its name, links to it among them, its identity where USB tells it, or a URL.

    Raises:
        TargetError: another run holds it.
    """
    name = str(Path(device).resolve()) if Path(device).exists() else device
    safe = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
    lock = Path(tempfile.gettempdir()) / f"flash-and-eval-{safe}.lock"
    taken = TargetError(f"another run is at work at {device}", "Wait for it, or choose another.")
    # For all users of the computer.
    with _held(FileLock(lock, mode=0o666), taken):
        yield


@contextlib.contextmanager
def _held(lock: FileLock, taken: FlashAndEvalError) -> Iterator[None]:
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise taken from error
    try:
        yield
    finally:
        lock.release()
