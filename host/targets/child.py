"""A child process that never outlives the run."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from host.errors import LinkError, TargetError, ToolMissingError

_PR_SET_PDEATHSIG = 1


@contextmanager
def child(
    command: list[str], log: Path, *, name: str | None = None, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a session of its own; kill it, and what it started, on leaving the context.

    A Ctrl-C in the terminal reaches only the host, which then leaves this context. If the host is
    killed outright, the kernel takes the child along (Linux).

    Args:
        command: program and arguments.
        log: gets what it prints.
        name: what messages call it; by default the program's name.
        options: of ``subprocess.Popen``.

    Raises:
        ToolMissingError: there is no such program.
        TargetError: the link broke and the child had ended: its exit code and log's last lines.
    """
    with log.open("wb") as stream:
        try:
            process = subprocess.Popen(
                command,
                stderr=stream,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
                **{"stdin": subprocess.DEVNULL, "stdout": stream, **options},
            )
        except FileNotFoundError as error:
            raise ToolMissingError(f"{command[0]} is not installed") from error
        except OSError as error:
            raise TargetError(f"cannot start {command[0]}: {error.strerror}") from error
        try:
            yield process
        except LinkError as error:
            # The link broke because the child ended, or broke on its own.
            code = _exit_code(process)
            if code is not None:
                raise ended(process, name or command[0], log) from error
            raise
        finally:
            if process.poll() is None:
                # The session is a process group: a program that a shell script starts goes, too.
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ended(process: subprocess.Popen[bytes], name: str, log: Path) -> TargetError:
    """The error for a child that ended by itself."""
    code = process.wait()
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    if code in (98, 99):
        how += " (the firmware hit a processor fault)"
    tail = last_lines(log)
    said = f"; its last lines:\n{tail}" if tail else "; it printed nothing"
    return TargetError(f"{Path(name).name} {how}{said}", f"The whole log is in {log}.")


def last_lines(log: Path, count: int = 8) -> str:
    """The end of a log; reads at most 16 kB of it."""
    with log.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - 16384))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-count:])


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(timeout=0.5)
    except subprocess.TimeoutExpired:
        return None


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
