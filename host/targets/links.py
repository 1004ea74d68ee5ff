"""How bytes travel to and from a device. A plug point: a kind of link is a file and an entry.

``device/link.py`` says what a link does; here is how one comes about.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from host.device.link import Link
from host.targets.child import Command
from host.targets.pipes import child_on_pipes
from host.targets.sockets import child_that_connects


@dataclass(frozen=True)
class LinkKind:
    """One way for bytes to travel.

    Attributes:
        start: starts a child, given its command line, what to call it in messages, and its log;
            gives the link to it, or raises as ``Target.start``. None where the device is there
            already, behind a port.
        has_baud_rate: whether the firmware sets a rate.
    """

    start: Callable[[Command, str, Path], AbstractContextManager[Link]] | None
    has_baud_rate: bool = False


LINKS: Mapping[str, LinkKind] = {
    "socket": LinkKind(child_that_connects),
    "semihosting": LinkKind(child_on_pipes),
    "pipe": LinkKind(child_on_pipes),
    "serial": LinkKind(None, has_baud_rate=True),
}


def start_child(link: str, command: Command, name: str, log: Path) -> AbstractContextManager[Link]:
    """Start a child that is linked in this way; see ``LinkKind.start``."""
    start = LINKS[link].start
    assert start is not None, "with_link has seen to it"
    return start(command, name, log)
