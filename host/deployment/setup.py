"""A board with its engine and target: from what the user asks for to an image that can start.

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
from host.deployment.request import DeviceOptions
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
from host.targets.links import LINKS


@dataclass(frozen=True)
class Setup:
    """A board, what starts it, what runs the models, and how.

    Attributes:
        arena: bytes that the user wants; None leaves it to the engine.
        timeout: seconds without an answer before a request is repeated.
        jobs: devices side by side; more than one only where the target emulates.
        notes: what the user must be told.
    """

    board: Board
    target: Target
    engine: Engine
    arena: int | None
    timeout: float
    jobs: int
    notes: tuple[str, ...]


def find_setup(options: DeviceOptions, jobs: int = 1) -> Setup:
    """What the user names, seen to be there. Nothing is made for it yet.

    Raises:
        ConfigError: no such board or engine; or options that do not fit it.
        ToolMissingError: what starts it, or the engine, is not installed.
        TargetError: the board is not there.
    """
    board = find_board(options.board)
    target = find_target(board, options.port, options.baud, flash=options.flash)
    board = with_link(board, target, options.link)
    if LINKS[board.link].has_baud_rate:
        board = replace(board, options={**board.options, "baud": str(options.baud)})
    target.check(board)  # nothing is converted or built for a board that is not there
    engine, choice = find_engine(options.engine, board)
    if jobs > 1 and not target.emulates:
        raise ConfigError(f"--jobs {jobs} needs emulators, and {board.name} is one device")
    notes = (choice,) if choice else ()
    return Setup(board, target, engine, options.arena, options.timeout, jobs, notes)


def render(setup: Setup, graph: Graph, stages: Stages) -> Rendered:
    """The model's sources, once it is known that they can fit. Writes nothing.

    Raises:
        OperatorError: the engine does not have an operator, or a use of one.
        SizeError: the model does not fit the board.
    """
    with stages.run("render"):
        setup.engine.check(graph)
        wanted = setup.arena or arena.recall(setup.engine, graph, setup.board)
        rendered = setup.engine.render(graph, wanted)
        image.check_size(rendered, graph, setup.board)
    return rendered


def build(
    setup: Setup, rendered: Rendered, graph: Graph, folder: Path, stages: Stages
) -> tuple[Rendered, Image]:
    """The image, in the tightest arena where the device plans it and the user named none.

    Args:
        rendered: from ``render``.
        graph: the model.
        folder: the run's folder.

    Raises:
        BuildError, SizeError, ToolMissingError: see ``build_image``.
        MachineError: the device could not be asked for its arena.
    """
    with stages.run("build") as stage:
        image = build_image(rendered, graph, setup.board, folder)
        stage.reused = image.reused
    recalled = arena.recall(setup.engine, graph, setup.board)
    known = setup.arena is not None or rendered.arena_bytes == recalled
    if setup.engine.plans_on_device and not known and setup.target.starts:
        with stages.run("fit arena"):
            rendered, image = arena.fit(
                *(setup.engine, rendered, image, graph, setup.board, setup.target),
                *(folder, setup.timeout),
            )
    return rendered, image


@contextlib.contextmanager
def start(setup: Setup, image: Image, folder: Path) -> Iterator[list[Link]]:
    """Start the image, ``setup.jobs`` times; the links to them. Raises as ``Target.start``.

    Args:
        folder: the run's; gets the logs.
    """
    with contextlib.ExitStack() as started:
        yield [
            started.enter_context(setup.target.start(image, setup.board, folder / name))
            for name in ["device.log", *(f"device-{job}.log" for job in range(2, setup.jobs + 1))]
        ]


def check_folder(folder: Path | None) -> None:
    """See that the run can have its folder, before anything is trained for it.

    Raises:
        ConfigError: it is no folder, one with other files, or one in which another run is at work.
    """
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
    wanted: Path | None, board: Board, model: ModelFile, graph: Graph, results: Sequence[str]
) -> Iterator[Path]:
    """The run's folder, held to the end of the context, with its models in it.

    The results of an earlier run are removed; so are this one's where the context ends badly.

    Args:
        wanted: the folder that the user names; None makes a new one in runs/.
        board: on which the model runs.
        model: as the user brought it.
        graph: what runs on the device.
        results: names of the files that the run will write.

    Raises:
        ConfigError: see ``check_folder``.
        MachineError: it cannot be written to.
    """
    check_folder(wanted)
    folder = wanted or new_run_folder(board.name, model.name)
    with locks.folder(folder), complete(folder, results):
        if model.path.is_file() and model.kind != "tflite":
            content = model.path.read_bytes()
            suffix = ".keras" if content.startswith(ZIP_MAGIC) else ".h5"  # whatever its name says
            write_bytes(folder / f"model{suffix}", content)
        write_bytes(folder / "model.tflite", graph.content)
        yield folder
