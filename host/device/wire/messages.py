"""Payloads to and from plain values, by the declaration in ``spec.py``."""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from host.base.errors import DeviceError
from host.device.wire.spec import MAX_RANK, PAYLOADS, MessageType, TensorType


@dataclass(frozen=True)
class WireTensor:
    """An input or output tensor as the device states it in HELLO."""

    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int


_NUMBERS = {"u8": "<B", "u16": "<H", "u32": "<I", "i32": "<i", "f32": "<f"}
_BYTES = {"bytes8": 8, "bytes32": 32}
_TENSOR_TYPES = {kind.value: kind.name.lower() for kind in TensorType}


def pack(kind: MessageType, values: Mapping[str, Any]) -> bytes:
    """Encode a payload. ``values`` has one entry for each declared field."""
    return b"".join(_pack(type_, values[name]) for name, type_ in PAYLOADS[kind])


def unpack(kind: MessageType, payload: bytes, *, only: int | None = None) -> dict[str, Any]:
    """Decode a payload, or just its first ``only`` fields.

    Raises:
        DeviceError: too short, too long, or a value that is not declared.
    """
    reader = _Reader(payload)
    try:
        values = {name: reader.value(type_) for name, type_ in PAYLOADS[kind][:only]}
        left = len(reader.value("rest"))
        if only is None and left:
            raise ValueError(f"{kind.name} has {left} bytes too many")
    except ValueError as error:
        raise DeviceError(f"the device sent a {kind.name} that makes no sense: {error}") from error
    return values


class _Reader:
    """Takes one value after the other; raises ValueError where there is none."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)

    def value(self, type_: str) -> Any:
        if type_ in _NUMBERS:
            return self._unpack(_NUMBERS[type_])[0]
        if type_ in _BYTES:
            return self._take(_BYTES[type_])
        if type_ == "string":
            return self._take(self.value("u8")).decode("utf-8", "replace")
        if type_ == "words":
            return self._unpack(f"<{self.value('u16')}I")
        if type_ == "tensors":
            return tuple(self._tensor() for _ in range(self.value("u8")))
        return self._stream.read()

    def _take(self, count: int) -> bytes:
        piece = self._stream.read(count)
        if len(piece) < count:
            raise ValueError(f"payload ends {count - len(piece)} bytes too early")
        return piece

    def _unpack(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(form, self._take(struct.calcsize(form)))

    def _tensor(self) -> WireTensor:
        code, rank = self._unpack("<BB")
        if rank > MAX_RANK:
            raise ValueError(f"a tensor of rank {rank}")
        shape = self._unpack(f"<{rank}I")
        if code not in _TENSOR_TYPES:
            raise ValueError(f"a tensor of unknown type {code}")
        return WireTensor(_TENSOR_TYPES[code], shape, *self._unpack("<fi"))


def _pack(type_: str, value: Any) -> bytes:
    if type_ in _NUMBERS:
        return struct.pack(_NUMBERS[type_], value)
    if type_ == "string":
        text = str(value).encode()
        return bytes([len(text)]) + text
    if type_ == "words":
        return struct.pack(f"<H{len(value)}I", len(value), *value)
    if type_ == "tensors":
        return bytes([len(value)]) + b"".join(map(_pack_tensor, value))
    return bytes(value)


def _pack_tensor(tensor: WireTensor) -> bytes:
    code, rank = TensorType[tensor.dtype.upper()], len(tensor.shape)
    return struct.pack(f"<BB{rank}Ifi", code, rank, *tensor.shape, tensor.scale, tensor.zero_point)
