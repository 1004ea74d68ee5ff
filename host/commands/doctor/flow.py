"""Which engine each board would get."""

from __future__ import annotations


def engines() -> dict[str, str]:
    """For each board, the engine that ``--engine auto`` would choose, and why."""
    from host.engines.library import outlook
    from host.firmware.boards import load_boards

    return {name: outlook(board) for name, board in load_boards().items()}
