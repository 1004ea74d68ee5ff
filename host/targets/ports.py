"""Which serial port is which board: plain decisions on snapshots of the ports that are there."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from host.base.errors import ConfigError, TargetError
from host.firmware.boards import Board


class PortInfo(Protocol):
    """What is used of pyserial's ``ListPortInfo``."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None
    location: str | None


@dataclass(frozen=True)
class Port:
    """A serial port. ``usb_id`` is "2341:805a"; ``identity`` stays over re-enumeration."""

    device: str
    usb_id: str
    identity: str

    def __str__(self) -> str:
        return f"{self.device} ({self.usb_id}, {self.identity})" if self.usb_id else self.device


Snapshot = Callable[[], Sequence[Port]]
# Shorter ones are no serial numbers: as they are delivered, all USB bridges CP2102 have "0001".
_SHORTEST_SERIAL = 6


@dataclass(frozen=True)
class Identity:
    """A board's USB identities: while it runs a firmware, and in its bootloader."""

    running: tuple[str, ...]
    bootloader: tuple[str, ...]

    def __str__(self) -> str:
        ids = " or ".join(self.running)
        return (
            f"{ids}, in its bootloader {' or '.join(self.bootloader)}" if self.bootloader else ids
        )


def snapshot(infos: Iterable[PortInfo] | None = None) -> tuple[Port, ...]:
    """The serial ports that are there now, by name; ``infos`` instead, where given."""
    if infos is None:
        from serial.tools.list_ports import comports

        infos = comports()
    return tuple(sorted((_port(info) for info in infos), key=lambda port: port.device))


def identity(board: Board) -> Identity:
    """The board's options ``custom_usb_ids`` and ``custom_usb_bootloader_ids``.

    Raises:
        ConfigError: there are none, so the board cannot be told from others.
    """
    running = tuple(board.options.get("usb_ids", "").lower().split())
    bootloader = tuple(board.options.get("usb_bootloader_ids", "").lower().split())
    if not running:
        raise ConfigError(
            f"[env:{board.name}] in platformio.ini has no custom_usb_ids",
            "Add the board's USB identity, as `pio device list` shows it: "
            "custom_usb_ids = 2341:805a.",
        )
    return Identity(running, bootloader)


def choose(ports: Sequence[Port], board: Board, wanted: str | None) -> Port:
    """The board's port, or the one that the user names.

    Raises:
        TargetError: none fits, or several do.
    """
    known = identity(board)
    saw = ", ".join(map(str, ports)) or "no serial port at all"
    if wanted is not None:
        port = named(ports, wanted)
        if port is not None:
            return port
        raise TargetError(f"there is no port {wanted}; there is: {saw}", recovery(board))
    # One board may have several ports; the first is the one for data.
    boards: dict[str, Port] = {}
    for port in ports:
        if port.usb_id in (*known.running, *known.bootloader):
            boards.setdefault(port.identity, port)
    if not boards:
        raise TargetError(
            f"no {board.name} is attached: looked for USB {known}; found {saw}", recovery(board)
        )
    if len(boards) > 1:
        raise TargetError(
            f"{len(boards)} boards fit {board.name}: {', '.join(map(str, boards.values()))}",
            f"Choose one: --port {next(iter(boards.values())).device}.",
        )
    return next(iter(boards.values()))


def named(ports: Sequence[Port], name: str) -> Port | None:
    """The port of that name, which may be a link: /dev/serial/by-id/…."""
    names = {name, str(Path(name).resolve())}
    return next((port for port in ports if port.device in names), None)


def returned(ports: Sequence[Port], board: Board, before: Port) -> Port | None:
    """The port of the board that was at ``before``, if it runs its firmware again.

    Its name and its USB product may be others; its serial number is not.
    """
    bootloader = identity(board).bootloader
    for port in ports:
        if port.identity == before.identity and port.usb_id not in bootloader:
            return port
    return None


def not_returned(ports: Sequence[Port], board: Board, before: Port, seconds: float) -> TargetError:
    """The error for a board that did not come back after the upload."""
    there = next((port for port in ports if port.identity == before.identity), None)
    what = f"is still in its bootloader, at {there}" if there else "has not come back"
    saw = ", ".join(map(str, ports)) or "no serial port at all"
    return TargetError(
        f"{board.name} {what} {seconds:.0f} s after the upload; found {saw}",
        "The firmware may crash at its start, or the upload was not complete: press reset once "
        f"and try again with --no-flash. {recovery(board)}",
    )


def recovery(board: Board) -> str:
    """How to bring the board's bootloader up by hand: ``custom_recovery``."""
    by_hand = board.options.get("recovery", "").strip()
    return f"Is it plugged in, with a cable that carries data? {by_hand}".strip()


def _port(info: PortInfo) -> Port:
    usb_id = "" if info.vid is None or info.pid is None else f"{info.vid:04x}:{info.pid:04x}"
    # The Nano 33 BLE's bootloader pads with zeros the serial number that its firmware shows bare.
    serial = (info.serial_number or "").strip().upper().lstrip("0")
    if len(serial) < _SHORTEST_SERIAL:
        serial = ""
    # Of a location like 1-3:1.0, what is after the colon may change with the product.
    location = (info.location or "").split(":")[0]
    return Port(info.device, usb_id, serial or location or info.device)
