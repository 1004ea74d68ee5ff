"""Who the device says it is, and whether it is the one that is wanted."""

from dataclasses import dataclass, fields
from typing import Literal

from host.base.errors import DeviceError, OperatorError, SizeError, StaleImageError
from host.device.requests import meaning
from host.device.wire.messages import WireTensor, unpack
from host.device.wire.spec import PROTOCOL_VERSION, MessageType, Status, protocol_hash
from host.device.wire.spec import TickUnit as WireTickUnit

TickUnit = Literal["cycles", "instructions", "microseconds", "emulated_cycles"]


@dataclass(frozen=True)
class DeviceInfo:
    """The device's answer to HELLO.

    A tick of the device's clock is ``tick_scale`` of ``tick_unit``; ``tick_rate`` is units per
    second, 0 where the unit says nothing about time (in emulators). Of ``arena_used`` bytes,
    ``arena_planned`` are planned by tensor lifetimes and the rest is allocated for good.
    ``model_slot`` is the largest model in bytes that can be loaded without a rebuild, 0 for none.
    """

    protocol_version: int
    protocol_hash: str
    model_digest: str
    board: str
    engine: str
    engine_version: str
    compiler: str
    tick_unit: TickUnit
    tick_rate: int
    tick_scale: float
    arena_reserved: int
    arena_used: int
    arena_planned: int
    model_slot: int
    max_payload: int
    receive_window: int
    operators: int
    inputs: tuple[WireTensor, ...]
    outputs: tuple[WireTensor, ...]


def device_info(payload: bytes, log: tuple[str, ...]) -> DeviceInfo:
    """What a HELLO_REPLY tells, after what the device said in LOG frames.

    Raises:
        StaleImageError: the device speaks another protocol.
        SizeError: its arena is too small for its model.
        OperatorError: its engine refuses the model.
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
    if values["status"] == Status.MODEL_UNFIT:
        said = f": {log[-1]}" if log and log[-1] else ""
        raise OperatorError(f"the engine on the device refuses the model{said}")
    if values["status"] != Status.OK:
        raise DeviceError(
            f"the device could not make the model ready: {meaning(values['status'])}"
            + "".join(f"; it said: {line}" for line in log[-1:])
        )
    try:
        unit = WireTickUnit(values["tick_unit"])
    except ValueError as error:
        raise DeviceError(f"the device counts in unknown unit {values['tick_unit']}") from error
    changed = {
        "protocol_hash": spec.hex(),
        "model_digest": values["model_digest"].hex(),
        "tick_unit": unit.name.lower(),
        "tick_scale": values["tick_numerator"] / max(1, values["tick_denominator"]),
    }
    return DeviceInfo(**{f.name: {**values, **changed}[f.name] for f in fields(DeviceInfo)})
