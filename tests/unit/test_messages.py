"""Payloads: what is packed is unpacked; anything else is an error."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.base.errors import DeviceError
from host.device.wire import messages, spec
from host.device.wire.messages import WireTensor
from host.device.wire.spec import MAX_RANK, PAYLOADS, MessageType, TensorType

_f32 = st.floats(width=32, allow_nan=False)
_tensor = st.builds(
    WireTensor,
    st.sampled_from([kind.name.lower() for kind in TensorType]),
    st.lists(st.integers(0, 2**32 - 1), max_size=MAX_RANK).map(tuple),
    _f32,
    st.integers(-(2**31), 2**31 - 1),
)
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "u8": st.integers(0, 2**8 - 1),
    "u16": st.integers(0, 2**16 - 1),
    "u32": st.integers(0, 2**32 - 1),
    "bytes8": st.binary(min_size=8, max_size=8),
    "bytes32": st.binary(min_size=32, max_size=32),
    "string": st.text(max_size=60),
    "words": st.lists(st.integers(0, 2**32 - 1), max_size=50).map(tuple),
    "tensors": st.lists(_tensor, max_size=4).map(tuple),
    "rest": st.binary(max_size=100),
}


@pytest.mark.parametrize("kind", list(MessageType))
@given(data=st.data())
def test_what_is_packed_is_unpacked(kind: MessageType, data: st.DataObject) -> None:
    values = {name: data.draw(_FIELDS[type_]) for name, type_ in PAYLOADS[kind]}
    assert messages.unpack(kind, messages.pack(kind, values)) == values


@pytest.mark.parametrize("kind", list(MessageType))
@given(payload=st.binary(max_size=200))
def test_any_bytes_are_a_payload_or_an_error(kind: MessageType, payload: bytes) -> None:
    with contextlib.suppress(DeviceError):
        messages.unpack(kind, payload)


def test_bytes_too_many_are_an_error() -> None:
    with pytest.raises(DeviceError, match="1 bytes too many"):
        messages.unpack(MessageType.REFUSED, bytes(6))


def test_the_header_in_the_firmware_is_fresh() -> None:
    from host.base.paths import CODE

    written = (CODE / "core" / "wire_spec.h").read_text()
    assert written == spec.cpp_header(), "run: python -m host.device.wire.spec"


def test_the_hash_follows_the_declaration(monkeypatch: pytest.MonkeyPatch) -> None:
    before = spec.protocol_hash()
    monkeypatch.setitem(PAYLOADS, MessageType.LOG, (("text", "string"),))
    assert spec.protocol_hash() != before


def test_the_headers_before_inputs_have_the_sizes_that_the_firmware_uses() -> None:
    payload = messages.pack(MessageType.INFER, {"mode": 0, "sample": 1, "input": b""})
    assert len(payload) == spec.INFER_HEADER_BYTES
    payload = messages.pack(MessageType.TENSOR, {"position": 0, "sample": 1, "input": b""})
    assert len(payload) == spec.TENSOR_HEADER_BYTES
