"""From an int8 model to its image on a setup: rendered, built, started."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from host.deployment import arena
from host.deployment.setup import Setup
from host.deployment.stages import Stages
from host.device.link import Link
from host.firmware.build import build_image, check_size
from host.firmware.image import Image
from host.firmware.rendered import Rendered
from host.models.tflite import Graph


def render(setup: Setup, graph: Graph, stages: Stages) -> Rendered:
    """The model's sources, once it is known that they can fit. Writes nothing.

    Raises:
        OperatorError: the engine does not have an operator, or a use of one.
        SizeError: the model does not fit the board.
    """
    with stages.run("render"):
        setup.engine.check(graph)
        wanted = setup.arena or arena.recall(setup, graph)
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
    recalled = arena.recall(setup, graph)
    known = setup.arena is not None or rendered.arena_bytes == recalled
    if setup.engine.plans_on_device and not known and setup.target.starts:
        with stages.run("fit arena"):
            rendered, image = arena.fit(setup, rendered, image, graph, folder)
    return rendered, image


@contextlib.contextmanager
def start(setup: Setup, image: Image, folder: Path) -> Iterator[list[Link]]:
    """Start the image, ``setup.jobs`` times; the links to them. Raises as ``Target.start``."""
    with contextlib.ExitStack() as started:
        yield [
            started.enter_context(setup.target.start(image, setup.board, folder / name))
            for name in ["device.log", *(f"device-{job}.log" for job in range(2, setup.jobs + 1))]
        ]
