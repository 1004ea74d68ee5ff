"""Unicorn, the processor out of QEMU as a Python package, with a model of the chip around it."""

import importlib.util
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from host.base.errors import ConfigError, ToolMissingError
from host.device.link import Link
from host.firmware.boards import Board
from host.firmware.image import Image
from host.targets.child import Emulator
from host.targets.links import start_child

# custom_machine → the module that is the chip. It runs in a process of its own, so that whatever
# happens to it is for the host what happens to any emulator.
CHIPS = {"nrf52840": "host.targets.nrf52840"}


class UnicornTarget(Emulator):
    """Starts the image in Unicorn; ``custom_machine`` names the chip."""

    links: ClassVar[tuple[str, ...]] = ("socket",)
    tools: ClassVar[tuple[str, ...]] = ("unicorn",)

    def check(self, board: Board) -> None:
        """See ``Target.check``."""
        _chip(board)
        if importlib.util.find_spec("unicorn") is None:
            raise ToolMissingError(
                f"the Python package unicorn is not installed; {board.name} runs in it",
                "Install it: `pip install -e '.[unicorn]'`, or run ./scripts/setup.",
            )

    def start(self, image: Image, board: Board, log: Path) -> AbstractContextManager[Link]:
        """See ``Target.start``."""
        self.check(board)
        chip, name = _chip(board), f"Unicorn ({board.options['machine']})"
        return start_child(board.link, lambda uart: command(chip, image.elf, uart), name, log)


def command(chip: str, elf: Path, uart: Path | None) -> list[str]:
    """The command line of the emulator's process."""
    return [sys.executable, "-m", chip, str(elf.resolve()), str(uart)]


def _chip(board: Board) -> str:
    name = board.options.get("machine", "")
    if name not in CHIPS:
        raise ConfigError(
            f"[env:{board.name}] in platformio.ini has an unknown custom_machine, {name!r}",
            f"Unicorn has a model of: {', '.join(CHIPS)}.",
        )
    return CHIPS[name]
