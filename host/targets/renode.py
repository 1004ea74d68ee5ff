"""Renode, its serial port on a TCP port that it opens and to which the host connects."""

import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import jinja2

from host.base.errors import ConfigError, ToolMissingError
from host.device.link import Link
from host.firmware.boards import Board
from host.firmware.image import Image
from host.targets.child import Emulator, child
from host.targets.nrf52840_registers import UICR, Uicr
from host.targets.sockets import insist, link_on

TEMPLATES = Path(__file__).parent / "templates"
# Renode compiles its platform description and starts .NET; a cold start has taken half a minute.
START_TIMEOUT = 90.0
_HINT = (
    "Take the portable Linux package from https://github.com/renode/renode/releases, and put "
    "`renode` on PATH or name it in RENODE. `--board unicorn-nano33ble` runs the same firmware."
)


class RenodeTarget(Emulator):
    """Starts the image in Renode; ``custom_machine`` names the pair of templates."""

    links: ClassVar[tuple[str, ...]] = ("socket",)
    tools: ClassVar[tuple[str, ...]] = ("renode",)

    def check(self, board: Board) -> None:
        """See ``Target.check``."""
        templates(board)
        find_renode(board)

    @contextmanager
    def start(self, image: Image, board: Board, log: Path) -> Iterator[Link]:
        """See ``Target.start``."""
        self.check(board)
        port = free_port()
        script = write_scripts(board, image.elf, port, log.parent)
        with child(command(find_renode(board), script), log, name="renode") as process:
            address = ("127.0.0.1", port)
            connection = insist(
                lambda: socket.create_connection(address, timeout=1.0),
                process,
                "renode",
                log,
                START_TIMEOUT,
            )
            with link_on(connection) as link:
                yield link


def find_renode(board: Board, environment: Mapping[str, str] = os.environ) -> str:
    """The program: what RENODE names, else `renode` on PATH.

    Raises:
        ToolMissingError: there is none.
    """
    named = environment.get("RENODE")
    program = shutil.which(named or "renode", path=environment.get("PATH"))
    if program is not None:
        return program
    missing = f"renode is not on PATH, and RENODE is not set; {board.name} runs in it"
    raise ToolMissingError(
        f"RENODE is {named}, which is not a program" if named else missing, _HINT
    )


def templates(board: Board) -> tuple[Path, Path]:
    """The board's templates: platform description and script.

    Raises:
        ConfigError: there are none for its ``custom_machine``.
    """
    name = board.options.get("machine", "")
    pair = TEMPLATES / f"{name}.repl.j2", TEMPLATES / f"{name}.resc.j2"
    if not name or not all(path.is_file() for path in pair):
        known = sorted(path.name.removesuffix(".resc.j2") for path in TEMPLATES.glob("*.resc.j2"))
        raise ConfigError(
            f"[env:{board.name}] in platformio.ini has an unknown custom_machine, {name!r}",
            f"There are Renode scripts for: {', '.join(known)}.",
        )
    return pair


def write_scripts(board: Board, elf: Path, port: int, folder: Path) -> Path:
    """Render platform description and script into a folder; the script's path."""
    platform, script = folder / "renode.repl", folder / "renode.resc"
    values = {
        "name": board.name,
        "port": port,
        "elf": quoted(elf),
        "platform": quoted(platform),
        "uicr": UICR,
        "customer": Uicr.CUSTOMER,
        "mark": Uicr.MARK,
    }
    for template, path in zip(templates(board), (platform, script), strict=True):
        text = jinja2.Template(
            template.read_text(), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
        ).render(values)
        path.write_text(text)
    return script


def quoted(path: Path) -> str:
    r"""An absolute path as Renode's monitor takes it after an ``@``: spaces as ``\ ``."""
    return str(path.resolve()).replace("\\", "\\\\").replace(" ", "\\ ")


def command(program: str, script: Path) -> list[str]:
    """Renode's command line: no window, no monitor on a port, log lines without colours."""
    return [
        program,
        "--plain",
        "--disable-xwt",
        "--hide-analyzers",
        *("--port", "-1"),
        *("--execute", f"include @{quoted(script)}"),
    ]


def free_port() -> int:
    """A TCP port that nobody listens on. Renode wants a number, and cannot be asked for one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
