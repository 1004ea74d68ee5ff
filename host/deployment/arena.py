"""The tightest arena that works, for an engine that plans it on the device.

The device tries how little its model needs and says so in HELLO; the image is rebuilt with that.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from host.base import cache
from host.base.errors import SizeError
from host.deployment.setup import Setup
from host.device.session import Session
from host.firmware.boards import Board
from host.firmware.build import build_image, image_digest
from host.firmware.image import Image
from host.firmware.rendered import Rendered
from host.models.tflite import Graph

# Doubling ends here: a device that still finds its arena too small has another fault.
_LARGEST_GUESS = 64 << 20


def recall(setup: Setup, graph: Graph) -> int | None:
    """What ``fit`` found for the same model, engine and board, in bytes; None if it was not
    asked yet, or the engine plans the arena itself."""
    if not setup.engine.plans_on_device:
        return None
    known = cache.load("arenas", _key(setup, graph))
    return None if known is None else int(known["bytes"])


def fit(
    setup: Setup, rendered: Rendered, image: Image, graph: Graph, folder: Path
) -> tuple[Rendered, Image]:
    """Rebuild the image with the tightest arena that works.

    Args:
        rendered, image: the first try, with an arena that should be too large.

    Raises:
        SizeError: no arena that the board has is large enough.
    """
    engine, board = setup.engine, setup.board
    while True:
        try:
            with setup.target.start(image, board, folder / "device.log") as link:
                used = Session(link, timeout=setup.timeout).hello().arena_used
            break
        except SizeError:
            larger = doubled(rendered, board)
            if larger is None:
                raise
            rendered = engine.render(graph, larger)
            image = build_image(rendered, graph, board, folder)
    if used < rendered.arena_bytes:
        rendered = engine.render(graph, used)
        image = replace(build_image(rendered, graph, board, folder), reused=False)
    cache.store("arenas", _key(setup, graph), {"bytes": np.array(rendered.arena_bytes)})
    return rendered, image


def doubled(rendered: Rendered, board: Board) -> int | None:
    """The size of an arena to try after one that was too small, in bytes; None where the board does
    not have so much."""
    larger = 2 * rendered.arena_bytes
    return larger if larger <= min(board.ram, _LARGEST_GUESS) else None


def _key(setup: Setup, graph: Graph) -> str:
    engine, device = setup.engine, image_digest({}, setup.board)
    return cache.key("arena", engine.name, engine.fingerprint(graph), graph.sha256, device)
