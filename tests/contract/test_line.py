"""The real firmware, as a process, behind bad lines: no sample is lost, and none is wrong."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from host.base.errors import LinkError, StaleImageError
from host.device.link import Link, SerialLink
from host.device.session import Answer, Session
from host.device.wire.frames import Decoder, Frame, encode
from host.device.wire.spec import MessageType
from host.firmware.image import Image
from tests.fixtures.models import dense
from tests.line import faults, table
from tests.line.device import Device, built
from tests.line.direction import Direction
from tests.line.link import FaultyLink
from tests.line.middle import Port

INPUTS = table.samples()


@dataclass(frozen=True)
class Subject:
    image: Image
    outputs: list[bytes]  # on a line without faults


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("image")
    image = table.build(folder)
    return Subject(image, table.expected(image, INPUTS, folder / "log"))


# What each kind of fault must be seen to have cost.
RETRIED = {"flipped", "dropped", "gapped", "lost", "interleaved", "bit errors", "all of them"}
DAMAGED = (RETRIED - {"lost"}) | {"noisy", "chatty", "swapped", "torn"}
WHOLE = {"none", "doubled", "logged", "crumbled", "gathered", "stalled", "late", "vanished"}


@pytest.mark.parametrize("fault", table.CASES)
def test_a_fault_costs_no_sample(fault: str, subject: Subject, tmp_path: Path) -> None:
    row = table.run(fault, subject.image, INPUTS, subject.outputs, tmp_path / "log")
    assert (row.lost, row.wrong) == (0, 0)
    assert (row.injected > 0) == (fault != "none")
    if fault in RETRIED:
        assert row.link.retries >= row.injected / 2
    if fault in DAMAGED:
        assert row.link.damaged_frames > 0
    if fault in WHOLE:
        assert row.link.damaged_frames == 0
    # A fault costs its own frame and no other; a few more where this computer is busy.
    assert row.link.retries <= 2 * row.injected + 5
    assert row.link.resets == (2 if fault == "reset" else 0)
    assert row.link.reconnects == (2 if fault == "vanished" else 0)
    assert row.link.payload == len(INPUTS) * table.INPUTS


@pytest.mark.parametrize("seed", range(5))
def test_one_percent_of_frames_lost_or_damaged(seed: int, subject: Subject, tmp_path: Path) -> None:
    damages = [
        faults.CHANGES[name] for name in ("lost", "flipped", "dropped", "gapped", "interleaved")
    ]
    ways = [faults.Way(faults.often(0.01, *damages, seed=2 * seed + way)) for way in range(2)]
    with Device(subject.image, table.BOARD, tmp_path / "log") as device:
        to_device, to_host = map(Direction, ways)
        link = FaultyLink(device.start(), to_device, to_host, device)
        session = Session(link, timeout=table.TIMEOUT)
        session.hello(table.TIMEOUT)
        answers = session.infer(INPUTS)
    assert [answer.sample for answer in answers] == list(range(len(INPUTS)))
    assert [answer.output for answer in answers] == subject.outputs
    assert all(way.counts.total() > 5 for way in ways)
    assert session.statistics().retries >= sum(way.counts.total() for way in ways) / 2


def test_a_device_that_ends_for_good_is_given_up_and_its_answers_are_right(
    subject: Subject, tmp_path: Path
) -> None:
    seen: list[Answer] = []
    with Device(subject.image, table.BOARD, tmp_path / "log") as device:
        to_host = Direction(faults.Way(faults.at([400], faults.killed)))
        session = Session(FaultyLink(device.start(), None, to_host, device), timeout=0.3)
        session.hello(1.0)
        with pytest.raises(LinkError, match=r"stopped answering|did not answer"):
            session.infer(INPUTS, answered=seen.append)
    assert 300 < len(seen) < 401
    assert all(answer.output == subject.outputs[answer.sample] for answer in seen)


def started_is_lost(frame: bytes) -> faults.Fault | None:
    (whole,) = Decoder().feed(frame)
    if isinstance(whole, Frame) and whole.type == MessageType.STARTED:
        return faults.Fault(faults.lost)
    return None


class Impostor:
    """Comes back from a reset with another model."""

    def __init__(self, first: Device, second: Device) -> None:
        self._devices = [first, second]

    def start(self) -> Link:
        return self._devices.pop(0).start()

    def stop(self) -> None:
        raise AssertionError


@pytest.mark.parametrize("noticed", [True, False])
def test_another_model_after_a_reset_answers_nothing(
    noticed: bool, subject: Subject, tmp_path: Path
) -> None:
    """If not by STARTED, it is noticed by the hash in its answers."""
    (tmp_path / "other").mkdir()
    other = built(dense(table.INPUTS, 10, seed=1), table.BOARD, tmp_path / "other")
    seen: list[Answer] = []
    with (
        Device(subject.image, table.BOARD, tmp_path / "log") as first,
        Device(other, table.BOARD, tmp_path / "log2") as second,
    ):
        power = Impostor(first, second)
        to_host = Direction(faults.Way(faults.clean if noticed else started_is_lost))
        to_device = Direction(faults.Way(faults.at([300], faults.reset)))
        link = FaultyLink(power.start(), to_device, to_host, power)
        session = Session(link, timeout=table.TIMEOUT)
        session.hello(table.TIMEOUT)
        with pytest.raises(StaleImageError, match="not what it was"):
            session.infer(INPUTS, answered=seen.append)
    assert all(answer.output == subject.outputs[answer.sample] for answer in seen)


def test_a_port_that_takes_nothing_is_still_read(tmp_path: Path) -> None:
    """Else host and device could wait for each other; and no timeout would ever come."""
    port = Port(tmp_path / "port")
    link = SerialLink(str(tmp_path / "port"))
    end = time.monotonic() + 5
    # Another thread gives way in the end, so that a failure is no hang.
    rescue = threading.Timer(5, port.close)
    rescue.start()
    while link.transfer(bytes(512), time.monotonic() + 0.01)[0]:
        pass
    assert time.monotonic() < end
    os.write(port.master, b"said")
    assert link.transfer(bytes(512), time.monotonic() + 1) == (0, b"said")
    rescue.cancel()
    link.close()
    port.close()


def carried(
    direction: Direction, data: bytes, step: float, end: float
) -> list[tuple[float, bytes]]:
    """What comes out, and when, looked at every ``step`` seconds of a time that does not pass."""
    out = []
    for tick in range(round(end / step)):
        now = tick * step
        fitting = data[: direction.room]
        direction.put(fitting, now)
        data = data[len(fitting) :]
        piece, _ = direction.take(now)
        if piece:
            out.append((now, piece))
    return out


@pytest.mark.parametrize("step", [0.0001, 0.0013, 0.02])
def test_a_pace_is_kept_however_often_one_looks(step: float) -> None:
    data = bytes(n % 251 for n in range(60_000))
    out = carried(Direction(rate=11520), data, step, 4.0)
    assert b"".join(piece for _, piece in out) == data[: sum(len(piece) for _, piece in out)]
    count = 0
    for now, piece in out:
        count += len(piece)
        assert now * 11520 - 11520 * (0.001 + step) <= count <= now * 11520 + 1
    assert max(len(piece) for _, piece in out) <= 11520 * (0.001 + 2 * step) + 1


def test_a_line_that_was_idle_saves_up_nothing() -> None:
    direction = Direction(rate=1000)
    assert direction.take(50.0) == (b"", None)
    direction.put(bytes(500), 50.0)
    assert len(direction.take(50.1)[0]) <= 100


def test_a_full_line_has_no_room() -> None:
    direction = Direction(rate=1000, capacity=64)
    direction.put(bytes(64), 0.0)
    assert direction.room == 0
    taken = len(direction.take(0.01)[0])
    assert direction.room == taken == 10


def test_a_stall_holds_back_all_that_is_behind_it() -> None:
    direction = Direction(faults.Way(faults.in_turn([None, faults.Fault(faults.stalled, 500)])))
    direction.put(b"\0a\0\0b\0\0c\0", 0.0)
    assert direction.take(1.4) == (b"\0a\0", None)
    assert direction.due() == 1.5
    assert direction.take(1.5) == (b"\0b\0\0c\0", None)


def test_an_event_comes_after_all_in_front_of_it() -> None:
    direction = Direction(faults.Way(faults.in_turn([None, faults.Fault(faults.reset, 2)])))
    direction.put(b"\0a\0\0bcd\0", 0.0)
    got = [direction.take(0.0) for _ in range(4)]
    assert got == [(b"\0a\0\0b", None), (b"", faults.Event.RESET), (b"cd\0", None), (b"", None)]


@pytest.mark.parametrize("name", faults.CHANGES)
def test_faults_are_the_same_for_the_same_seed(name: str) -> None:
    frames = [encode(Frame(MessageType.INFER, n, bytes([n]) * 150)) for n in range(200)]
    first, second, other = (faults.Way(faults.parse(f"{name}~0.1", seed)) for seed in (1, 1, 2))
    carried = [[way.pieces(frame) for frame in frames] for way in (first, second, other)]
    assert carried[0] == carried[1] != carried[2]
    assert first.counts == second.counts and set(first.counts) == {name}


def test_plans_hit_what_they_say() -> None:
    way = faults.Way(faults.either(faults.parse("lost@2,5 doubled@0"), faults.clean))
    frames = [b"\0%d\0" % n for n in range(7)]
    assert [way(frame) for frame in frames] == [
        2 * frames[0], frames[1], b"", frames[3], frames[4], b"", frames[6],
    ]  # fmt: skip
    assert way.counts == {"lost": 2, "doubled": 1}
    with pytest.raises(ValueError, match="no fault"):
        faults.parse("eaten@1")
