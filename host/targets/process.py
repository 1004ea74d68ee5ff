"""The firmware as a native program on standard input and output."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from host.device.link import Link
from host.firmware.boards import Board
from host.firmware.image import Image
from host.targets.child import Emulator
from host.targets.links import start_child


class ProcessTarget(Emulator):
    """Starts the image as a child process."""

    links: ClassVar[tuple[str, ...]] = ("pipe",)

    def check(self, board: Board) -> None:
        """See ``Target.check``. It takes no more than the compiler, which the build asks for."""

    def start(self, image: Image, board: Board, log: Path) -> AbstractContextManager[Link]:
        """See ``Target.start``."""
        image.elf.chmod(0o755)
        program = str(image.elf.resolve())
        return start_child(board.link, lambda _: [program], image.elf.name, log)
