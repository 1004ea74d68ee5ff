"""Links to emulators that connect their serial port to a socket.

The host listens there before the emulator starts. No port number is needed that may be taken, and
an emulator that does not come is noticed.
"""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

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
        # The link is closed last: a child may end of it, and would be blamed for its failure.
        with ExitStack() as last, child(command(path), log, name=name) as process:
            connection = insist(lambda: listener.accept()[0], process, name, log, START_TIMEOUT)
            link = DescriptorLink(connection, connection)
            last.callback(link.close)
            yield link
