"""THE declaration of the protocol. The C++ header and the protocol's hash are made from it.

Everything is little-endian. A frame's body is ``type u8 · sequence u16 · payload · CRC-32 u32``
(zlib's CRC-32, over all that precedes it); the body goes over the line COBS-encoded between two
zero bytes. ``docs/protocol.md`` tells the story.
"""

import hashlib
from enum import IntEnum

PROTOCOL_VERSION = 4
MAX_RANK = 6
HASH_BYTES = 8
FRAME_HEADER_BYTES = 3
FRAME_CRC_BYTES = 4


class MessageType(IntEnum):
    """First byte of a frame. Replies have the top bit set."""

    HELLO = 0x01
    INFER = 0x02
    MODEL_BEGIN = 0x03
    MODEL_DATA = 0x04
    MODEL_END = 0x05
    TENSOR = 0x06
    HELLO_REPLY = 0x81
    INFER_REPLY = 0x82
    MODEL_REPLY = 0x83
    TENSOR_REPLY = 0x84
    LOG = 0x90
    STARTED = 0x91
    REFUSED = 0x9F


class Status(IntEnum):
    """Outcome of a request."""

    OK = 0
    DAMAGED_FRAME = 1
    UNKNOWN_TYPE = 2
    BAD_LENGTH = 3
    BAD_MODE = 4
    ENGINE_FAILED = 5
    ARENA_TOO_SMALL = 6
    MODEL_TOO_LARGE = 7
    MODEL_DAMAGED = 8
    MODEL_UNFIT = 9
    BAD_POSITION = 10


class InferMode(IntEnum):
    """What an INFER_REPLY carries for each output of each operator."""

    PLAIN = 0
    TICKS = 1
    CRCS = 2


class TensorType(IntEnum):
    """Element types of tensors, numbered as in the TFLite schema."""

    FLOAT32 = 0
    INT32 = 2
    UINT8 = 3
    INT16 = 7
    INT8 = 9


class TickUnit(IntEnum):
    """What the device's clock counts."""

    CYCLES = 0
    INSTRUCTIONS = 1
    MICROSECONDS = 2
    EMULATED_CYCLES = 3


# Payloads, field by field. Types: u8 u16 u32 i32 f32; bytes8, bytes32; string (u8 length, UTF-8);
# tensors (u8 count, then each: type u8, rank u8, dimensions u32 × rank, scale f32, zero point i32);
# words (u16 count, then u32 each); rest (all that remains).
# The first two fields of HELLO_REPLY never move: an old image must be recognised as one. ``model``
# in an answer is the first four bytes of the model's SHA-256: which model computed this.
PAYLOADS: dict[MessageType, tuple[tuple[str, str], ...]] = {
    MessageType.HELLO: (),
    MessageType.HELLO_REPLY: (
        ("protocol_version", "u16"),
        ("protocol_hash", "bytes8"),
        ("status", "u8"),
        ("model_digest", "bytes32"),
        ("tick_unit", "u8"),
        ("tick_rate", "u32"),
        ("tick_numerator", "u16"),
        ("tick_denominator", "u16"),
        ("arena_reserved", "u32"),
        ("arena_used", "u32"),
        ("arena_planned", "u32"),
        ("model_slot", "u32"),
        ("max_payload", "u32"),
        ("receive_window", "u32"),
        ("operators", "u16"),
        ("board", "string"),
        ("engine", "string"),
        ("engine_version", "string"),
        ("compiler", "string"),
        ("inputs", "tensors"),
        ("outputs", "tensors"),
    ),
    MessageType.INFER: (("mode", "u8"), ("sample", "u32"), ("input", "rest")),
    MessageType.INFER_REPLY: (
        ("status", "u8"),
        ("model", "u32"),
        ("sample", "u32"),
        ("input_crc", "u32"),
        ("ticks", "u32"),
        ("detail", "words"),
        ("output", "rest"),
    ),
    MessageType.MODEL_BEGIN: (("size", "u32"), ("digest", "bytes32")),
    MessageType.MODEL_DATA: (("offset", "u32"), ("data", "rest")),
    MessageType.MODEL_END: (),
    MessageType.MODEL_REPLY: (("status", "u8"), ("value", "u32")),
    MessageType.TENSOR: (("position", "u16"), ("sample", "u32"), ("input", "rest")),
    MessageType.TENSOR_REPLY: (
        ("model", "u32"),
        ("sample", "u32"),
        ("input_crc", "u32"),
        ("data", "rest"),
    ),
    MessageType.LOG: (("text", "rest"),),
    MessageType.STARTED: (),
    MessageType.REFUSED: (("status", "u8"), ("value", "u32")),
}

# What answers a request that was not refused.
REPLIES = {
    MessageType.HELLO: MessageType.HELLO_REPLY,
    MessageType.INFER: MessageType.INFER_REPLY,
    MessageType.TENSOR: MessageType.TENSOR_REPLY,
    MessageType.MODEL_BEGIN: MessageType.MODEL_REPLY,
    MessageType.MODEL_DATA: MessageType.MODEL_REPLY,
    MessageType.MODEL_END: MessageType.MODEL_REPLY,
}

_ENUMS: tuple[type[IntEnum], ...] = (MessageType, Status, InferMode, TensorType, TickUnit)
# Bytes of an INFER and of a TENSOR payload before the input.
INFER_HEADER_BYTES = 5
TENSOR_HEADER_BYTES = 6
# Largest piece of a model in a MODEL_DATA.
MODEL_PIECE_BYTES = 1024


def protocol_hash() -> bytes:
    """First 8 bytes of the SHA-256 of this declaration in a canonical form."""
    lines = [f"version {PROTOCOL_VERSION} rank {MAX_RANK}"]
    for enum in _ENUMS:
        lines += [f"{enum.__name__}.{member.name}={member.value}" for member in enum]
    for kind, fields in PAYLOADS.items():
        lines += [f"{kind.name}:{name}:{type_}" for name, type_ in fields]
    return hashlib.sha256("\n".join(lines).encode()).digest()[:HASH_BYTES]


def cpp_header() -> str:
    """The text of ``firmware/flash_and_eval/core/wire_spec.h``."""
    hash_bytes = ", ".join(f"0x{byte:02x}" for byte in protocol_hash())
    lines = [
        "// Generated by `python -m host.device.wire.spec`. Do not edit.",
        "#pragma once",
        "",
        "#include <cstdint>",
        "",
        "namespace wire {",
        "",
        f"inline constexpr uint16_t kProtocolVersion = {PROTOCOL_VERSION};",
        f"inline constexpr uint32_t kMaxRank = {MAX_RANK};",
        f"inline constexpr uint32_t kFrameHeaderBytes = {FRAME_HEADER_BYTES};",
        f"inline constexpr uint32_t kFrameCrcBytes = {FRAME_CRC_BYTES};",
        f"inline constexpr uint32_t kInferHeaderBytes = {INFER_HEADER_BYTES};",
        f"inline constexpr uint32_t kTensorHeaderBytes = {TENSOR_HEADER_BYTES};",
        f"inline constexpr uint8_t kProtocolHash[{HASH_BYTES}] = {{{hash_bytes}}};",
    ]
    for enum in _ENUMS:
        lines += ["", f"enum class {enum.__name__} : uint8_t {{"]
        lines += [f"  k{_camel(member.name)} = {member.value}," for member in enum]
        lines += ["};"]
    lines += ["", "// Payloads:"]
    for kind, fields in PAYLOADS.items():
        lines += [f"// {kind.name}:"]
        lines += [f"//   {name} {type_}" for name, type_ in fields]
    lines += ["", "}  // namespace wire", ""]
    return "\n".join(lines)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def main() -> None:
    """Write the header."""
    from host.base.paths import CODE

    (CODE / "core" / "wire_spec.h").write_text(cpp_header())


if __name__ == "__main__":
    main()
