"""QEMU's system emulators.

Its serial port is on a socket on which the host listens; or the firmware uses QEMU's standard input
and output, by semihosting, which is faster by far.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from host.base.errors import ConfigError
from host.base.versions import require_program
from host.device.link import Link
from host.firmware.boards import Board
from host.firmware.image import Image
from host.targets.child import Emulator
from host.targets.links import start_child

SEMIHOSTING = "semihosting"  # the firmware knows it by this word


@dataclass(frozen=True)
class QemuTarget(Emulator):
    """Starts the image in QEMU; ``custom_machine`` names the board to emulate.

    Attributes:
        program: the emulator of the processor.
        options: what it wants beside the common ones.
    """

    links: ClassVar[tuple[str, ...]] = ("socket", SEMIHOSTING)

    program: str
    options: tuple[str, ...] = ()

    @property
    def tools(self) -> tuple[str, ...]:
        """See ``Target.tools``."""
        return (self.program,)

    def check(self, board: Board) -> None:
        """See ``Target.check``."""
        _machine(board)
        require_program(self.program, f"{board.name} runs in it")

    def start(self, image: Image, board: Board, log: Path) -> AbstractContextManager[Link]:
        """See ``Target.start``."""
        self.check(board)
        return start_child(
            board.link, lambda uart: self.command(board, image.elf, uart), self.program, log
        )

    def command(self, board: Board, elf: Path, uart: Path | None = None) -> list[str]:
        """QEMU's command line.

        ``-icount shift=7`` makes an instruction 2^7 ns of virtual time, so that the board's timers,
        at least three ticks an instruction, count instructions exactly and repeatably;
        ``sleep=off`` spends no real time while it waits. A real-time clock shows virtual time, too.

        Args:
            uart: a socket to connect the serial port to; None where standard input and output carry
                the frames, on which QEMU itself must print nothing.
        """
        if uart is None:
            serial, link = ["-serial", "none"], f",arg={SEMIHOSTING}"
        else:
            socket = f"socket,id=uart,path={uart},server=off"
            serial, link = ["-chardev", socket, "-serial", "chardev:uart"], ""
        return [
            self.program,
            *("-machine", _machine(board)),
            *self.options,
            *("-kernel", str(elf)),
            *("-display", "none", "-monitor", "none"),
            *serial,
            *("-icount", "shift=7,sleep=off", "-rtc", "clock=vm"),
            *("-semihosting-config", f"enable=on,target=native{link}"),
            "-no-reboot",
        ]


def _machine(board: Board) -> str:
    machine = board.options.get("machine")
    if not machine:
        raise ConfigError(f"[env:{board.name}] in platformio.ini has no custom_machine")
    return machine
