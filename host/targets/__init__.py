"""How an image starts. One of the three plug points."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from host.errors import ConfigError
from host.link import Link
from host.records import Board, Image
from host.targets.attach import AttachTarget
from host.targets.process import ProcessTarget
from host.targets.qemu import QemuTarget


class Target(Protocol):
    """Starts an image and gives the link to it."""

    def start(self, image: Image, board: Board, log: Path) -> AbstractContextManager[Link]:
        """Start; on leaving the context, whatever was started is gone.

        Args:
            image: what to run.
            board: where.
            log: gets what the emulator or the upload prints.

        Raises:
            ToolMissingError: the program that starts it is not installed.
            TargetError: it did not start, or ended by itself; with the log's last lines.
        """


TARGETS: dict[str, Target] = {"qemu": QemuTarget(), "process": ProcessTarget()}


def find_target(board: Board, port: str | None = None, baud: int = 115200) -> Target:
    """The target that starts the board's images, or one that attaches to ``port``.

    Raises:
        ConfigError: the env names a target that is not there.
    """
    if port is not None:
        return AttachTarget(port, baud)
    if board.target not in TARGETS:
        raise ConfigError(
            f"[env:{board.name}] has custom_target = {board.target}",
            f"The targets are: {', '.join(TARGETS)}.",
        )
    return TARGETS[board.target]
