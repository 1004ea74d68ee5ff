"""The firmware as a native program on standard input and output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from host.device.link import Link
from host.firmware.boards import Board
from host.firmware.build import Image
from host.targets.pipes import child_on_pipes


class ProcessTarget:
    """Starts the image as a child process."""

    starts: ClassVar[bool] = True
    links: ClassVar[tuple[str, ...]] = ("pipe",)
    emulates: ClassVar[bool] = True

    def check(self, board: Board) -> None:
        """See ``Target.check``. It takes no more than the compiler, which the build asks for."""

    @contextmanager
    def start(self, image: Image, board: Board, log: Path) -> Iterator[Link]:
        """See ``Target.start``."""
        image.elf.chmod(0o755)
        with child_on_pipes([str(image.elf.resolve())], log) as link:
            yield link
