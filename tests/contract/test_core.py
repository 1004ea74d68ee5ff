"""The firmware's core as a native program, under sanitizers, behind the real session."""

import hashlib
import subprocess
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.base.errors import DeviceError, SizeError
from host.base.paths import CODE, FIRMWARE, INCLUDE_FOLDER
from host.device.link import Link
from host.device.session import Session
from host.device.wire.frames import Decoder, Frame, encode
from host.device.wire.spec import InferMode, MessageType, Status
from host.firmware.boards import find_board
from host.firmware.image import Image
from host.targets import find_target

CPP = Path(__file__).parent.parent / "cpp"
PAYLOAD = 40


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("core")
    (folder / INCLUDE_FOLDER).mkdir()
    (folder / INCLUDE_FOLDER / "config.h").write_text(
        "#include <cstdint>\nnamespace config {\n"
        f"inline constexpr uint32_t kRequestPayloadBytes = {PAYLOAD};\n"
        "inline constexpr uint16_t kOperators = 2;\n}\n"
    )
    elf = folder / "core.elf"
    sources = [*(CODE / "core").glob("*.cc"), FIRMWARE / "boards" / "process" / "board.cc"]
    subprocess.run(
        [
            *("g++", "-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Wshadow", "-Wconversion"),
            *("-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
            *(f"-I{FIRMWARE}", f"-I{folder}", "-o", str(elf)),
            *map(str, [*sources, CPP / "slot_engine.cc"]),
        ],
        check=True,
    )
    return elf


@pytest.fixture
def link(program: Path, tmp_path: Path) -> Iterator[Link]:
    board = find_board("process")
    image = Image(program, (), reused=True)
    with find_target(board).start(image, board, tmp_path / "log") as started:
        yield started


def model(add: int, size: int = 64) -> bytes:
    return (b"\0\0\0\0TFL3" + bytes([add])).ljust(size, b"\7")


def test_hello_tells_who_is_there(link: Link) -> None:
    info = Session(link).hello(5)
    assert (info.board, info.engine, info.operators) == ("process", "slot", 2)
    assert (info.model_slot, info.max_payload) == (64, PAYLOAD)
    assert (info.inputs[0].shape, info.inputs[0].scale) == ((1, 4), 0.5)


def test_inferences_with_ticks_and_crcs(link: Link) -> None:
    session = Session(link)
    session.hello(5)
    inputs = [bytes([i % 256, 1, 2, 255]) for i in range(300)]
    answers = session.infer(inputs)
    assert [a.output for a in answers] == [plus(x, 2) for x in inputs]
    assert session.infer(inputs[:1], InferMode.TICKS)[0].detail[0] <= answers[0].ticks + 10**9
    (traced,) = session.infer(inputs[:1], InferMode.CRCS)
    assert traced.detail == (zlib.crc32(plus(inputs[0], 1)), zlib.crc32(traced.output))


def plus(data: bytes, steps: int) -> bytes:
    return bytes((byte + steps) % 256 for byte in data)


def test_every_output_is_given_as_it_was_when_its_operator_was_done(link: Link) -> None:
    session = Session(link)
    session.hello(5)
    for data in (bytes(4), b"\0\xff\1\0"):
        assert session.tensor(3, data, 0) == plus(data, 1)
        assert session.tensor(3, data, 1) == plus(data, 2)
    with pytest.raises(DeviceError, match=r"no operator output of that number \(value 2\)"):
        session.tensor(3, bytes(4), 2)
    assert session.infer([bytes(4)])[0].output == plus(bytes(4), 2)


def test_an_output_that_the_run_does_not_come_to_is_refused(link: Link) -> None:
    session = Session(link)
    session.load_model(model(254), session.hello(5))
    assert session.tensor(3, bytes(4), 0) == bytes([254] * 4)
    with pytest.raises(DeviceError, match=r"output 1 .* its engine failed"):
        session.tensor(3, bytes(4), 1)


def test_another_model_without_a_rebuild(link: Link) -> None:
    session = Session(link)
    info = session.hello(5)
    for add in (5, 9, 5):  # through both halves of the slot
        info = session.load_model(model(add), info)
        assert info.model_digest == hashlib.sha256(model(add)).hexdigest()
        assert session.infer([bytes(4)])[0].output == bytes([2 * add] * 4)


def test_a_model_that_does_not_fit_leaves_the_old_one(link: Link) -> None:
    session = Session(link)
    info = session.load_model(model(5), session.hello(5))
    with pytest.raises(SizeError, match="the device's slot 64 B"):
        session.load_model(model(6, 65), info)
    with pytest.raises(DeviceError, match="larger than its slot"):
        Session(link).load_model(model(6, 65), replace(info, model_slot=1000))
    with pytest.raises(DeviceError, match="cannot run this model"):
        session.load_model(b"no model at all", info)
    with pytest.raises(SizeError, match=r"arena is too small for the model \(byte 9 is 255\)"):
        session.load_model(model(255), info)
    assert session.log == ("byte 9 is 255",) * 2
    assert session.hello(5).model_digest == info.model_digest
    assert session.infer([bytes(4)])[0].output == bytes([10] * 4)


def ask(link: Link, frame: bytes) -> list[Frame]:
    """Every frame that comes back within a moment."""
    decoder, found = Decoder(), []
    rest, deadline = frame, time.monotonic() + 0.2
    while time.monotonic() < deadline:
        taken, data = link.transfer(rest, deadline)
        rest = rest[taken:]
        found += [item for item in decoder.feed(data) if isinstance(item, Frame)]
    return found


@pytest.mark.parametrize(
    ("kind", "payload", "status"),
    [
        (0x55, b"", Status.UNKNOWN_TYPE),
        (MessageType.INFER, b"\0\0", Status.BAD_LENGTH),
        (MessageType.INFER, bytes(5) + b"abc", Status.BAD_LENGTH),
        (MessageType.INFER, b"\x09" + bytes(8), Status.BAD_MODE),
        (MessageType.TENSOR, bytes(5), Status.BAD_LENGTH),
        (MessageType.TENSOR, bytes(6) + b"abc", Status.BAD_LENGTH),
        (MessageType.TENSOR, b"\2\0" + bytes(8), Status.BAD_POSITION),
        (MessageType.TENSOR, b"\xff\xff" + bytes(8), Status.BAD_POSITION),
        (MessageType.MODEL_BEGIN, b"\0", Status.BAD_LENGTH),
        (MessageType.MODEL_DATA, b"\0", Status.BAD_LENGTH),
        (MessageType.MODEL_DATA, b"\xff\xff\xff\xff" + b"abc", Status.BAD_LENGTH),
        (MessageType.INFER, bytes(PAYLOAD + 1), Status.DAMAGED_FRAME),
    ],
)
def test_every_refusal_is_a_status(link: Link, kind: int, payload: bytes, status: Status) -> None:
    started, reply = ask(link, encode(Frame(kind, 7, payload)))
    assert started == Frame(MessageType.STARTED, 0, b"")
    # What is longer than the device takes is damage, and its number unknown.
    sequence = 0 if status == Status.DAMAGED_FRAME else 7
    assert (reply.type, reply.sequence) == (MessageType.REFUSED, sequence)
    assert reply.payload[0] == status


@settings(max_examples=40)
@given(
    noise=st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.builds(
                lambda kind, payload: encode(Frame(kind, 1, payload)),
                st.sampled_from([*MessageType, 0x55]),
                st.binary(max_size=PAYLOAD),
            ),
        ),
        max_size=20,
    )
)
def test_nothing_that_arrives_breaks_the_device(
    program: Path, tmp_path_factory: pytest.TempPathFactory, noise: list[bytes]
) -> None:
    board = find_board("process")
    log = tmp_path_factory.mktemp("noise") / "log"
    with find_target(board).start(Image(program, (), reused=True), board, log) as link:
        rest = b"".join(noise)
        deadline = time.monotonic() + 5
        while rest:
            taken, _ = link.transfer(rest, deadline)
            rest = rest[taken:]
        session = Session(link)
        session.hello(5)
        assert len(session.infer([bytes(4)])) == 1
