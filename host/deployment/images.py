"""From an int8 model to its image on a setup: rendered, built, with the tightest arena, started."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from host.base import cache
from host.base.errors import OperatorError, SizeError
from host.deployment.setup import Setup, with_next_engine
from host.deployment.stages import Observer, Stages
from host.device.link import Link
from host.device.session import Session
from host.firmware.boards import Board
from host.firmware.build import build_image, check_size, image_digest
from host.firmware.image import Image
from host.firmware.rendered import Rendered
from host.models.tflite import Graph

# Doubling ends here, and sizes of an arena nearer to one another are not told apart.
_LARGEST_GUESS = 64 << 20
_ARENA_STEP = 1024

T = TypeVar("T")


def accepting(setup: Setup, graphs: Iterable[Graph], observer: Observer) -> Setup:
    """The setup with an engine that takes these models: its own, or another where the user named
    none.

    Raises:
        OperatorError: there is none; an engine does not have an operator, or a use of one.
    """
    try:
        for graph in graphs:
            setup.engine.check(graph)
    except OperatorError as error:
        return accepting(with_next_engine(setup, error, observer), graphs, observer)
    return setup


def render(setup: Setup, graph: Graph, stages: Stages) -> tuple[Setup, Rendered]:
    """The model's sources, once it is known that they can fit, and the setup with the engine that
    they are for. Writes nothing.

    Raises:
        OperatorError: see ``accepting``.
        SizeError: the model does not fit the board.
    """
    with stages.run("render"):
        setup = accepting(setup, [graph], stages.observer)
        wanted = setup.arena or recall_arena(setup, graph)
        rendered = setup.engine.render(graph, wanted)
        check_size(rendered, graph, setup.board)
    return setup, rendered


def build(
    setup: Setup, rendered: Rendered, graph: Graph, folder: Path, stages: Stages
) -> tuple[Setup, Rendered, Image]:
    """The image; with the tightest arena, where the device plans it and the user named none. With
    another engine where the device says that the chosen one refuses the model.

    Raises:
        BuildError, SizeError, ToolMissingError: see ``build_image``.
        OperatorError: the engine on the device refuses the model, and no other takes it.
        MachineError: the device could not be asked for its arena.
    """
    with stages.run("build") as stage:
        image = build_image(rendered, graph, setup.board, folder)
        stage.reused = image.reused
    recalled = recall_arena(setup, graph)
    known = setup.arena is not None or rendered.arena_bytes == recalled
    if setup.engine.plans_on_device and not known and setup.target.starts:
        try:
            with stages.run("fit arena"):
                rendered, image = fit_arena(setup, rendered, image, graph, folder)
        except OperatorError as error:
            setup = with_next_engine(setup, error, stages.observer)
            setup, rendered = render(setup, graph, stages)
            return build(setup, rendered, graph, folder, stages)
    return setup, rendered, image


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
        SizeError: no arena that the board has room for is large enough; with what the engine said.
        OperatorError: the engine refuses the model, in whatever arena.
    """
    engine, board = setup.engine, setup.board

    def built(arena: int) -> tuple[Rendered, Image]:
        larger = engine.render(graph, arena)
        return larger, build_image(larger, graph, board, folder)

    while True:
        try:
            with setup.target.start(image, board, folder / "device.log") as link:
                used = Session(link, timeout=setup.timeout).hello().arena_used
            break
        except SizeError as refusal:
            rendered, image = with_larger_arena(rendered, board, refusal, built)
    if used < rendered.arena_bytes:
        rendered = engine.render(graph, used)
        image = replace(build_image(rendered, graph, board, folder), reused=False)
    cache.store("arenas", _arena_key(setup, graph), {"bytes": np.array(rendered.arena_bytes)})
    return rendered, image


def with_larger_arena(
    rendered: Rendered, board: Board, refusal: SizeError, built: Callable[[int], T]
) -> T:
    """What ``built`` makes of the next size of the arena, in bytes: twice as much, or as much of
    that as the board has room for.

    Args:
        refusal: what the device said of the arena that it has.
        built: raises SizeError where the board has no room for so much.

    Raises:
        SizeError: ``refusal``, where the board has no room for more.
    """
    small, large = rendered.arena_bytes, min(board.ram, _LARGEST_GUESS) + 1
    while (size := min(2 * small, (small + large) // 2)) - small >= min(small, _ARENA_STEP):
        try:
            return built(size)
        except SizeError:
            large = size
    raise SizeError(f"{refusal.message}, and {board.name} has no room for a larger one")


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
