"""Options come from the fields of the values that a command takes."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from host import __version__
from host.base.errors import ToolMissingError
from host.cli.app import app
from host.cli.options import with_options
from host.engines import ENGINES
from host.firmware.boards import find_board
from tests.fixtures.runs import run


@dataclass(frozen=True)
class Size:
    width: Annotated[int, typer.Argument(help="In metres.")]
    height: Annotated[int, typer.Option("--tall", min=1)] = 2
    command: str = ""


@dataclass(frozen=True)
class Colour:
    shade: Annotated[str, typer.Option(help="As the eye sees it.")] = "grey"


def paint(*arguments: str) -> tuple[int, str, list[object]]:
    """Exit code and output of a command that takes both, and what it was called with."""
    calls: list[object] = []
    small = typer.Typer(add_completion=False)

    @small.command()
    @with_options
    def main(size: Size, colour: Colour, twice: Annotated[bool, typer.Option()] = False) -> None:
        """Paint."""
        calls.extend([size, colour, twice])

    done = CliRunner().invoke(small, arguments)
    return done.exit_code, done.output, calls


def test_a_command_gets_the_values_that_its_options_make() -> None:
    _, _, (size, colour, twice) = paint("3", "--tall", "4", "--twice")
    assert isinstance(size, Size) and size.command.startswith("python -m host")
    assert (size.width, size.height, colour, twice) == (3, 4, Colour("grey"), True)


def test_defaults_and_limits_are_those_of_the_fields() -> None:
    assert paint("3", "--shade", "blue")[2][1] == Colour("blue")
    assert paint("3", "--tall", "0")[0] == 2
    assert paint()[0] == 2


def test_help_has_a_heading_for_each_value() -> None:
    _, text, _ = paint("--help")
    for words in ("Paint.", "─ Size ─", "─ Colour ─", "In metres.", "[default: grey]", "--twice"):
        assert words in text, text
    assert "command" not in text.lower().replace("commands", "")


def test_an_engine_has_the_name_of_its_entry() -> None:
    board = find_board("qemu-m4")
    for name, for_board in ENGINES.items():
        with suppress(ToolMissingError):
            assert for_board(board).name == name


def test_the_version_stands_in_one_place() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"flash-and-eval {__version__}\n"
    done = run("--version")
    assert (done.code, done.out, done.err) == (0, f"flash-and-eval {__version__}\n", "")
