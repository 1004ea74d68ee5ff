"""One model on one device, for commands that look inside: `trace` and `profile`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from host.deployment import setup
from host.deployment.connection import check_identity
from host.deployment.request import Request
from host.deployment.samples import Loaded, load
from host.deployment.setup import Rig
from host.deployment.stages import Stages
from host.device.identity import DeviceInfo
from host.device.session import Session
from host.firmware.boards import Board
from host.firmware.build import Image
from host.firmware.rendered import Rendered


@dataclass(frozen=True)
class Deployable:
    """A model that fits a board, and samples for it. Nothing is written or built yet."""

    rig: Rig
    loaded: Loaded
    rendered: Rendered


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


def deployable(request: Request, least: int, stages: Stages) -> Deployable:
    """See that the board, the model and the samples are there and fit one another.

    Args:
        request: model, board and samples.
        least: how many random samples are drawn where the request names no number.
        stages: is told how far it is.

    Raises:
        FlashAndEvalError: see ``setup.rig_of``, ``samples.load`` and ``setup.render``.
    """
    rig = setup.rig_of(request, stages)
    loaded = load(request, rig.engine, stages, least)
    return Deployable(rig, loaded, setup.render(rig, loaded.graph, request, stages))


@contextmanager
def deployed(
    ready: Deployable, request: Request, results: Sequence[str], stages: Stages
) -> Iterator[tuple[Session, Deployed]]:
    """Build and start the model; the session with the device ends with the context.

    Args:
        ready: from ``deployable``.
        request: the same.
        results: names of the files that the command will write; they go if the context ends badly.
        stages: is told how far it is.

    Raises:
        StaleImageError: the device holds another model or engine.
        FlashAndEvalError: see ``setup.run_folder``, ``setup.build``, ``Target.start``, ``Session``.
    """
    rig, loaded, graph = ready.rig, ready.loaded, ready.loaded.graph
    with setup.run_folder(request, loaded.model, graph, results) as folder:
        rendered, image = setup.build(rig, ready.rendered, graph, folder, request, stages)
        log = folder / "device.log"
        with stages.run("device"), rig.target.start(image, rig.board, log) as link:
            session = Session(link, timeout=request.timeout)
            info = session.hello(request.timeout)
            check_identity(info, rendered, graph)
            yield (
                session,
                Deployed(
                    board=rig.board,
                    loaded=loaded,
                    rendered=rendered,
                    image=image,
                    info=info,
                    notes=tuple(dict.fromkeys((*rig.notes, *loaded.notes))),
                    folder=folder,
                    command=request.command,
                ),
            )
