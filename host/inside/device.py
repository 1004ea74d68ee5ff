"""The device that is looked into: started, greeted, and seen to hold the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host.identity import check_identity
from host.models.tflite import Graph
from host.records import DeviceInfo, Image, Rendered
from host.rig import Rig
from host.session import Session
from host.stages import Request, Stages


@contextmanager
def connected(
    rig: Rig,
    rendered: Rendered,
    image: Image,
    graph: Graph,
    folder: Path,
    request: Request,
    stages: Stages,
) -> Iterator[tuple[Session, DeviceInfo]]:
    """Start the image; a session with it, and what it says of itself. Gone on leaving the context.

    Args:
        rig: where.
        rendered: what the device should hold.
        image: what to start.
        graph: the model.
        folder: the run's; gets the log.
        request: its timeout, in seconds.
        stages: is told that the device is at work.

    Raises:
        StaleImageError: the device holds another model or engine.
        MachineError: see ``Target.start`` and ``Session``.
    """
    log = folder / "device.log"
    with stages.run("device"), rig.target.start(image, rig.board, log) as link:
        session = Session(link, timeout=request.timeout)
        info = session.hello(request.timeout)
        check_identity(info, rendered, graph)
        yield session, info
