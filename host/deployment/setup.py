"""The test rig, a board with its engine and target: from a request to an image that can start.

Every command that runs a model on a device goes this way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from host.base import locks
from host.base.errors import ConfigError
from host.base.files import complete, write_bytes
from host.base.paths import new_run_folder
from host.deployment import arena
from host.deployment.request import Request
from host.deployment.stages import Stages
from host.device.link import Link
from host.engines import Engine, find_engine
from host.firmware import image
from host.firmware.boards import Board, find_board
from host.firmware.build import Image
from host.firmware.image import build_image
from host.firmware.rendered import Rendered
from host.models.keras_file import ZIP_MAGIC
from host.models.source import ModelFile
from host.models.tflite import Graph
from host.targets import Target, find_target, with_link


@dataclass(frozen=True)
class Rig:
    """A board, what starts it, what runs the models, and what the user must be told."""

    board: Board
    target: Target
    engine: Engine
    notes: tuple[str, ...]


def find_rig(
    board: str,
    engine: str,
    port: str | None = None,
    baud: int = 115200,
    *,
    flash: bool = True,
    link: str | None = None,
) -> Rig:
    """The board and the engine of these names, seen to be there. Nothing is made for them yet.

    Args:
        board: an env of platformio.ini.
        engine: as in ``--engine``.
        port, baud, flash: see ``find_target``.
        link: see ``with_link``.

    Raises:
        ConfigError: no such board or engine; or options that do not fit it.
        ToolMissingError: what starts it, or the engine, is not installed.
        TargetError: the board is not there.
    """
    found = find_board(board)
    target = find_target(found, port, baud, flash=flash)
    found = with_link(found, target, link)
    if found.link == "serial":  # the image sets the rate of a port that has one
        found = replace(found, options={**found.options, "baud": str(baud)})
    target.check(found)  # nothing is converted or built for a board that is not there
    made, choice = find_engine(engine, found)
    return Rig(found, target, made, (choice,) if choice else ())


def rig_of(request: Request, stages: Stages) -> Rig:
    """What the request names; the user is told about a choice. Raises as ``find_rig``."""
    if request.resume and request.folder is None:
        raise ConfigError("--resume needs --out: the folder of the run that did not finish")
    check_folder(request)
    rig = find_rig(
        *(request.board, request.engine, request.port, request.baud),
        flash=request.flash,
        link=request.link,
    )
    if request.jobs > 1 and not rig.target.emulates:
        raise ConfigError(
            f"--jobs {request.jobs} needs emulators, and {rig.board.name} is one device"
        )
    stages.observer.note(*rig.notes)
    return rig


def render(rig: Rig, graph: Graph, request: Request, stages: Stages) -> Rendered:
    """The model's sources, once it is known that they can fit. Writes nothing.

    Raises:
        OperatorError: the engine does not have an operator, or a use of one.
        SizeError: the model does not fit the board.
    """
    with stages.run("render"):
        rig.engine.check(graph)
        wanted = request.arena or arena.recall(rig.engine, graph, rig.board)
        rendered = rig.engine.render(graph, wanted)
        image.check_size(rendered, graph, rig.board)
    return rendered


def build(
    rig: Rig,
    rendered: Rendered,
    graph: Graph,
    folder: Path,
    request: Request,
    stages: Stages,
) -> tuple[Rendered, Image]:
    """The image, in the tightest arena where the device plans it and the user named none.

    Args:
        rig: where it is to run.
        rendered: from ``render``.
        graph: the model.
        folder: the run's folder.
        request: what the user asks for.
        stages: is told how far it is.

    Raises:
        BuildError, SizeError, ToolMissingError: see ``build_image``.
        MachineError: the device could not be asked for its arena.
    """
    with stages.run("build") as stage:
        image = build_image(rendered, graph, rig.board, folder)
        stage.reused = image.reused
    recalled = arena.recall(rig.engine, graph, rig.board)
    known = request.arena is not None or rendered.arena_bytes == recalled
    if rig.engine.plans_on_device and not known and rig.target.starts:
        with stages.run("fit arena"):
            rendered, image = arena.fit(
                *(rig.engine, rendered, image, graph, rig.board, rig.target),
                *(folder, request.timeout),
            )
    return rendered, image


@contextlib.contextmanager
def start(rig: Rig, image: Image, folder: Path, jobs: int = 1) -> Iterator[list[Link]]:
    """Start the image so many times; the links to them. Raises as ``Target.start``.

    Args:
        rig: where.
        image: what.
        folder: the run's; gets the logs.
        jobs: more than one only where the target emulates.
    """
    with contextlib.ExitStack() as started:
        yield [
            started.enter_context(rig.target.start(image, rig.board, folder / name))
            for name in ["device.log", *(f"device-{job + 1}.log" for job in range(1, jobs))]
        ]


def check_folder(request: Request) -> None:
    """See that the run can have its folder, before anything is trained for it.

    Raises:
        ConfigError: it is no folder, one with other files, or one in which another run is at work.
    """
    folder = request.folder
    if folder is None or not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigError(f"--out {folder} is not a folder")
    others = {path.name for path in folder.iterdir()} - {locks.NAME}
    if others and "model.tflite" not in others:
        raise ConfigError(
            f"--out {folder} holds other files", "Give a new folder, or one of an earlier run."
        )
    with locks.folder(folder):
        pass


@contextlib.contextmanager
def run_folder(
    request: Request, model: ModelFile, graph: Graph, results: Sequence[str]
) -> Iterator[Path]:
    """The run's folder, held to the end of the context, with its models in it.

    The results of an earlier run are removed; so are this one's where the context ends badly.

    Args:
        request: its ``folder``, or None for a new one in runs/.
        model: as the user brought it.
        graph: what runs on the device.
        results: names of the files that the run will write.

    Raises:
        ConfigError: see ``check_folder``.
        MachineError: it cannot be written to.
    """
    check_folder(request)
    folder = request.folder or new_run_folder(request.board, model.name)
    with locks.folder(folder), complete(folder, results):
        if model.path.is_file() and model.kind != "tflite":
            content = model.path.read_bytes()
            suffix = ".keras" if content.startswith(ZIP_MAGIC) else ".h5"  # whatever its name says
            write_bytes(folder / f"model{suffix}", content)
        write_bytes(folder / "model.tflite", graph.content)
        yield folder
