"""A bad line as a process: an emulator on one side, a pseudo-terminal on the other.

``python -m tests.line.middle --board qemu-m4 --elf firmware.elf --port board --counts counts.json
--to-host "flipped~0.01"`` starts the image, and publishes the terminal as a symbolic link
``board``, as udev does under /dev/serial/by-id; a host opens that as any port. When SIGTERM ends
it, the emulator is gone too, and what was done to the frames is in ``counts.json``.
"""

import argparse
import contextlib
import json
import math
import os
import select
import signal
import subprocess
import sys
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from host.base.paths import ROOT
from host.device.link import DescriptorLink
from host.firmware.image import Image
from tests.fixtures.runs import wait_for
from tests.line.device import Device
from tests.line.direction import Direction
from tests.line.faults import Event, Way, parse
from tests.line.link import ABSENCE, BOOT, injected

_CHUNK = 4096


class Port:
    """A pseudo-terminal, published under a name that stays when its number changes.

    The host's end is held open here too: else a host that ends would look like a broken line.
    """

    def __init__(self, name: Path) -> None:
        self._name = name
        self.master, self._slave = _terminal()
        self.appear()

    def vanish(self) -> None:
        """Go, under the hands of whoever has it open."""
        self._name.unlink(missing_ok=True)
        # The next one is opened while this is there, or it would get the same number.
        fresh = _terminal()
        self._close()
        self.master, self._slave = fresh

    def appear(self) -> None:
        """Be there, all at once."""
        partial = self._name.with_name(f"{self._name.name}.part")
        partial.unlink(missing_ok=True)
        partial.symlink_to(os.ttyname(self._slave))
        partial.replace(self._name)

    def close(self) -> None:
        self._name.unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        os.close(self.master)
        os.close(self._slave)


def _terminal() -> tuple[int, int]:
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    return master, slave


class Middle:
    """Carries bytes between a device and a port until it is interrupted."""

    def __init__(self, device: Device, port: Port, to_device: Direction, to_host: Direction):
        self.to_device = to_device
        self.to_host = to_host
        self._device = device
        self._port = port
        self._link: DescriptorLink | None = None
        self._back: float | None = None  # when the port appears again
        self._leaving = b""  # what the device's end has not taken yet
        self._arriving = b""  # what the port has not taken yet

    def run(self) -> NoReturn:
        self._start()
        while True:
            now = time.monotonic()
            if self._back is not None and now >= self._back:
                self._port.appear()
                self._back = None
            self._let_through(now)
            self._wait()

    def _let_through(self, now: float) -> None:
        # An event empties what waits here, so that it is asked again.
        event: Event | None = None
        if not self._leaving:
            self._leaving, event = self.to_device.take(now)
        if event is None and not self._arriving:
            self._arriving, event = self.to_host.take(now)
        if event is not None:
            self._happen(event, now)
            self._let_through(now)

    def _wait(self) -> None:
        """Move bytes as soon as some can be moved; no longer than until the next ones are due."""
        master = self._port.master
        reader, writer = self._ends()
        if reader < 0:
            self._leaving = b""
        if self._back is not None:
            self._arriving = b""
        readers = [master] if self._back is None and self.to_device.room else []
        readers += [reader] if reader >= 0 and self.to_host.room else []
        writers = [master] if self._arriving else []
        writers += [writer] if self._leaving else []
        until = min(
            math.inf if self._leaving else self.to_device.due(),
            math.inf if self._arriving else self.to_host.due(),
            math.inf if self._back is None else self._back,
        )
        left = None if until == math.inf else max(0.0, until - time.monotonic())
        readable, writable, _ = select.select(readers, writers, [], left)
        now = time.monotonic()
        if master in readable:
            self.to_device.put(os.read(master, min(_CHUNK, self.to_device.room)), now)
        if master in writable:
            self._arriving = self._arriving[_write(master, self._arriving) :]
        if writer in writable:
            self._leaving = self._leaving[_write(writer, self._leaving) :]
        if reader in readable:
            data = os.read(reader, min(_CHUNK, self.to_host.room))
            self.to_host.put(data, now)
            if not data:  # it ended by itself
                self._stop()

    def _ends(self) -> tuple[int, int]:
        """The descriptors of the device's link; one loop must wait for both links at once."""
        return (self._link.reader, self._link.writer) if self._link else (-1, -1)

    def _happen(self, event: Event, now: float) -> None:
        self.to_host.clear()
        self._leaving = b""
        if event is Event.VANISHED:
            self.to_device.clear()
            self._port.vanish()
            self._back = now + ABSENCE
        elif event is Event.RESET:
            self._start()
            self.to_host.insert(BOOT, time.monotonic())
        else:
            self._stop()

    def _start(self) -> None:
        link = self._device.start()
        assert isinstance(link, DescriptorLink)
        self._link = link

    def _stop(self) -> None:
        self._device.stop()
        self._link = None


def _write(descriptor: int, data: bytes) -> int:
    try:
        return os.write(descriptor, data[:_CHUNK])
    except BlockingIOError:
        return 0
    except BrokenPipeError:  # the device has ended; reading will tell
        return len(data)


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--board", default="qemu-m4")
    parser.add_argument("--elf", type=Path, required=True)
    parser.add_argument("--port", type=Path, required=True, help="the symbolic link to make")
    parser.add_argument("--counts", type=Path, required=True, help="JSON of what was injected")
    for way in ("--to-device", "--to-host"):
        parser.add_argument(way, default="", help='a plan such as "lost@3,17 flipped~0.01"')
    parser.add_argument("--link", help="to the emulator; by default the board's own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--rate", type=float, help="bytes per second, each way; 115,200 baud: 11520"
    )
    options = parser.parse_args()
    to_device, to_host = (
        Direction(Way(parse(text, seed)) if text else None, options.rate)
        for text, seed in ((options.to_device, options.seed), (options.to_host, options.seed + 1))
    )
    signal.signal(signal.SIGTERM, _end)
    port = Port(options.port)
    image = Image(options.elf, (), reused=True)
    log = options.counts.with_suffix(".log")
    begin = time.monotonic()
    try:
        with contextlib.closing(port), Device(image, options.board, log, options.link) as device:
            Middle(device, port, to_device, to_host).run()
    finally:
        done = {
            "injected": injected(to_device, to_host),
            "bytes_to_device": to_device.carried,
            "bytes_to_host": to_host.carried,
            "seconds": time.monotonic() - begin,
        }
        options.counts.write_text(json.dumps(done))


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)


@contextlib.contextmanager
def between(
    elf: Path,
    board: str,
    folder: Path,
    to_device: str = "",
    to_host: str = "",
    *,
    seed: int = 0,
    rate: float | None = None,
    link: str | None = None,
) -> Iterator[Path]:
    """The process, running: the port's name, which is ``folder/port``.

    Afterwards, what it has done is in ``folder/counts.json``.
    """
    port, counts = folder / "port", folder / "counts.json"
    command = [
        *(sys.executable, "-m", "tests.line.middle", "--board", board, "--elf", str(elf)),
        *("--port", str(port), "--counts", str(counts), "--seed", str(seed)),
        *("--to-device", to_device, "--to-host", to_host),
        *(("--rate", str(rate)) if rate else ()),
        *(("--link", link) if link else ()),
    ]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for(lambda: port.is_symlink() or process.poll() is not None)
        yield port
    finally:
        process.terminate()
        assert process.wait(30) in (0, -signal.SIGKILL)


if __name__ == "__main__":
    main()
