"""Links to emulators whose serial port is a socket: they connect to the host, or the host to them.

Better that they connect: a socket on which the host listens is there before the emulator is, needs
no port number that may be taken, and the emulator's failure to come is noticed.
"""

import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from host.base.errors import TargetError
from host.device.link import DescriptorLink, Link
from host.targets.child import Command, child, ended

START_TIMEOUT = 20.0  # seconds for an emulator to connect
_POLL = 0.1


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
        listener.settimeout(_POLL)
        # The link is closed last: a child may end of it, and would be blamed for its failure.
        with ExitStack() as last, child(command(path), log, name=name) as process:
            connection = insist(lambda: listener.accept()[0], process, name, log, START_TIMEOUT)
            yield last.enter_context(link_on(connection))


@contextmanager
def link_on(connection: socket.socket) -> Iterator[Link]:
    """The link on a connected socket, closed at the end."""
    link = DescriptorLink(connection, connection)
    try:
        yield link
    finally:
        link.close()


def insist(
    attempt: Callable[[], socket.socket],
    process: subprocess.Popen[bytes],
    name: str,
    log: Path,
    seconds: float,
) -> socket.socket:
    """Attempt to connect until it works, the child ends, or the time is up.

    ``attempt`` raises an OSError, a timeout among them, while there is no connection yet.

    Raises:
        TargetError: the child ended, or the time is up.
    """
    deadline = time.monotonic() + seconds
    while True:
        pause = time.monotonic() + _POLL
        try:
            return attempt()
        except OSError:
            if process.poll() is not None:
                raise ended(process, name, log) from None
            if time.monotonic() > deadline:
                raise TargetError(
                    f"{name} did not connect in {seconds:.0f} s", f"Its log is in {log}."
                ) from None
        time.sleep(max(0.0, pause - time.monotonic()))
