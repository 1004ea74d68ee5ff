"""The tightest arena that works, for an engine that plans it on the device.

The device tries how little its model needs and says so in HELLO; the image is rebuilt with that.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from host.base import cache
from host.base.errors import SizeError
from host.device.session import Session
from host.engines import Engine
from host.firmware import fingerprint
from host.firmware.boards import Board
from host.firmware.build import Image
from host.firmware.image import build_image
from host.firmware.rendered import Rendered
from host.models.tflite import Graph
from host.targets import Target

# A model whose need TFLM on the host told is never this far off; another fault is behind it then.
_LARGEST_GUESS = 64 << 20


def recall(engine: Engine, graph: Graph, board: Board) -> int | None:
    """What ``fit`` found for the same model, engine and board, in bytes; None where it was not
    asked yet, or there is nothing to find."""
    if not engine.plans_on_device:
        return None
    known = cache.load("arenas", _key(engine, graph, board))
    return None if known is None else int(known["bytes"])


def fit(
    engine: Engine,
    rendered: Rendered,
    image: Image,
    graph: Graph,
    board: Board,
    target: Target,
    folder: Path,
    timeout: float,
) -> tuple[Rendered, Image]:
    """Rebuild the image with the tightest arena that works.

    Args:
        rendered, image: the first try, with an arena that should be too large.
        folder: the run's folder.
        timeout: seconds for the device's first sign of life.

    Raises:
        SizeError: no arena that the board has is large enough.
    """
    while True:
        try:
            with target.start(image, board, folder / "device.log") as link:
                used = Session(link, timeout=timeout).hello(timeout).arena_used
            break
        except SizeError:
            if 2 * rendered.arena_bytes > min(board.ram, _LARGEST_GUESS):
                raise
            rendered = engine.render(graph, 2 * rendered.arena_bytes)
            image = build_image(rendered, graph, board, folder)
    if used < rendered.arena_bytes:
        rendered = engine.render(graph, used)
        image = replace(build_image(rendered, graph, board, folder), reused=False)
    cache.store("arenas", _key(engine, graph, board), {"bytes": np.array(rendered.arena_bytes)})
    return rendered, image


def _key(engine: Engine, graph: Graph, board: Board) -> str:
    device = fingerprint.digest({}, board)
    return cache.key("arena", engine.name, engine.fingerprint(graph), graph.sha256, device)
