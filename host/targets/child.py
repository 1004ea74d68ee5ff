"""A child process that never outlives the run."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from host.base.errors import LinkError, TargetError
from host.base.processes import running, too_much

T = TypeVar("T")
POLL = 0.1  # seconds between two attempts to connect
_WIDTH = 200  # of a line in a message
# How long a child whose link broke may take to end, in seconds. One that unloads a lot takes more
# than half a second between the two.
_GRACE = 2.0
# What a child says by its exit code. The last two are the firmware's (firmware/platform/startup).
SCRIPT_FAILED, EXCEPTION, FAULT = 97, 98, 99
_MEANING = {
    SCRIPT_FAILED: "its script failed",
    EXCEPTION: "the firmware hit a processor fault",
    FAULT: "the firmware hit a processor fault",
}
# A child's command line, given the socket that it is to connect to; None where it is to talk on its
# standard input and output.
Command = Callable[[Path | None], list[str]]


class Emulator:
    """What targets that start a child have in common; see ``Target``."""

    starts: ClassVar[bool] = True
    emulates: ClassVar[bool] = True

    @property
    def tools(self) -> tuple[str, ...]:
        """See ``Target.tools``."""
        return ()

    def at(self, port: str | None, baud: int) -> None:
        """See ``Target.at``: it has no port."""


@contextmanager
def child(
    command: list[str], log: Path, *, name: str, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command; kill it, and what it started, on leaving the context: see ``running``.

    Raises:
        ToolMissingError, TargetError: see ``running``.
        TargetError: the link broke and the child had ended: its exit code and log's last lines.
    """
    with running(command, log, **options) as process:
        try:
            yield process
        except LinkError as error:
            # The link broke because the child ended, or broke on its own.
            code = _exit_code(process)
            if code is not None:
                raise ended(process, name, log) from error
            raise


def insist(
    attempt: Callable[[], T],
    process: subprocess.Popen[bytes],
    name: str,
    log: Path,
    seconds: float,
) -> T:
    """Attempt to connect to a child until it works, the child ends, or the time is up.

    ``attempt`` raises an OSError, a timeout among them, while there is no connection yet.

    Raises:
        TargetError: the child ended, or the time is up.
    """
    deadline = time.monotonic() + seconds
    while True:
        pause = time.monotonic() + POLL
        try:
            return attempt()
        except OSError:
            if process.poll() is not None:
                raise ended(process, name, log) from None
            if time.monotonic() > deadline:
                raise failed(name, f"did not connect in {seconds:.0f} s", log) from None
        time.sleep(max(0.0, pause - time.monotonic()))


def ended(process: subprocess.Popen[bytes], name: str, log: Path) -> TargetError:
    """The error for a child that ended by itself."""
    code = process.wait()
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    if code in _MEANING:
        how += f" ({_MEANING[code]})"
    return failed(name, too_much(log) or how, log)


def failed(name: str, how: str, log: Path) -> TargetError:
    """The error for a child that ended or did not start well, with the end of its log."""
    tail = last_lines(log)
    said = f"its last lines:\n{tail}" if tail else "it printed nothing"
    return TargetError(f"{Path(name).name} {how}; {said}", f"The whole log is in {log}.")


def last_lines(log: Path, count: int = 10) -> str:
    """The end of a log; reads at most 16 kB of it."""
    with log.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - 16384))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    return "\n".join(f"  {line[:_WIDTH]}" for line in lines[-count:])


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        return None
