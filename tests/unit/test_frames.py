"""The frame codec: golden frames on both sides of the line, and the sides against each other."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.base.paths import CODE, FIRMWARE
from host.device.wire.frames import Damage, Decoder, Frame, encode

TESTS = Path(__file__).parent.parent
VECTORS = json.loads((TESTS / "vectors" / "frames.json").read_text())
CASES = {case["name"]: case for case in VECTORS["cases"]}
frames = st.builds(Frame, st.integers(0, 255), st.integers(0, 65535), st.binary(max_size=600))


@pytest.fixture(scope="session")
def native_codec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("frames") / "frames"
    subprocess.run(
        [
            *("g++", "-std=c++17", "-O1", "-g", "-fsanitize=address,undefined"),
            *("-fno-sanitize-recover=all", f"-I{FIRMWARE}", "-o", program),
            *(TESTS / "cpp" / "frames_main.cc", CODE / "core" / "frames.cc"),
            CODE / "core" / "crc32.cc",
        ],
        check=True,
    )
    return program


def describe(item: Frame | Damage) -> Any:
    if isinstance(item, Damage):
        return "damaged"
    return {"type": item.type, "sequence": item.sequence, "payload": item.payload.hex()}


@pytest.mark.parametrize("name", CASES)
def test_golden_frames_on_the_host(name: str) -> None:
    wire = bytes.fromhex(CASES[name]["wire"])
    for step in (len(wire), 1, 3):
        decoder = Decoder(max_encoded=VECTORS["capacity"])
        found = []
        for at in range(0, len(wire), step):
            found += decoder.feed(wire[at : at + step])
        assert [describe(item) for item in found] == CASES[name]["events"]


def native_encode(program: Path, frame: Frame) -> bytes:
    command = [str(program), "encode", str(frame.type), str(frame.sequence)]
    return subprocess.run(command, input=frame.payload, capture_output=True, check=True).stdout


def native_decode(program: Path, wire: bytes, capacity: int, step: int) -> list[Any]:
    command = [str(program), "decode", str(capacity), str(step)]
    out = subprocess.run(command, input=wire, capture_output=True, check=True).stdout.decode()
    events: list[Any] = []
    for line in out.splitlines():
        if line == "damaged":
            events.append(line)
        else:
            _, kind, sequence, *payload = line.split(" ")
            events.append(
                {"type": int(kind), "sequence": int(sequence), "payload": "".join(payload)}
            )
    return events


@pytest.mark.parametrize("name", CASES)
def test_golden_frames_in_the_firmware(native_codec: Path, name: str) -> None:
    wire = bytes.fromhex(CASES[name]["wire"])
    for step in (len(wire), 1, 3):
        found = native_decode(native_codec, wire, VECTORS["capacity"], step)
        assert found == CASES[name]["events"]


def test_golden_frames_are_what_the_encoders_make(native_codec: Path) -> None:
    for case in VECTORS["cases"]:
        if len(case["events"]) != 1 or case["events"][0] == "damaged":
            continue
        event = case["events"][0]
        frame = Frame(event["type"], event["sequence"], bytes.fromhex(event["payload"]))
        made = encode(frame)
        assert made == native_encode(native_codec, frame)
        assert made.strip(b"\0").hex() in case["wire"]


@given(st.lists(frames, max_size=5), st.integers(1, 64))
def test_what_is_encoded_is_decoded_in_any_pieces(sent: list[Frame], step: int) -> None:
    wire = b"".join(encode(frame) for frame in sent)
    decoder = Decoder()
    found: list[Frame | Damage] = []
    for at in range(0, len(wire), step):
        found += decoder.feed(wire[at : at + step])
    assert found == sent


@given(frames, st.binary(max_size=100), st.data())
def test_a_decoder_that_lost_its_place_finds_it_again(
    frame: Frame, noise: bytes, data: st.DataObject
) -> None:
    wire = bytearray(encode(frame))
    position = data.draw(st.integers(1, len(wire) - 2))
    wire[position] ^= data.draw(st.integers(1, 255))
    decoder = Decoder()
    found = decoder.feed(noise + bytes(wire) + encode(frame))
    assert found[-1] == frame
    assert [item for item in found[:-1] if isinstance(item, Frame)] == []


@settings(max_examples=30)
@given(
    stream=st.lists(st.one_of(st.binary(max_size=80), frames.map(encode)), max_size=6),
    step=st.integers(1, 300),
)
def test_firmware_and_host_agree_on_any_stream(
    native_codec: Path, stream: list[bytes], step: int
) -> None:
    wire = b"".join(stream)
    expected = [describe(item) for item in Decoder().feed(wire)]
    assert native_decode(native_codec, wire, 4096, step) == expected


@settings(max_examples=30)
@given(frame=frames, few=st.lists(st.sampled_from((0, 1, 255)), max_size=600).map(bytes))
def test_firmware_and_host_encode_alike(native_codec: Path, frame: Frame, few: bytes) -> None:
    # Random bytes hold few zeros, so blocks are long; `few` makes short ones.
    for payload in (frame.payload, few):
        sent = Frame(frame.type, frame.sequence, payload)
        assert native_encode(native_codec, sent) == encode(sent)
