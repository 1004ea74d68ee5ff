"""One model on one device, for commands that look inside: `trace` and `profile`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host.base import versions
from host.deployment.document import DeviceDocument, Tflite, conditions
from host.deployment.folder import check_folder, run_folder
from host.deployment.images import build, render
from host.deployment.measure import check_identity
from host.deployment.request import DeviceOptions, ModelOptions, OutputOptions
from host.deployment.samples import Loaded, load
from host.deployment.setup import Setup, find_setup
from host.deployment.stages import Stages
from host.device.identity import DeviceInfo
from host.device.session import Session
from host.firmware.boards import Board
from host.firmware.image import Image
from host.firmware.rendered import Rendered


@dataclass(frozen=True)
class Deployable:
    """A model that fits a board, and samples for it. Nothing is written or built yet."""

    setup: Setup
    loaded: Loaded
    rendered: Rendered
    output: OutputOptions


@dataclass(frozen=True)
class Deployed:
    """A model that runs on a device, its samples, and where the results go."""

    board: Board
    loaded: Loaded
    rendered: Rendered
    image: Image
    info: DeviceInfo
    notes: tuple[str, ...]
    folder: Path
    command: str


class DeployedDocument(DeviceDocument):
    """What a command that looks inside one device reports."""

    data: str
    """The samples, in words."""
    folder: Path
    """Where the files of the run are."""


def common(device: Deployed) -> dict[str, Any]:
    """The fields of a ``DeployedDocument``."""
    loaded = device.loaded
    return {
        "command": device.command,
        "notes": device.notes,
        "engine": device.rendered.engine,
        "board": device.board.name,
        "model": loaded.model,
        "tflite": Tflite(sha256=loaded.graph.sha256, bytes=len(loaded.graph.content)),
        "conditions": conditions(device.board, device.info),
        "versions": versions.versions(),
        "data": loaded.data,
        "folder": device.folder,
    }


def deployable(
    what: ModelOptions, where: DeviceOptions, output: OutputOptions, least: int, stages: Stages
) -> Deployable:
    """See that the board, the model and the samples are there and fit one another.

    Args:
        least: how many random samples are drawn where the user names no number.

    Raises:
        FlashAndEvalError: see ``find_setup``, ``samples.load`` and ``render``.
    """
    check_folder(output.folder)
    setup = find_setup(where)
    stages.observer.note(*setup.notes)
    loaded = load(what, setup.engine, stages, least)
    return Deployable(setup, loaded, render(setup, loaded.graph, stages), output)


@contextmanager
def deployed(
    ready: Deployable, results: Sequence[str], stages: Stages
) -> Iterator[tuple[Session, Deployed]]:
    """Build and start the model; the session with the device ends with the context.

    Args:
        results: names of the files that the command will write; they go if the context ends badly.

    Raises:
        StaleImageError: the device holds another model or engine.
        FlashAndEvalError: see ``run_folder``, ``build``, ``Target.start``, ``Session``.
    """
    setup, loaded, graph = ready.setup, ready.loaded, ready.loaded.graph
    output, board = ready.output, ready.setup.board
    with run_folder(output.folder, board, loaded.model, graph, results) as folder:
        rendered, image = build(setup, ready.rendered, graph, folder, stages)
        log = folder / "device.log"
        with stages.run("device"), setup.target.start(image, board, log) as link:
            session = Session(link, timeout=setup.timeout)
            info = session.hello()
            check_identity(info, rendered, graph)
            yield (
                session,
                Deployed(
                    board=board,
                    loaded=loaded,
                    rendered=rendered,
                    image=image,
                    info=info,
                    notes=tuple(dict.fromkeys((*setup.notes, *loaded.notes))),
                    folder=folder,
                    command=output.command,
                ),
            )
