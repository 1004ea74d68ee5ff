"""Child processes: none outlives the program, and none fills the disk with its log."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host.base.errors import TargetError, ToolMissingError

# What a log may grow to. An emulator that complains about each access of a peripheral that it does
# not have writes a gigabyte a minute.
LOG_LIMIT = 64 << 20
_WATCH = 0.2
_INTERRUPTS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_PR_SET_PDEATHSIG = 1
# Opened here and not between fork and exec, where little is safe.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass
class _Hold:
    depth: int = 0  # of blocks that hold interrupts
    waiting: bool = False  # whether one came meanwhile


_hold = _Hold()  # signals are the process's


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, *, dies_with_host: bool = True, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a session of its own; kill it, and what it started, on leaving the context.

    A Ctrl-C in the terminal reaches only the host, which then leaves this context.

    Args:
        log: gets what it prints. Once that is more than ``LOG_LIMIT``, it is killed.
        dies_with_host: the kernel takes it along if the host is killed outright (Linux); not what
            it started.

    Raises:
        ToolMissingError: there is no such program.
        TargetError: it cannot be started.
    """
    process: subprocess.Popen[bytes] | None = None
    watcher: threading.Thread | None = None
    done = threading.Event()
    with log.open("wb") as stream:
        try:
            # Held, so that no interrupt comes between its start and its name being known here.
            with interrupts_held() as before:
                outputs = {"stdin": subprocess.DEVNULL, "stdout": stream, "stderr": stream}
                process = _start(command, before, dies_with_host, {**outputs, **options})
            watch = (process, stream.fileno(), done)
            watcher = threading.Thread(target=_watch, args=watch, daemon=True)
            watcher.start()
            yield process
        finally:
            done.set()
            if process is not None:
                _kill(process)
                process.wait()
            if watcher is not None and watcher.ident is not None:
                watcher.join()


def too_much(log: Path) -> str | None:
    """What to say of a process whose log grew beyond the limit; None for any other."""
    if log.stat().st_size <= LOG_LIMIT:
        return None
    return f"was stopped: its log grew beyond {LOG_LIMIT >> 20} MB"


def interrupt() -> None:
    """For signal handlers: raise KeyboardInterrupt, at once or where held interrupts are let go."""
    if _hold.depth:
        _hold.waiting = True
    else:
        raise KeyboardInterrupt


@contextlib.contextmanager
def interrupts_held() -> Iterator[set[int]]:
    """No interrupt in this block: one that comes is raised at its end.

    A process that is started in it starts with them held, too, unless it is given the set that is
    yielded: the signals that were held before.
    """
    # For what is started here. It is not enough for this process: the system hands a signal to any
    # thread, and Python handles it in the main one.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    depth = 1 if threading.current_thread() is threading.main_thread() else 0
    _hold.depth += depth
    try:
        yield {int(number) for number in before}
    finally:
        try:
            _hold.depth -= depth
            if depth and not _hold.depth and _hold.waiting:
                _hold.waiting = False
                raise KeyboardInterrupt
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(
    command: Sequence[str], held: set[int], dies_with_host: bool, options: dict[str, Any]
) -> subprocess.Popen[bytes]:
    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        if dies_with_host and _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    try:
        return subprocess.Popen(command, start_new_session=True, preexec_fn=prepare, **options)
    except FileNotFoundError as error:
        raise ToolMissingError(f"{command[0]} is not installed") from error
    except OSError as error:
        raise TargetError(f"cannot start {command[0]}: {error.strerror}") from error


def _watch(process: subprocess.Popen[bytes], log: int, done: threading.Event) -> None:
    while not done.wait(_WATCH):
        if os.fstat(log).st_size > LOG_LIMIT:
            _kill(process)
            return


def _kill(process: subprocess.Popen[bytes]) -> None:
    # The session is a process group: what the process started goes, too, and also where the process
    # itself has ended.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
