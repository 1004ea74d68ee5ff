"""QEMU's Arm system emulator.

Its serial port is on a socket on which the host listens; or the firmware uses QEMU's standard input
and output, by semihosting, which is faster by far.
"""

import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from host.base.errors import ConfigError, ToolMissingError
from host.device.link import Link
from host.firmware.boards import Board
from host.firmware.image import Image
from host.targets.child import Emulator
from host.targets.links import start_child

PROGRAM = "qemu-system-arm"
SEMIHOSTING = "semihosting"  # the firmware knows it by this word


class QemuTarget(Emulator):
    """Starts the image in QEMU; ``custom_machine`` names the board to emulate."""

    links: ClassVar[tuple[str, ...]] = ("socket", SEMIHOSTING)
    tools: ClassVar[tuple[str, ...]] = (PROGRAM,)

    def check(self, board: Board) -> None:
        """See ``Target.check``."""
        _machine(board)
        if shutil.which(PROGRAM) is None:
            raise ToolMissingError(
                f"{PROGRAM} is not on PATH; {board.name} runs in it",
                "Install it: `apt-get install qemu-system-arm`, or run ./scripts/setup.",
            )

    def start(self, image: Image, board: Board, log: Path) -> AbstractContextManager[Link]:
        """See ``Target.start``."""
        self.check(board)
        machine = _machine(board)
        return start_child(board.link, lambda uart: command(machine, image.elf, uart), PROGRAM, log)


def _machine(board: Board) -> str:
    machine = board.options.get("machine")
    if not machine:
        raise ConfigError(f"[env:{board.name}] in platformio.ini has no custom_machine")
    return machine


def command(machine: str, elf: Path, uart: Path | None = None) -> list[str]:
    """QEMU's command line.

    ``-icount shift=7`` makes an instruction 2^7 ns of virtual time, so that the board's timers,
    three to four ticks an instruction, count instructions exactly and repeatably; ``sleep=off``
    spends no real time while it waits.

    Args:
        machine: QEMU's name for the board.
        uart: a socket to connect the serial port to; None where standard input and output carry
            the frames, on which QEMU itself must print nothing.
    """
    if uart is None:
        serial, link = ["-serial", "none"], f",arg={SEMIHOSTING}"
    else:
        serial = ["-chardev", f"socket,id=uart,path={uart},server=off", "-serial", "chardev:uart"]
        link = ""
    return [
        PROGRAM,
        *("-machine", machine),
        *("-kernel", str(elf)),
        *("-display", "none", "-monitor", "none"),
        *serial,
        *("-icount", "shift=7,sleep=off"),
        *("-semihosting-config", f"enable=on,target=native{link}"),
        "-no-reboot",
    ]
