"""A device that runs already, behind a port or a URL. Nothing is started and nothing stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from host.base import defaults, locks
from host.device.link import Link, SerialLink
from host.firmware.boards import Board
from host.firmware.image import Image
from host.targets.ports import Snapshot, named, snapshot


@dataclass(frozen=True)
class AttachTarget:
    """Connects to ``port``: a serial port, or any URL that pyserial knows.

    ``look`` is how it sees which ports there are.
    """

    starts: ClassVar[bool] = False
    links: ClassVar[tuple[str, ...]] = ("serial",)
    emulates: ClassVar[bool] = False
    tools: ClassVar[tuple[str, ...]] = ()

    port: str
    baud: int = defaults.BAUD
    look: Snapshot = snapshot

    def at(self, port: str | None, baud: int) -> None:
        """See ``Target.at``: it is not started."""

    def check(self, board: Board) -> None:
        """See ``Target.check``. Opening a port can reset a board, so that is left to the start."""

    @contextmanager
    def start(self, image: Image, board: Board, log: Path) -> Iterator[Link]:
        """See ``Target.start``."""
        # A name may be a link that follows the device; that link then finds it again.
        before = None if "://" in self.port else named(self.look(), self.port)
        who = before.identity if before and before.usb_id else None
        with locks.port(who or self.port):
            link = SerialLink(self.port, self.baud, lambda: self._find(who))
            try:
                yield link
            finally:
                link.close()

    def _find(self, who: str | None) -> str | None:
        """The port's name now: found by who is behind it, if USB tells, else unchanged."""
        if who is None:
            return self.port
        return next((port.device for port in self.look() if port.identity == who), None)
