"""Links to emulators that connect their serial port to a socket.

The host listens there before the emulator starts. No port number is needed that may be taken, and
an emulator that does not come is noticed.
"""

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from host.device.link import DescriptorLink, Link
from host.targets.child import POLL, Command, child, insist

START_TIMEOUT = 20.0  # seconds for an emulator to connect


@contextmanager
def child_that_connects(command: Command, name: str, log: Path) -> Iterator[Link]:
    """Start a child that connects to a unix socket; give the link. See ``LinkKind.start``."""
    # A path of a unix socket is limited to 108 bytes, so it lies in a short temporary folder.
    with (
        tempfile.TemporaryDirectory(prefix="fae-") as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        path = Path(folder) / "uart"
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(POLL)
        with linked(command(path), log, name, lambda: listener.accept()[0], START_TIMEOUT) as link:
            yield link


@contextmanager
def linked(
    command: list[str],
    log: Path,
    name: str,
    connect: Callable[[], socket.socket],
    seconds: float,
    **options: Any,
) -> Iterator[Link]:
    """Start a child, connect to it, give the link.

    Args:
        connect: attempts to connect, see ``insist``.
        seconds: how long it may take.
        options: see ``child``. A pipe to its standard input is closed when it has ended.

    Raises:
        ToolMissingError, TargetError: see ``child`` and ``insist``.
    """
    # What a child may end of is closed after it, or it would be blamed for its failure.
    with ExitStack() as last, child(command, log, name=name, **options) as process:
        if process.stdin is not None:
            last.enter_context(process.stdin)
        connection = insist(connect, process, name, log, seconds)
        link = DescriptorLink(connection, connection)
        last.callback(link.close)
        yield link
