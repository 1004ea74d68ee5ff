"""From an int8 model to its image on a setup: rendered, built, with the tightest arena, started."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from host.base import cache
from host.base.errors import SizeError
from host.deployment.setup import Setup
from host.deployment.stages import Stages
from host.device.link import Link
from host.device.session import Session
from host.firmware.boards import Board
from host.firmware.build import build_image, check_size, image_digest
from host.firmware.image import Image
from host.firmware.rendered import Rendered
from host.models.tflite import Graph

# Doubling ends here: a device that still finds its arena too small has another fault.
_LARGEST_GUESS = 64 << 20


def render(setup: Setup, graph: Graph, stages: Stages) -> Rendered:
    """The model's sources, once it is known that they can fit. Writes nothing.

    Raises:
        OperatorError: the engine does not have an operator, or a use of one.
        SizeError: the model does not fit the board.
    """
    with stages.run("render"):
        setup.engine.check(graph)
        wanted = setup.arena or recall_arena(setup, graph)
        rendered = setup.engine.render(graph, wanted)
        check_size(rendered, graph, setup.board)
    return rendered


def build(
    setup: Setup, rendered: Rendered, graph: Graph, folder: Path, stages: Stages
) -> tuple[Rendered, Image]:
    """The image; with the tightest arena, where the device plans it and the user named none.

    Raises:
        BuildError, SizeError, ToolMissingError: see ``build_image``.
        MachineError: the device could not be asked for its arena.
    """
    with stages.run("build") as stage:
        image = build_image(rendered, graph, setup.board, folder)
        stage.reused = image.reused
    recalled = recall_arena(setup, graph)
    known = setup.arena is not None or rendered.arena_bytes == recalled
    if setup.engine.plans_on_device and not known and setup.target.starts:
        with stages.run("fit arena"):
            rendered, image = fit_arena(setup, rendered, image, graph, folder)
    return rendered, image


def recall_arena(setup: Setup, graph: Graph) -> int | None:
    """What ``fit_arena`` found for the same model, engine and board, in bytes; None if it was not
    asked yet, or the engine plans the arena itself."""
    if not setup.engine.plans_on_device:
        return None
    known = cache.load("arenas", _arena_key(setup, graph))
    return None if known is None else int(known["bytes"])


def fit_arena(
    setup: Setup, rendered: Rendered, image: Image, graph: Graph, folder: Path
) -> tuple[Rendered, Image]:
    """Rebuild the image with the tightest arena that works: the device tries how little its model
    needs, and says so in HELLO. ``image`` is the first try, with one that should be too large.

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
            larger = doubled_arena(rendered, board)
            if larger is None:
                raise
            rendered = engine.render(graph, larger)
            image = build_image(rendered, graph, board, folder)
    if used < rendered.arena_bytes:
        rendered = engine.render(graph, used)
        image = replace(build_image(rendered, graph, board, folder), reused=False)
    cache.store("arenas", _arena_key(setup, graph), {"bytes": np.array(rendered.arena_bytes)})
    return rendered, image


def doubled_arena(rendered: Rendered, board: Board) -> int | None:
    """The size of an arena to try after one that was too small, in bytes; None where the board does
    not have so much."""
    larger = 2 * rendered.arena_bytes
    return larger if larger <= min(board.ram, _LARGEST_GUESS) else None


def _arena_key(setup: Setup, graph: Graph) -> str:
    engine, device = setup.engine, image_digest({}, setup.board)
    return cache.key("arena", engine.name, engine.fingerprint(graph), graph.sha256, device)


@contextlib.contextmanager
def start(setup: Setup, image: Image, folder: Path) -> Iterator[list[Link]]:
    """Start the image, ``setup.jobs`` times; the links to them. Raises as ``Target.start``."""
    with contextlib.ExitStack() as started:
        yield [
            started.enter_context(setup.target.start(image, setup.board, folder / name))
            for name in ["device.log", *(f"device-{job}.log" for job in range(2, setup.jobs + 1))]
        ]
