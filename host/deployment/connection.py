"""Whether a device holds the model that it should."""

from __future__ import annotations

from host.base.errors import DeviceError, StaleImageError
from host.device.identity import DeviceInfo
from host.device.wire.messages import WireTensor
from host.firmware.rendered import Rendered
from host.models.tflite import Graph, Tensor


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
