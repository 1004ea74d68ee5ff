"""The same core and protocol on a process, on mps2 and on the nRF52840, with real images."""

import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from host.device.link import Link
from host.device.session import Session
from host.device.wire.frames import Decoder, Frame, encode
from host.device.wire.spec import InferMode, MessageType, Status
from host.firmware.boards import find_board
from host.firmware.image import Image
from host.models.tflite import parse
from host.targets import find_target
from tests.fixtures.emulators import quiet
from tests.fixtures.graphs import tflm_outputs
from tests.fixtures.models import dense
from tests.line.device import built

BOARDS = ("process-sanitized", "qemu-m3", "qemu-m4", "qemu-m55", "unicorn-nano33ble")
INPUTS = 300  # more than one COBS block
MODEL = dense(INPUTS, 5, layers=2)


@pytest.fixture(scope="module", params=BOARDS)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return built(MODEL, request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def link(image: Image, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Link]:
    board = find_board(request.node.callspec.params["image"])
    with find_target(board).start(image, board, tmp_path / "log") as started:
        yield started


def samples(n: int) -> list[bytes]:
    rng = np.random.default_rng(1)
    return [rng.integers(-128, 128, INPUTS).astype(np.int8).tobytes() for _ in range(n)]


def expected(inputs: list[bytes]) -> list[bytes]:
    x = np.frombuffer(b"".join(inputs), np.int8).reshape(len(inputs), INPUTS)
    outputs = tflm_outputs(parse(MODEL), x)
    return [row.tobytes() for row in outputs]


def test_inferences_profiles_and_traces(link: Link) -> None:
    session = Session(link)
    info = session.hello(20)
    assert (info.engine, info.operators) == ("aot", 2)
    inputs = samples(25)
    answers = session.infer(inputs)
    assert [answer.output for answer in answers] == expected(inputs)
    (profiled,) = session.infer(inputs[:1], InferMode.TICKS)
    assert len(profiled.detail) == 2 and sum(profiled.detail) <= profiled.ticks
    (traced,) = session.infer(inputs[:1], InferMode.CRCS)
    assert traced.detail[1] == zlib.crc32(traced.output)
    tensors = [session.tensor(0, inputs[0], position) for position in range(2)]
    assert tuple(map(zlib.crc32, tensors)) == traced.detail
    statistics = session.statistics()
    quiet(statistics.retries, statistics.damaged_frames)


def test_noise_and_damage_cost_no_answer(link: Link) -> None:
    session = Session(link)
    session.hello(20)
    good = encode(Frame(MessageType.HELLO, 3, b""))
    noise = b"\xff" * 700 + good[:4] + b"\0" + good[:3] + good[4:] + b"boot\r\n\0"
    replies = _exchange(link, noise + encode(Frame(0x55, 9, b"")), MessageType.REFUSED, 9)
    assert Status.UNKNOWN_TYPE in replies and Status.DAMAGED_FRAME in replies
    inputs = samples(5)
    assert [answer.output for answer in session.infer(inputs)] == expected(inputs)


def test_refusals(link: Link) -> None:
    for kind, payload, status in (
        (MessageType.INFER, b"\0", Status.BAD_LENGTH),
        (MessageType.INFER, bytes(5 + INPUTS - 1), Status.BAD_LENGTH),
        (MessageType.INFER, b"\x09" + bytes(4 + INPUTS), Status.BAD_MODE),
        (MessageType.TENSOR, bytes(6 + INPUTS - 1), Status.BAD_LENGTH),
        (MessageType.TENSOR, b"\2\0" + bytes(4 + INPUTS), Status.BAD_POSITION),
        (MessageType.MODEL_DATA, b"\0", Status.BAD_LENGTH),
    ):
        frame = encode(Frame(kind, 9, payload))
        assert _exchange(link, frame, MessageType.REFUSED, 9)[-1] == status
    begin = encode(Frame(MessageType.MODEL_BEGIN, 9, b"\1\0\0\0" + bytes(32)))
    assert _exchange(link, begin, MessageType.MODEL_REPLY, 9) == [Status.MODEL_TOO_LARGE]


def _exchange(link: Link, data: bytes, kind: MessageType, last: int) -> list[int]:
    """Send; the statuses of all replies of that kind, up to the one with sequence ``last``."""
    decoder, statuses = Decoder(), []
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        taken, received = link.transfer(data, min(deadline, time.monotonic() + 0.2))
        data = data[taken:]
        for item in decoder.feed(received):
            if isinstance(item, Frame) and item.type == kind:
                statuses.append(item.payload[0])
                if item.sequence == last:
                    return statuses
    raise AssertionError(f"no answer; so far {statuses}")
