"""The test rig, a board with its engine and target: from a request to an image that can start.

Every command that runs a model on a device goes this way.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from host import arena, firmware
from host.boards import find_board
from host.build import build_image
from host.engines import Engine, find_engine
from host.errors import ConfigError
from host.models.tflite import Graph
from host.paths import new_run_folder
from host.records import Board, Image, ModelFile, Rendered
from host.stages import Request, Stages
from host.targets import Target, find_target


@dataclass(frozen=True)
class Rig:
    """A board, what starts it, what runs the models, and what the user must be told."""

    board: Board
    target: Target
    engine: Engine
    notes: tuple[str, ...]


def find_rig(
    board: str, engine: str, port: str | None = None, baud: int = 115200, *, flash: bool = True
) -> Rig:
    """The board and the engine of these names, seen to be there. Nothing is made for them yet.

    Args:
        board: an env of platformio.ini.
        engine: as in ``--engine``.
        port, baud, flash: see ``find_target``.

    Raises:
        ConfigError: no such board or engine; or options that do not fit it.
        ToolMissingError: what starts it, or the engine, is not installed.
        TargetError: the board is not there.
    """
    found = find_board(board)
    target = find_target(found, port, baud, flash=flash)
    target.check(found)  # nothing is converted or built for a board that is not there
    made, choice = find_engine(engine, found)
    return Rig(found, target, made, (choice,) if choice else ())


def rig_of(request: Request, stages: Stages) -> Rig:
    """What the request names; the user is told about a choice. Raises as ``find_rig``."""
    rig = find_rig(request.board, request.engine, request.port, request.baud, flash=request.flash)
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
        firmware.check_size(rendered, graph, rig.board)
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


def run_folder(request: Request, model: ModelFile, graph: Graph, results: Sequence[str]) -> Path:
    """The run's folder with its models in it, and without the results of an earlier run.

    Args:
        request: its ``folder``, or None for a new one in runs/.
        model: as the user brought it.
        graph: what runs on the device.
        results: names of the files that the run will write.

    Raises:
        ConfigError: it is no folder, or one with other files.
    """
    folder = request.folder
    if folder is None:
        folder = new_run_folder(request.board, model.name)
    elif folder.exists() and not folder.is_dir():
        raise ConfigError(f"--out {folder} is not a folder")
    elif folder.is_dir() and any(folder.iterdir()) and not (folder / "model.tflite").exists():
        raise ConfigError(
            f"--out {folder} holds other files", "Give a new folder, or one of an earlier run."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in results:  # not to outlive their run
        (folder / name).unlink(missing_ok=True)
    if model.path.is_file() and model.kind != "tflite":
        shutil.copyfile(model.path, folder / f"model{model.path.suffix}")
    (folder / "model.tflite").write_bytes(graph.content)
    return folder
