"""What the program says, and how it ends: the only file that prints or exits."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import typer

from host.base import processes
from host.base.errors import FlashAndEvalError, MachineError

if TYPE_CHECKING:
    from rich.console import RenderableType

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
EXIT_MATCH, EXIT_DIFFERS, EXIT_MACHINE, EXIT_INTERRUPTED = 0, 1, 3, 130


class Failures:
    """Turns what goes wrong into a message and an exit code, never into a traceback."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._interrupted = False

    def __enter__(self) -> None:
        # Now: an interrupt may come in the middle of an import, and some cannot be repeated.
        from host.report.formats import plain

        self._plain = plain
        for number in (0, 1, 2):  # a closed one's number would go to the next file that is opened
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
        for interrupt in _INTERRUPTS:
            # One that is ignored stays so: under nohup, in the background of a script.
            if signal.getsignal(interrupt) is not signal.SIG_IGN:
                signal.signal(interrupt, self._interrupt)
        self._hook, sys.unraisablehook = sys.unraisablehook, self._swallowed

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        sys.unraisablehook = self._hook
        if isinstance(error, typer.Exit) or error is None:
            return
        # Some libraries turn an interrupt into an error of their own.
        if isinstance(error, KeyboardInterrupt) or self._interrupted:
            ignore_interrupts()  # there is nothing left to stop
            advice = str(error) if isinstance(error, KeyboardInterrupt) else ""
            hint = f"What was started is stopped. {advice}".strip()
            self._fail("Interrupted", "interrupted", hint, EXIT_INTERRUPTED)
        if isinstance(error, FlashAndEvalError):
            self._fail(type(error).__name__, error.message, error.hint, error.exit_code)
        if isinstance(error, OSError):
            where = f"{error.filename}: " if error.filename else ""
            hint = "Check the disk's space and the folder's permissions."
            self._fail("OSError", f"{where}{error.strerror or error}", hint, EXIT_MACHINE)
        if isinstance(error, Exception):
            if os.environ.get("FLASH_AND_EVAL_DEBUG"):
                return
            what = f"internal error: {type(error).__name__}: {error}"
            hint = "This is a bug. Set FLASH_AND_EVAL_DEBUG=1 for the traceback, and report it."
            self._fail("InternalError", what, hint, EXIT_MACHINE)

    def _fail(self, kind: str, message: str, hint: str, code: int) -> NoReturn:
        fields = {"kind": kind, "message": message, "hint": hint, "exit": code}
        # Names and paths may hold anything, and a terminal obeys escape sequences.
        lines = [self._plain(line) for line in f"Error: {message}\n{hint}".split("\n")]
        with contextlib.suppress(MachineError):  # where nothing can be said, the exit code stands
            if self._json:
                print_json({"error": fields})
        with contextlib.suppress(MachineError):
            say("\n".join(lines) + "\n", sys.stderr)
        raise SystemExit(code)

    def _interrupt(self, number: int, frame: object) -> None:
        self._interrupted = True
        processes.interrupt()

    def _swallowed(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Python drops an interrupt that comes in a callback of its own: here it comes again."""
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.01)  # sends SIGALRM
        else:
            self._hook(unraisable)


def ignore_interrupts() -> None:
    """From here on nothing is left that an interrupt could stop."""
    for number in _INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)


def print_json(value: Any) -> None:
    """One object on stdout."""
    say(json.dumps(value, indent=2) + "\n", sys.stdout)


def print_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table on stdout; cells may hold anything."""
    from rich.table import Table
    from rich.text import Text

    from host.report.formats import plain

    table = Table(*header)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    print_rich(table)


def print_rich(renderable: RenderableType) -> None:
    """On stdout, in colours where that is a terminal."""
    from rich.console import Console

    said = io.StringIO()  # a console of stdout has ways of its own to fail
    Console(file=said, force_terminal=Console().is_terminal).print(renderable)
    say(said.getvalue(), sys.stdout)


def say(text: str, stream: TextIO | None) -> None:
    """Write to stdout or stderr. A reader that has gone (`| head`) changes no result.

    Raises:
        MachineError: it cannot be written.
    """
    if stream is None:  # it was closed when the program began
        return
    try:
        print(text, file=stream, end="", flush=True)
    except OSError as error:
        # What is left in the buffer must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise MachineError(
                f"cannot write to {stream.name}: {error.strerror}", "Has the disk room?"
            ) from error
