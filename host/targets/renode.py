"""Renode, its serial port on a TCP port that it opens and to which the host connects.

It offers terminal devices, too, but one request in a hundred was lost on them.

Whatever goes wrong in a script, Renode prints it and waits for more commands. So it gets a second
command, which ends it if the first one, the script, did not get as far as starting the machine.
"""

import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import jinja2

from host.base.errors import ConfigError, ToolMissingError
from host.base.versions import NAMED_BY, find_program, program_version
from host.device.link import Link
from host.firmware.boards import Board
from host.firmware.image import Image
from host.targets.child import EXCEPTION, FAULT, SCRIPT_FAILED, Emulator
from host.targets.nrf52840_registers import UICR, Uicr
from host.targets.sockets import linked

PROGRAM = "renode"
TEMPLATES = Path(__file__).parent / "templates"
# The first one whose peripherals in Python know their machine, by `self.GetMachine()`.
OLDEST = (1, 15)
# Seconds. Renode compiles a platform description and starts .NET, which took half a minute once.
START_TIMEOUT = 90.0
_HINT = (
    "`./scripts/renode FOLDER` downloads it for x86-64 Linux; other packages are at "
    f"https://github.com/renode/renode/releases. Put `{PROGRAM}` on PATH or name it in "
    f"{NAMED_BY[PROGRAM]}. `--board unicorn-nano33ble` runs the same firmware."
)
_ENDED_UNLESS_STARTED = (
    'python "import System; from Antmicro.Renode import Emulator; '
    "failed = monitor.Machine is None or monitor.Machine.IsPaused; "
    f"System.Environment.ExitCode = {SCRIPT_FAILED} if failed else 0; "
    'failed and System.Threading.ThreadPool.QueueUserWorkItem(lambda _: Emulator.Exit())"'
)


class RenodeTarget(Emulator):
    """Starts the image in Renode; ``custom_machine`` names the pair of templates."""

    links: ClassVar[tuple[str, ...]] = ("socket",)
    tools: ClassVar[tuple[str, ...]] = (PROGRAM,)

    def check(self, board: Board) -> None:
        """See ``Target.check``."""
        templates(board)
        find_renode(board)

    @contextmanager
    def start(self, image: Image, board: Board, log: Path) -> Iterator[Link]:
        """See ``Target.start``."""
        templates(board)
        program, address = find_renode(board), ("127.0.0.1", free_port())
        script = write_scripts(board, image.elf, address[1], log)
        with (
            tempfile.TemporaryDirectory(prefix="fae-") as folder,
            linked(
                command(program, script, Path(folder)),
                *(log, PROGRAM, lambda: socket.create_connection(address, timeout=1.0)),
                START_TIMEOUT,
                stdin=subprocess.PIPE,  # at the end of it the console would quit
            ) as link,
        ):
            yield link


def find_renode(board: Board) -> str:
    """The program: what RENODE names, else `renode` on PATH.

    Raises:
        ToolMissingError: there is none, or it is too old.
    """
    variable = NAMED_BY[PROGRAM]
    program, named = find_program(PROGRAM), os.environ.get(variable)
    if program is None:
        raise ToolMissingError(
            f"{variable} is {named}, which is not a program"
            if named
            else f"{PROGRAM} is not on PATH, and {variable} is not set; {board.name} runs in it",
            _HINT,
        )
    version = program_version(PROGRAM)
    number = re.search(r"\bv(\d+)\.(\d+)", version or "")
    if number and tuple(map(int, number.groups())) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ToolMissingError(
            f"{program} is {version}; {board.name} needs Renode {oldest} or newer", _HINT
        )
    return program


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


def free_port() -> int:
    """A TCP port that nobody listens on. Renode wants a number, and cannot be asked for one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_scripts(board: Board, elf: Path, port: int, log: Path) -> Path:
    """Render platform description and script beside the log, under its name; the script's path.

    Raises:
        ConfigError: a path cannot be written in a script.
    """
    platform, script = log.with_suffix(".repl"), log.with_suffix(".resc")
    values = {
        "name": board.name,
        "port": port,
        "elf": quoted(elf),
        "platform": quoted(platform),
        "uicr": UICR,
        "customer": Uicr.CUSTOMER,
        "mark": Uicr.MARK,
        "handlers": {"Fault_Handler": FAULT, "Default_Handler": EXCEPTION},
    }
    for template, path in zip(templates(board), (platform, script), strict=True):
        text = jinja2.Template(
            template.read_text(),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
            trim_blocks=True,
        ).render(values)
        path.write_text(text)
    return script


def quoted(path: Path) -> str:
    """An absolute path as a string of Renode's monitor, which leaves all but ``\\"`` as it is.

    Raises:
        ConfigError: it has what the monitor cannot be told.
    """
    text = str(path.resolve())
    if not text.isprintable() or '\\"' in text or text.endswith("\\"):
        raise ConfigError(
            f"Renode cannot be told the path {text!r}",
            'Choose a folder without control characters and \\" in its name.',
        )
    return '"' + text.replace('"', '\\"') + '"'


def command(program: str, script: Path, folder: Path) -> list[str]:
    """Renode's command line: no window, no monitor on a port, log lines without colours.

    Args:
        script: it is included by a name in ``folder``, a temporary one, since not every version
            takes any path there.
        folder: for Renode's settings and history, too: it would write the user's own, and two at
            once would get into each other's way.

    Raises:
        ConfigError: the folder's path cannot be written on the command line.
    """
    if re.search(r"[\s;]", str(folder)):
        raise ConfigError(
            f"Renode cannot be told the path {str(folder)!r}",
            "Set TMPDIR to a folder without spaces and semicolons in its name.",
        )
    include, settings = folder / "script.resc", folder / "config"
    include.symlink_to(script.resolve())
    settings.write_text(f"[general]\nhistory-path = {folder / 'history'}\n")
    return [
        program,
        "--plain",
        "--disable-xwt",
        "--hide-analyzers",
        "--console",
        *("--config", str(settings)),
        *("--execute", f"include @{include}\n{_ENDED_UNLESS_STARTED}"),
    ]
