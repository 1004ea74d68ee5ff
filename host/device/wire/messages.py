"""Payloads to and from plain values, by the declaration in ``spec.py``."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from host.device.wire.spec import MAX_RANK, PAYLOADS, MessageType, TensorType


@dataclass(frozen=True)
class WireTensor:
    """An input or output tensor as the device states it in HELLO."""

    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int


_NUMBERS = {
    "u8": struct.Struct("<B"),
    "u16": struct.Struct("<H"),
    "u32": struct.Struct("<I"),
    "i32": struct.Struct("<i"),
    "f32": struct.Struct("<f"),
}


class PayloadError(ValueError):
    """The payload is not what the declaration says; the session maps it to DeviceError."""


def pack(kind: MessageType, values: Mapping[str, Any]) -> bytes:
    """Encode a payload. ``values`` has one entry for each declared field."""
    return b"".join(_pack(type_, values[name]) for name, type_ in PAYLOADS[kind])


def unpack(kind: MessageType, payload: bytes, *, only: int | None = None) -> dict[str, Any]:
    """Decode a payload, or just its first ``only`` fields.

    Raises:
        PayloadError: too short, too long, or a value that is not declared.
    """
    reader = _Reader(payload)
    fields = PAYLOADS[kind][:only]
    values = {name: _unpack(type_, reader) for name, type_ in fields}
    if only is None and reader.left:
        raise PayloadError(f"{kind.name} has {reader.left} bytes too many")
    return values


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise PayloadError(f"payload ends {count - self.left} bytes too early")
        piece = self._data[self._at : self._at + count]
        self._at += count
        return piece

    def number(self, type_: str) -> Any:
        form = _NUMBERS[type_]
        return form.unpack(self.take(form.size))[0]


def _pack(type_: str, value: Any) -> bytes:
    if type_ in _NUMBERS:
        return _NUMBERS[type_].pack(value)
    if type_ == "string":
        text = str(value).encode()
        return _NUMBERS["u8"].pack(len(text)) + text
    if type_ == "words":
        return struct.pack(f"<H{len(value)}I", len(value), *value)
    if type_ == "tensors":
        return bytes([len(value)]) + b"".join(_pack_tensor(tensor) for tensor in value)
    return bytes(value)


def _pack_tensor(tensor: WireTensor) -> bytes:
    rank = len(tensor.shape)
    code = TensorType[tensor.dtype.upper()]
    return struct.pack(f"<BB{rank}Ifi", code, rank, *tensor.shape, tensor.scale, tensor.zero_point)


def _unpack(type_: str, reader: _Reader) -> Any:
    if type_ in _NUMBERS:
        return reader.number(type_)
    if type_ == "bytes8":
        return reader.take(8)
    if type_ == "bytes32":
        return reader.take(32)
    if type_ == "string":
        return reader.take(reader.number("u8")).decode("utf-8", "replace")
    if type_ == "words":
        count = reader.number("u16")
        return struct.unpack(f"<{count}I", reader.take(4 * count))
    if type_ == "tensors":
        return tuple(_unpack_tensor(reader) for _ in range(reader.number("u8")))
    return reader.take(reader.left)


def _unpack_tensor(reader: _Reader) -> WireTensor:
    code, rank = reader.number("u8"), reader.number("u8")
    if rank > MAX_RANK:
        raise PayloadError(f"a tensor of rank {rank}")
    shape = tuple(reader.number("u32") for _ in range(rank))
    try:
        dtype = TensorType(code).name.lower()
    except ValueError as error:
        raise PayloadError(f"a tensor of unknown type {code}") from error
    return WireTensor(dtype, shape, reader.number("f32"), reader.number("i32"))
