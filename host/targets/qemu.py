"""QEMU's Arm system emulator, its serial port on a socket on which the host listens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from host.errors import ConfigError, ToolMissingError
from host.link import Link
from host.records import Board, Image
from host.targets.sockets import child_that_connects

PROGRAM = "qemu-system-arm"


class QemuTarget:
    """Starts the image in QEMU; ``custom_machine`` names the board to emulate."""

    starts: ClassVar[bool] = True

    def check(self, board: Board) -> None:
        """See ``Target.check``."""
        _machine(board)
        if shutil.which(PROGRAM) is None:
            raise ToolMissingError(
                f"{PROGRAM} is not on PATH; {board.name} runs in it",
                "Install it: `apt-get install qemu-system-arm`, or run ./scripts/setup.",
            )

    @contextmanager
    def start(self, image: Image, board: Board, log: Path) -> Iterator[Link]:
        """See ``Target.start``."""
        self.check(board)
        machine = _machine(board)
        with child_that_connects(
            lambda uart: command(machine, image.elf, uart), PROGRAM, log
        ) as link:
            yield link


def _machine(board: Board) -> str:
    machine = board.options.get("machine")
    if not machine:
        raise ConfigError(f"[env:{board.name}] in platformio.ini has no custom_machine")
    return machine


def command(machine: str, elf: Path, uart: Path) -> list[str]:
    """QEMU's command line.

    ``-icount shift=7`` makes an instruction 2^7 ns of virtual time, so that the board's timers,
    three to four ticks an instruction, count instructions exactly and repeatably; ``sleep=off``
    spends no real time while it waits.
    """
    return [
        PROGRAM,
        *("-machine", machine),
        *("-kernel", str(elf)),
        *("-display", "none", "-monitor", "none"),
        *("-chardev", f"socket,id=uart,path={uart},server=off"),
        *("-serial", "chardev:uart"),
        *("-icount", "shift=7,sleep=off"),
        *("-semihosting-config", "enable=on,target=native"),
        "-no-reboot",
    ]
