"""The flow of `boards`: the envs of platformio.ini, listed."""

from typing import Any

from host.firmware.boards import load_boards

HEADER = ("board", "what", "starts by", "flash, kB", "RAM, kB")


def document() -> dict[str, Any]:
    """All boards as ``--json`` shows them."""
    boards = load_boards().values()
    return {"boards": [{**vars(board), "options": dict(board.options)} for board in boards]}


def rows() -> list[tuple[str, ...]]:
    """All boards as the terminal shows them, in the columns of ``HEADER``."""
    return [
        (
            *(board.name, board.description, board.target),
            *(f"{nbytes // 1024:,}" for nbytes in (board.flash, board.ram)),
        )
        for board in load_boards().values()
    ]
