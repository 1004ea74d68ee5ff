"""How an image starts. A plug point: an emulator is a file and an entry."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Protocol

from host.base import defaults
from host.base.errors import ConfigError
from host.device.link import Link
from host.firmware.boards import Board
from host.firmware.image import Image
from host.targets.attach import AttachTarget
from host.targets.flash import FlashTarget
from host.targets.process import ProcessTarget
from host.targets.qemu import QemuTarget
from host.targets.renode import RenodeTarget
from host.targets.rp2040js import Rp2040jsTarget
from host.targets.unicorn import UnicornTarget


class Target(Protocol):
    """Starts an image and gives the link to it."""

    starts: ClassVar[bool]
    """False for one that finds the device running, with whatever image it has."""
    emulates: ClassVar[bool]
    """True for one that makes a device out of nothing, so that there can be several."""
    links: ClassVar[tuple[str, ...]]
    """The links that it can give, as ``custom_link`` and ``--link`` name them."""

    @property
    def tools(self) -> tuple[str, ...]:
        """What it starts images with, as ``versions`` names it."""

    def at(self, port: str | None, baud: int) -> Target | None:
        """The same for the board at ``port``; None for a target whose boards have no port."""

    def check(self, board: Board) -> None:
        """See that it could start an image, before anything is converted or built for it. Quick.

        Raises:
            ToolMissingError: the program that starts it is not installed.
            TargetError: the board is not there.
            ConfigError: the env lacks an option.
        """

    def start(self, image: Image, board: Board, log: Path) -> AbstractContextManager[Link]:
        """Start; on leaving the context, whatever was started is gone.

        Args:
            log: gets what the emulator or the upload prints.

        Raises:
            ConfigError, ToolMissingError: see ``check``.
            TargetError: it did not start, or ended by itself; with the log's last lines.
        """


TARGETS: Mapping[str, Target] = {
    "qemu": QemuTarget("qemu-system-arm"),
    # Without OpenSBI, which would come first.
    "qemu-riscv32": QemuTarget("qemu-system-riscv32", ("-bios", "none")),
    "process": ProcessTarget(),
    "unicorn": UnicornTarget(),
    "renode": RenodeTarget(),
    "rp2040js": Rp2040jsTarget("uart.js"),
    "rp2040js-usb": Rp2040jsTarget("usb.js"),
    "flash": FlashTarget(),
}


def find_target(
    board: Board, port: str | None = None, baud: int = defaults.BAUD, *, flash: bool = True
) -> Target:
    """The target that starts the board's images, or one that attaches to ``port``.

    A target whose boards have ports takes ``port`` as the one to flash, unless ``flash`` is False.

    Raises:
        ConfigError: the env names a target that is not there, or there is no port to attach to.
    """
    target = TARGETS.get(board.target)
    at_port = target.at(port, baud) if target is not None and flash else None
    if at_port is not None:
        return at_port
    if port is not None:
        return AttachTarget(port, baud)
    if not flash:
        raise ConfigError(
            "--no-flash needs --port: the device that runs already",
            "`pio device list` shows the ports.",
        )
    if target is None:
        raise ConfigError(
            f"[env:{board.name}] has an unknown custom_target, {board.target}",
            f"The targets are: {', '.join(TARGETS)}.",
        )
    return target


def with_link(board: Board, target: Target, link: str | None) -> Board:
    """The board, linked as ``--link`` says, else as its env says.

    Raises:
        ConfigError: the target has no such link.
    """
    # What runs already is not linked as it would be if it were started.
    wanted = link or (board.link if target.starts else target.links[0])
    if wanted not in target.links:
        raise ConfigError(
            f"{board.name} has no link {wanted!r}", f"It has: {', '.join(target.links)}."
        )
    return replace(board, link=wanted, options={**board.options, "link": wanted})
