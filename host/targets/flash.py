"""A real board: upload through PlatformIO, then follow its serial port."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from host.base import defaults, locks
from host.base.errors import ConfigError, TargetError
from host.base.paths import ROOT
from host.device.link import Link, SerialLink, when_there
from host.firmware.boards import Board
from host.firmware.image import Image
from host.firmware.platformio import build_lock, generated_folder, run, write_sources
from host.targets.ports import Port, Snapshot, choose, not_returned, returned, snapshot
from host.targets.uploads import no_permission, upload_error

# PlatformIO may have to build again first: it wipes its folders when platformio.ini changes.
UPLOAD_TIMEOUT = 900.0
RETURN_TIMEOUT = 15.0

Upload = Callable[[Image, Board, Port, Path], None]


def upload(image: Image, board: Board, port: Port, log: Path) -> None:
    """Have PlatformIO upload the image's sources; it touches the port and follows it itself.

    Not with `-t nobuild`: platform nordicnrf52 then hands bossac a file that it cannot read. So
    PlatformIO looks once more whether all is built, from the sources that the image was made of.

    Raises:
        FlashAndEvalError: see ``upload_error``.
    """
    with build_lock(board.name, image.library):  # the one that the build takes, too
        sources = {path.name: path.read_text() for path in (image.elf.parent / "src").iterdir()}
        write_sources(generated_folder(board.name), sources)
        arguments = ["run", "-d", str(ROOT), "-e", board.name, "-t", "upload"]
        arguments += ["--upload-port", port.device]
        try:
            code = run(arguments, log, UPLOAD_TIMEOUT, env=board.name, library=image.library)
        except subprocess.TimeoutExpired as error:
            raise TargetError(
                f"the upload to {port} took more than {UPLOAD_TIMEOUT:.0f} s; see {log}",
                "Unplug the board, plug it in again, and retry.",
            ) from error
    if code != 0:
        raise upload_error(log.read_text(errors="replace"), board, port.device, log)


@dataclass(frozen=True)
class FlashTarget:
    """Uploads the image to a board, and talks to it through its serial port.

    The board is found by the USB identities in its env, or is at ``port``. ``look`` and ``upload``
    are how it touches the world.
    """

    starts: ClassVar[bool] = True
    links: ClassVar[tuple[str, ...]] = ("serial",)
    emulates: ClassVar[bool] = False
    tools: ClassVar[tuple[str, ...]] = ()

    port: str | None = None
    baud: int = defaults.BAUD
    look: Snapshot = snapshot
    upload: Upload = upload

    def at(self, port: str | None, baud: int) -> FlashTarget:
        """See ``Target.at``."""
        return replace(self, port=port, baud=baud)

    def check(self, board: Board) -> None:
        """See ``Target.check``."""
        if self.port is not None and "://" in self.port:
            raise ConfigError(
                f"{board.name} cannot be flashed through {self.port}",
                "Add --no-flash to talk to a device there that runs already.",
            )
        port = choose(self.look(), board, self.port)
        if Path(port.device).exists() and not os.access(port.device, os.R_OK | os.W_OK):
            raise no_permission(port.device)

    @contextmanager
    def start(self, image: Image, board: Board, log: Path) -> Iterator[Link]:
        """See ``Target.start``."""
        before = choose(self.look(), board, self.port)
        with locks.port(before.identity):
            self.upload(image, board, before, log)
            link = self._open(board, before)
            try:
                yield link
            finally:
                link.close()

    def _open(self, board: Board, before: Port) -> Link:
        """The link to the board once it is back, which it is for a moment before it can be used."""

        def find() -> str | None:
            port = returned(self.look(), board, before)
            return port.device if port else None

        link = when_there(
            find, lambda port: SerialLink(port, self.baud, find), time.monotonic() + RETURN_TIMEOUT
        )
        if link is None:
            raise not_returned(self.look(), board, before, RETURN_TIMEOUT)
        return link
