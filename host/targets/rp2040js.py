"""rp2040js, an emulator of the RP2040 that is a Node package."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from host.base.errors import ToolMissingError
from host.base.paths import NODE_PACKAGES
from host.base.versions import node_package_version, require_program
from host.device.link import Link
from host.firmware.boards import Board
from host.firmware.image import Image
from host.targets.child import Emulator
from host.targets.links import start_child

PROGRAM = "node"
PACKAGE = "rp2040js"


@dataclass(frozen=True)
class Rp2040jsTarget(Emulator):
    """Starts the image in rp2040js, with a socket for its serial port.

    Attributes:
        script: which port that is: in ``uart.js`` the UART, in ``usb.js`` the one that a computer
            at the other end of its USB cable has.
    """

    links: ClassVar[tuple[str, ...]] = ("socket",)
    tools: ClassVar[tuple[str, ...]] = (PROGRAM, PACKAGE)

    script: str

    def check(self, board: Board) -> None:
        """See ``Target.check``."""
        require_program(PROGRAM, f"{board.name} runs in it")
        if node_package_version(PACKAGE) is None:
            raise ToolMissingError(
                f"the Node package {PACKAGE} is not installed; {board.name} runs in it",
                f"Install it: `npm ci --prefix {NODE_PACKAGES}`, or run ./scripts/setup.",
            )

    def start(self, image: Image, board: Board, log: Path) -> AbstractContextManager[Link]:
        """See ``Target.start``."""
        self.check(board)
        script, elf = str(NODE_PACKAGES / self.script), str(image.elf.resolve())
        return start_child(board.link, lambda line: [PROGRAM, script, elf, str(line)], PACKAGE, log)
