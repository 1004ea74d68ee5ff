"""Who the device says it is, and whether it is the one that is wanted."""

from __future__ import annotations

from host.calls import meaning, unpack
from host.errors import DeviceError, SizeError, StaleImageError
from host.models.tflite import Graph, Tensor
from host.records import DeviceInfo, Rendered, TickUnit, WireTensor
from host.wire.spec import PROTOCOL_VERSION, MessageType, Status, protocol_hash
from host.wire.spec import TickUnit as WireTickUnit


def device_info(payload: bytes, log: tuple[str, ...]) -> DeviceInfo:
    """What a HELLO_REPLY tells.

    Args:
        payload: of the frame.
        log: what the device said before.

    Raises:
        StaleImageError: the device speaks another protocol.
        SizeError: its arena is too small for its model.
        DeviceError: it could not make the model ready, or its answer makes no sense.
    """
    start = unpack(MessageType.HELLO_REPLY, payload, only=2)
    version, spec = start["protocol_version"], start["protocol_hash"]
    if version != PROTOCOL_VERSION or spec != protocol_hash():
        raise StaleImageError(
            f"the device speaks protocol {version} ({spec.hex()}), the host "
            f"{PROTOCOL_VERSION} ({protocol_hash().hex()})"
        )
    values = unpack(MessageType.HELLO_REPLY, payload)
    if values["status"] == Status.ARENA_TOO_SMALL:
        said = f" ({log[-1]})" if log and log[-1] else ""
        raise SizeError(
            f"the arena of {values['arena_reserved']:,} B is too small for the model{said}",
            "Give more with --arena, or leave it out: the least that works is found.",
        )
    if values["status"] != Status.OK:
        raise DeviceError(
            f"the device could not make the model ready: {meaning(values['status'])}"
            + "".join(f"; it said: {line}" for line in log[-1:])
        )
    try:
        unit = WireTickUnit(values["tick_unit"])
    except ValueError as error:
        raise DeviceError(f"the device counts in unknown unit {values['tick_unit']}") from error
    name: TickUnit = unit.name.lower()  # type: ignore[assignment]
    same = (
        *("arena_reserved", "arena_used", "arena_planned", "model_slot", "max_payload"),
        *("receive_window", "operators", "board", "engine", "engine_version", "compiler"),
        *("inputs", "outputs", "tick_rate"),
    )
    return DeviceInfo(
        protocol_version=version,
        protocol_hash=spec.hex(),
        model_digest=values["model_digest"].hex(),
        tick_unit=name,
        tick_scale=values["tick_numerator"] / max(1, values["tick_denominator"]),
        **{field: values[field] for field in same},
    )


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
