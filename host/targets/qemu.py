"""QEMU's Arm system emulator, its serial port on a socket on which the host listens."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host.errors import ConfigError, TargetError, ToolMissingError
from host.link import DescriptorLink, Link
from host.records import Board, Image
from host.targets.child import child, ended

PROGRAM = "qemu-system-arm"
START_TIMEOUT = 20.0


class QemuTarget:
    """Starts the image in QEMU; ``custom_machine`` names the board to emulate."""

    @contextmanager
    def start(self, image: Image, board: Board, log: Path) -> Iterator[Link]:
        """See ``Target.start``."""
        machine = board.options.get("machine")
        if not machine:
            raise ConfigError(f"[env:{board.name}] in platformio.ini has no custom_machine")
        if shutil.which(PROGRAM) is None:
            raise ToolMissingError(
                f"{PROGRAM} is not on PATH; {board.name} runs in it",
                "Install it: `apt-get install qemu-system-arm`, or run ./scripts/setup.",
            )
        # A path of a unix socket is limited to 108 bytes, so it lies in a short temporary folder.
        with (
            tempfile.TemporaryDirectory(prefix="fae-") as folder,
            socket.socket(socket.AF_UNIX) as listener,
        ):
            path = Path(folder) / "uart"
            listener.bind(str(path))
            listener.listen(1)
            with child(command(machine, image.elf, path), log) as process:
                deadline = time.monotonic() + START_TIMEOUT
                listener.settimeout(0.1)
                while True:
                    try:
                        connection, _ = listener.accept()
                        break
                    except TimeoutError:
                        if process.poll() is not None:
                            raise ended(process, PROGRAM, log) from None
                        if time.monotonic() > deadline:
                            raise TargetError(
                                f"{PROGRAM} did not connect in {START_TIMEOUT:.0f} s",
                                f"Its log is in {log}.",
                            ) from None
                link = DescriptorLink.from_socket(connection)
                try:
                    yield link
                finally:
                    link.close()


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
