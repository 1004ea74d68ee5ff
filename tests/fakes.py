"""Small scriptable fakes: a device in Python that speaks the protocol, and a link to it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from host.base.errors import LinkError
from host.device.wire import messages
from host.device.wire.frames import Damage, Decoder, Frame, encode
from host.device.wire.messages import WireTensor
from host.device.wire.spec import (
    PROTOCOL_VERSION,
    InferMode,
    MessageType,
    Status,
    TickUnit,
    protocol_hash,
)

DIGEST = "ab" * 32
TENSOR = WireTensor("int8", (1, 4), 0.5, -3)


def hello_values(**changes: Any) -> dict[str, Any]:
    """The fields of a healthy HELLO_REPLY."""
    return {
        "protocol_version": PROTOCOL_VERSION,
        "protocol_hash": protocol_hash(),
        "status": Status.OK,
        "model_digest": bytes.fromhex(DIGEST),
        "tick_unit": TickUnit.INSTRUCTIONS,
        "tick_rate": 0,
        "tick_numerator": 5,
        "tick_denominator": 8,
        "arena_reserved": 1024,
        "arena_used": 1000,
        "arena_planned": 600,
        "model_slot": 0,
        "max_payload": 512,
        "receive_window": 256,
        "operators": 2,
        "board": "fake",
        "engine": "aot",
        "engine_version": "0",
        "compiler": "none",
        "inputs": (TENSOR,),
        "outputs": (TENSOR,),
        **changes,
    }


def compute(data: bytes) -> bytes:
    """What the fake's model does."""
    return bytes((byte + 1) % 256 for byte in data)


def trace(data: bytes) -> list[bytes]:
    """What its two operators write."""
    return [data, compute(data)]


@dataclass
class FakeDevice:
    """The device's side of the protocol.

    ``status`` is what it answers to INFER; ``hello`` the fields of its HELLO_REPLY; ``trace`` gives
    what its operators write, ``compute`` its output.
    """

    hello: dict[str, Any] = field(default_factory=hello_values)
    status: Status = Status.OK
    trace: Callable[[bytes], list[bytes]] = trace
    compute: Callable[[bytes], bytes] = compute
    decoder: Decoder = field(default_factory=Decoder)
    inferences: int = 0

    def receive(self, data: bytes) -> Iterable[bytes]:
        for item in self.decoder.feed(data):
            if isinstance(item, Damage):
                values = {"status": Status.DAMAGED_FRAME, "value": 0}
                yield self._frame(MessageType.REFUSED, 0, values)
            elif item.type == MessageType.HELLO:
                yield self._frame(MessageType.HELLO_REPLY, item.sequence, self.hello)
            elif item.type == MessageType.INFER:
                yield self._infer(item)
            elif item.type == MessageType.TENSOR:
                yield self._tensor(item)
            else:
                values = {"status": Status.UNKNOWN_TYPE, "value": item.type}
                yield self._frame(MessageType.REFUSED, item.sequence, values)

    @property
    def model(self) -> int:
        return int.from_bytes(self.hello["model_digest"][:4], "little")

    def _details(self, mode: int, data: bytes) -> tuple[int, ...]:
        outputs = self.trace(data)
        if mode == InferMode.TICKS:
            return tuple(10 * (position + 1) for position in range(len(outputs)))
        return tuple(map(zlib.crc32, outputs)) if mode == InferMode.CRCS else ()

    def _infer(self, frame: Frame) -> bytes:
        request = messages.unpack(MessageType.INFER, frame.payload)
        self.inferences += 1
        if self.status != Status.OK:
            refusal = {"status": self.status, "value": 7}
            return self._frame(MessageType.REFUSED, frame.sequence, refusal)
        values: dict[str, Any] = {
            "status": Status.OK,
            "model": self.model,
            "sample": request["sample"],
            "input_crc": zlib.crc32(request["input"]),
            "ticks": 1000 + request["sample"],
            "detail": self._details(request["mode"], request["input"]),
            "output": self.compute(request["input"]),
        }
        return self._frame(MessageType.INFER_REPLY, frame.sequence, values)

    def _tensor(self, frame: Frame) -> bytes:
        request = messages.unpack(MessageType.TENSOR, frame.payload)
        self.inferences += 1
        outputs = self.trace(request["input"])
        if request["position"] >= len(outputs):
            refusal = {"status": Status.BAD_POSITION, "value": len(outputs)}
            return self._frame(MessageType.REFUSED, frame.sequence, refusal)
        values = {
            "model": self.model,
            "sample": request["sample"],
            "input_crc": zlib.crc32(request["input"]),
            "data": outputs[request["position"]],
        }
        return self._frame(MessageType.TENSOR_REPLY, frame.sequence, values)

    @staticmethod
    def _frame(kind: MessageType, sequence: int, values: dict[str, Any]) -> bytes:
        return encode(Frame(kind, sequence, messages.pack(kind, values)))


Carry = Callable[[bytes], bytes]


def healthy(data: bytes) -> bytes:
    """A line that does nothing to what it carries."""
    return data


class FakeLink:
    """A link to a fake device; ``to_device`` and ``to_host`` do to each frame what a line does."""

    def __init__(
        self, device: FakeDevice, to_device: Carry = healthy, to_host: Carry = healthy
    ) -> None:
        self.device = device
        self.closed = False
        self.unread = 0  # frames that the device has not answered yet
        self._to_device = to_device
        self._to_host = to_host
        self._leaving = b""  # of a frame, what has left so far
        self._arriving = bytearray()

    def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
        if self.closed:
            raise LinkError("closed")
        *frames, self._leaving = (self._leaving + outgoing).split(b"\0")
        for frame in (b"\0" + piece + b"\0" for piece in frames if piece):
            for reply in self.device.receive(self._to_device(frame)):
                self._arriving += self._to_host(reply)
        if not self._arriving and not outgoing:
            time.sleep(max(0.0, min(0.002, deadline - time.monotonic())))
        data = bytes(self._arriving)
        self._arriving.clear()
        return len(outgoing), data

    def restore(self, deadline: float) -> None:
        raise LinkError("closed for good")

    def close(self) -> None:
        self.closed = True
