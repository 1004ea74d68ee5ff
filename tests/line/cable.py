"""A Pico on a USB cable, as a process: a firmware in rp2040js, its serial port a pseudo-terminal.

``python -m tests.line.cable --elf firmware.elf --folder F`` lists the port in ``F/ports.json``, for
``list_ports/sitecustomize.py``. The firmware is told what a program does with the port: at which
rate it opens it, and that it closes it. One that leaves for its bootloader has no port. A firmware
that is then put into ``F`` as ``upload.elf`` starts, and its port has another name. When SIGTERM
ends the process, the emulator is gone too, and what was done to the frames is in ``F/counts.json``.
"""

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from host.base.files import write_text
from host.base.paths import NODE_PACKAGES, ROOT
from host.targets.rp2040js import PROGRAM
from tests.fixtures.runs import wait_for
from tests.line.direction import Direction
from tests.line.faults import Event, Way, parse
from tests.line.link import ABSENCE, injected

PORTS, BOOTLOADER, UPLOAD, COUNTS = "ports.json", "bootloader", "upload.elf", "counts.json"
_LEFT_FOR_BOOTLOADER = 100  # an exit code of host/targets/node/usb.js
_BOOT_TIMEOUT = 30.0
_CHUNK = 4096
_TICK = 0.001
_RATES = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[1:].isdigit()}


class Terminal:
    """A pseudo-terminal: its master sees what programs do with the port."""

    def __init__(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.name = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        self._hung_up = select.poll()
        self._hung_up.register(self._master, 0)

    def another(self) -> "Terminal":
        """In place of this one, which vanishes under the hands of whoever has it open."""
        fresh = Terminal()  # while this one is there, or it would get the same name
        os.close(self._master)
        return fresh

    def line(self) -> tuple[int, bool]:
        """The rate in baud, and whether a program has the port open."""
        return _RATES[termios.tcgetattr(self._master)[5]], not self._hung_up.poll(0)

    def read(self, most: int) -> bytes:
        with contextlib.suppress(OSError):  # nothing is there, or nobody
            return os.read(self._master, most)
        return b""

    def write(self, data: bytes) -> int:
        with contextlib.suppress(BlockingIOError):
            return os.write(self._master, data[:_CHUNK])
        return 0


class Chip:
    """The emulator's process, from when the firmware's serial port is there."""

    def __init__(self, elf: Path, folder: Path) -> None:
        path = folder / "socket"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(1)
            listener.settimeout(_BOOT_TIMEOUT)
            command = [PROGRAM, str(NODE_PACKAGES / "usb.js"), str(elf), str(path)]
            pipe: Any = subprocess.PIPE
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe)
            self._socket = listener.accept()[0]
        self._socket.setblocking(False)
        assert self.process.stdin is not None and self.process.stdout is not None
        self._program = self.process.stdin
        self.identity = json.loads(self.process.stdout.readline())

    def tell(self, rate: int, is_open: bool) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._program.write(b"%d %d\n" % (rate, is_open))
            self._program.flush()

    def read(self, most: int) -> bytes:
        with contextlib.suppress(OSError):
            return self._socket.recv(most)
        return b""

    def write(self, data: bytes) -> int:
        with contextlib.suppress(OSError):
            return self._socket.send(data)
        return 0

    def close(self) -> None:
        self._socket.close()
        self.process.kill()
        self.process.communicate()


class Cable:
    """Carries bytes between a chip and its port until it is interrupted."""

    def __init__(self, elf: Path, folder: Path, to_device: Direction, to_host: Direction) -> None:
        self._elf = elf
        self._folder = folder
        self._directions = to_device, to_host
        self._waiting = [b"", b""]  # what the other end has not taken yet

    def run(self) -> NoReturn:
        terminal = Terminal()
        while True:
            with contextlib.closing(Chip(self._elf, self._folder)) as chip:
                self._list(terminal, chip.identity)
                event = self._carry(chip, terminal)
            self._list()
            terminal = terminal.another()
            for direction in self._directions:
                direction.clear()
            self._waiting = [b"", b""]
            if event is None:
                self._load()
            elif event is Event.KILLED:
                signal.pause()
            else:  # the cable is its power supply: pulled out or reset is the same
                time.sleep(ABSENCE)

    def _carry(self, chip: Chip, terminal: Terminal) -> Event | None:
        """Until the firmware leaves for its bootloader (None), or the event."""
        ends: list[tuple[Terminal | Chip, Terminal | Chip]] = [(terminal, chip), (chip, terminal)]
        line = None
        while (code := chip.process.poll()) is None:
            if line != terminal.line():
                line = terminal.line()
                chip.tell(*line)
            now = time.monotonic()
            for number, (source, sink) in enumerate(ends):
                direction = self._directions[number]
                direction.put(source.read(min(_CHUNK, direction.room)), now)
                if not self._waiting[number]:
                    self._waiting[number], event = direction.take(now)
                    if event is not None:
                        return event
                self._waiting[number] = self._waiting[number][sink.write(self._waiting[number]) :]
            time.sleep(_TICK)
        return None if code == _LEFT_FOR_BOOTLOADER else Event.KILLED

    def _load(self) -> None:
        (self._folder / BOOTLOADER).touch()
        upload = self._folder / UPLOAD
        while not upload.exists():
            time.sleep(_TICK)
        self._elf = upload.rename(self._folder / "firmware.elf")
        (self._folder / BOOTLOADER).unlink()

    def _list(self, terminal: Terminal | None = None, identity: Any = None) -> None:
        ports = []
        if terminal is not None:
            usb = {"vid": identity["vendor"], "pid": identity["product"]}
            usb |= {"serial_number": identity["serial"], "location": "1-1"}
            ports = [{"device": terminal.name, **usb}]
        write_text(self._folder / PORTS, json.dumps(ports))


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--elf", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    for way in ("--to-device", "--to-host"):
        parser.add_argument(way, default="", help='a plan such as "lost@3,17 flipped~0.01"')
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    directions = [
        Direction(Way(parse(text, options.seed + number)))
        for number, text in enumerate((options.to_device, options.to_host))
    ]
    signal.signal(signal.SIGTERM, _end)
    try:
        Cable(options.elf, options.folder, *directions).run()
    finally:
        write_text(options.folder / COUNTS, json.dumps(injected(*directions)))


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)


@contextlib.contextmanager
def plugged_in(
    elf: Path, folder: Path, to_device: str = "", to_host: str = "", *, seed: int = 0
) -> Iterator[dict[str, str]]:
    """A Pico with that firmware is attached; gives the environment in which programs see it.

    Afterwards, what was done to the frames is in ``folder/counts.json``.
    """
    ports = folder / PORTS
    command = [
        *(sys.executable, "-m", "tests.line.cable", "--elf", str(elf), "--folder", str(folder)),
        *("--to-device", to_device, "--to-host", to_host, "--seed", str(seed)),
    ]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for(lambda: listed(folder) or process.poll() is not None)
        yield {
            "PYTHONPATH": str(Path(__file__).parent / "list_ports"),
            "SERIAL_PORTS": str(ports),
        }
    finally:
        process.terminate()
        assert process.wait(30) == 0


def listed(folder: Path) -> list[str]:
    """The names of the ports that are there."""
    path = folder / PORTS
    ports = json.loads(path.read_text()) if path.exists() else []
    return [port["device"] for port in ports]


if __name__ == "__main__":
    main()
