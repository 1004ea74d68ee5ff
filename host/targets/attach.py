"""A device that runs already, behind a port or a URL. Nothing is started and nothing stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from host.link import Link, SerialLink
from host.records import Board, Image


@dataclass(frozen=True)
class AttachTarget:
    """Connects to ``port``: a serial port, or any URL that pyserial knows."""

    starts: ClassVar[bool] = False

    port: str
    baud: int = 115200

    def check(self, board: Board) -> None:
        """See ``Target.check``. Opening a port can reset a board, so that is left to the start."""

    @contextmanager
    def start(self, image: Image, board: Board, log: Path) -> Iterator[Link]:
        """See ``Target.start``."""
        link = SerialLink(self.port, self.baud)
        try:
            yield link
        finally:
            link.close()
