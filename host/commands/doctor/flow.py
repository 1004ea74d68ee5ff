"""The flow of `doctor`: what is installed, and which engine each board would get."""

from typing import Any

from host.base.versions import tools
from host.engines.library import outlook
from host.firmware.boards import load_boards

TOOLS = ("tool", "version", "what for")
ENGINES = ("board", "engine")


def document() -> dict[str, Any]:
    """All that ``--json`` shows."""
    return {"tools": [vars(tool) for tool in tools()], "engines": engines()}


def engines() -> dict[str, str]:
    """For each board, the engine that ``--engine auto`` would choose, and why."""
    return {name: outlook(board) for name, board in load_boards().items()}


def tool_rows() -> list[tuple[str, ...]]:
    """All tools as the terminal shows them, in the columns of ``TOOLS``."""
    return [
        (tool.name, tool.version, tool.purpose)
        if tool.version
        else (tool.name, "missing", f"missing: {tool.cost}")
        for tool in tools()
    ]
