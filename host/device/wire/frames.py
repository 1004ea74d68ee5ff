"""Frames: COBS between zero bytes, a type, a sequence number, a CRC-32."""

import struct
import zlib
from dataclasses import dataclass
from typing import Literal

from cobs import cobs

from host.device.wire.spec import FRAME_CRC_BYTES, FRAME_HEADER_BYTES

_HEADER = struct.Struct("<BH")
_CRC = struct.Struct("<I")
_MIN_BODY = FRAME_HEADER_BYTES + FRAME_CRC_BYTES


@dataclass(frozen=True)
class Frame:
    """A frame that arrived whole. ``type`` may be one that nobody knows."""

    type: int
    sequence: int
    payload: bytes


@dataclass(frozen=True)
class Damage:
    """Bytes between two delimiters that are no frame."""

    reason: Literal["cobs", "short", "crc", "long"]
    raw: bytes


def encode(frame: Frame) -> bytes:
    """The bytes that go over the line, delimiters at both ends.

    The leading delimiter makes whatever noise came before a damaged frame of its own.
    """
    head = _HEADER.pack(frame.type, frame.sequence) + frame.payload
    body = head + _CRC.pack(zlib.crc32(head))
    return b"\0" + bytes(cobs.encode(body)) + b"\0"


class Decoder:
    """Turns a stream of bytes, in pieces of any size, into frames and damage.

    Args:
        max_encoded: more bytes than this without a delimiter are damage (``long``); guards the
            memory against a line that talks nonsense without end.
    """

    def __init__(self, max_encoded: int = 1 << 22) -> None:
        self._buffer = bytearray()
        self._max = max_encoded
        self._overlong = False

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame | Damage]:
        """Take bytes in; give what is complete."""
        items: list[Frame | Damage] = []
        *complete, rest = data.split(b"\0")
        for piece in complete:
            self._take(piece)
            if self._overlong:
                items.append(Damage("long", bytes(self._buffer)))
            elif self._buffer:
                items.append(_decode(bytes(self._buffer)))
            self._buffer.clear()
            self._overlong = False
        self._take(rest)
        return items

    def _take(self, piece: bytes) -> None:
        if len(self._buffer) + len(piece) > self._max:
            self._overlong = True
        if not self._overlong:
            self._buffer += piece


def _decode(raw: bytes) -> Frame | Damage:
    try:
        body = bytes(cobs.decode(raw))
    except cobs.DecodeError:
        return Damage("cobs", raw)
    if len(body) < _MIN_BODY:
        return Damage("short", raw)
    head, crc = body[:-FRAME_CRC_BYTES], body[-FRAME_CRC_BYTES:]
    if _CRC.unpack(crc)[0] != zlib.crc32(head):
        return Damage("crc", raw)
    kind, sequence = _HEADER.unpack_from(head)
    return Frame(kind, sequence, head[FRAME_HEADER_BYTES:])
