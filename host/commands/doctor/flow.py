"""The flow of `doctor`: what is installed, and which engine each board would get."""

from dataclasses import dataclass
from typing import Any

from host.base.errors import FlashAndEvalError
from host.base.versions import tools
from host.deployment.request import DeviceOptions
from host.deployment.setup import find_setup
from host.engines.library import outlook
from host.firmware.boards import find_board, load_boards

TOOLS = ("tool", "version", "what for")
ENGINES = ("board", "engine")


@dataclass(frozen=True)
class Readiness:
    """Whether a board can be used now, in one line, and the exit code that says so."""

    board: str
    ready: bool
    text: str
    exit: int


def readiness(name: str) -> Readiness:
    """Look for all that a run on the board needs.

    Raises:
        ConfigError: there is no such board.
    """
    board = find_board(name)
    try:
        find_setup(DeviceOptions(board=name))
    except FlashAndEvalError as error:
        return Readiness(name, False, f"{name}: {error.message}. {error.hint}", error.exit_code)
    return Readiness(name, True, f"{name}: all is there. Engine {outlook(board)}.", 0)


def document(ready: Readiness | None = None) -> dict[str, Any]:
    """All that ``--json`` shows; ``board`` where one was asked for."""
    asked = {} if ready is None else {"board": vars(ready)}
    return {"tools": [vars(tool) for tool in tools()], "engines": engines(), **asked}


def engines(only: str | None = None) -> dict[str, str]:
    """For each board, or only one, the engine that ``--engine auto`` would choose, and why."""
    return {
        name: outlook(board)
        for name, board in load_boards().items()
        if only is None or name == only
    }


def tool_rows() -> list[tuple[str, ...]]:
    """All tools as the terminal shows them, in the columns of ``TOOLS``."""
    return [
        (tool.name, tool.version, tool.purpose)
        if tool.version
        else (tool.name, "missing", f"missing: {tool.cost}")
        for tool in tools()
    ]
