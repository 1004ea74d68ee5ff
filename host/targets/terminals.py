"""Links to emulators that open a terminal device for their serial port."""

import os
import subprocess
import tempfile
import termios
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from host.device.link import DescriptorLink, Link
from host.targets.child import Command, child, insist

# Seconds. Renode compiles a platform description and starts .NET, which took half a minute once.
START_TIMEOUT = 90.0


@contextmanager
def child_with_terminal(command: Command, name: str, log: Path) -> Iterator[Link]:
    """Start a child that makes a terminal device at a path; give the link. See ``LinkKind.start``.

    The folder of that path is the child's own, and goes with it. Its standard input stays open: at
    the end of it a console would quit.
    """
    with (
        tempfile.TemporaryDirectory(prefix="fae-") as folder,
        ExitStack() as last,  # as in child_that_connects
        child(
            command(path := Path(folder) / "uart"), log, name=name, stdin=subprocess.PIPE
        ) as process,
    ):
        assert process.stdin is not None
        last.enter_context(process.stdin)
        link = insist(lambda: _opened(path), process, name, log, START_TIMEOUT)
        last.callback(link.close)
        yield link


def _opened(path: Path) -> DescriptorLink:
    # The host must not get it as its own terminal, whose hanging up would end it.
    device = os.fdopen(os.open(path, os.O_RDWR | os.O_NOCTTY), "r+b", buffering=0)
    try:
        _set_raw(device.fileno())
    except termios.error as error:
        device.close()
        raise OSError(*error.args) from error
    return DescriptorLink(device, device)


def _set_raw(terminal: int) -> None:
    # All of it, since nobody says what the emulator left there. `tty.setraw` keeps some.
    control = termios.tcgetattr(terminal)[6]
    control[termios.VMIN], control[termios.VTIME] = 1, 0
    modes = [0, 0, termios.CS8 | termios.CREAD | termios.CLOCAL, 0]
    termios.tcsetattr(
        terminal, termios.TCSANOW, [*modes, termios.B115200, termios.B115200, control]
    )
