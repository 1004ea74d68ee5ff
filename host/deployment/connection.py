"""The device that is looked into: started, greeted, and seen to hold the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host.base.errors import DeviceError, StaleImageError
from host.deployment.request import Request
from host.deployment.setup import Rig
from host.deployment.stages import Stages
from host.device.identity import DeviceInfo
from host.device.session import Session
from host.device.wire.messages import WireTensor
from host.firmware.build import Image
from host.firmware.rendered import Rendered
from host.models.tflite import Graph, Tensor


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


def check_identity(info: DeviceInfo, rendered: Rendered, graph: Graph) -> None:
    """See that the device holds what was rendered.

    Raises:
        StaleImageError: another engine, model or operator count.
        DeviceError: tensors that do not fit the model.
    """
    if info.engine != rendered.engine:
        raise StaleImageError(f"the device runs engine {info.engine}, not {rendered.engine}")
    if info.model_digest != rendered.digest:
        raise StaleImageError(
            f"the device holds another model: its hash is {info.model_digest[:16]}…, "
            f"expected {rendered.digest[:16]}…"
        )
    if info.operators != len(rendered.operators):
        raise StaleImageError(
            f"the device has {info.operators} outputs of operators, the model "
            f"{len(rendered.operators)}"
        )
    for kind, said, known in (
        ("input", info.inputs, graph.inputs),
        ("output", info.outputs, graph.outputs),
    ):
        expected = tuple(_wire_tensor(graph.tensors[index]) for index in known)
        if said != expected:
            raise DeviceError(f"the device's {kind} is {said}, the model's {expected}")


def _wire_tensor(tensor: Tensor) -> WireTensor:
    quantization = tensor.quantization
    scale, zero_point = (quantization.scale, quantization.zero_point) if quantization else (0.0, 0)
    return WireTensor(tensor.dtype, tensor.shape, scale, zero_point)
