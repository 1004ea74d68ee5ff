"""The session on a line that does what lines do, by a state machine, in time that does not pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

import host.exchange
from host.errors import DeviceError, LinkError
from host.session import Session
from host.wire.frames import Decoder, Frame, encode
from host.wire.spec import InferMode, MessageType
from tests.fakes import FakeDevice, compute, trace

TIMEOUT = 1.0
LINE = 0.001  # seconds that a read takes
PACKET = 64  # bytes that USB loses at once


@dataclass
class Clock:
    """Stands for the module ``time`` in the exchange; only the line makes it go on."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now


class Fault(NamedTuple):
    """What happens to one frame; ``place`` chooses where in it."""

    kind: str
    place: int = 0


KINDS = ("none", "flip", "drop", "packet", "lose", "double", "late", "noise", "text", "swap")


def misread(frame: bytes) -> bytes:
    """A request whose input is spoiled in the device's memory, where no frame's CRC sees it."""
    (whole,) = Decoder().feed(frame)
    assert isinstance(whole, Frame)
    if not whole.payload:
        return frame
    payload = whole.payload[:-1] + bytes([whole.payload[-1] ^ 1])
    return encode(Frame(whole.type, whole.sequence, payload))


def damaged(frame: bytes, fault: Fault) -> bytes:
    """The frame as the line carries it."""
    at = fault.place % len(frame)
    packet = at // PACKET * PACKET
    changed = {
        "flip": frame[:at] + bytes([frame[at] ^ 1 << fault.place % 8]) + frame[at + 1 :],
        "drop": frame[:at] + frame[at + 1 :],
        "packet": frame[:packet] + frame[packet + PACKET :],
        "lose": b"",
        "double": frame + frame,
        "noise": bytes(7 * (fault.place + i) % 256 for i in range(at)) + frame,
        "text": encode(Frame(MessageType.LOG, 0, b"tick")) + frame,
        "swap": frame[at:] + frame[:at],
    }
    return changed.get(fault.kind, frame)


@dataclass
class Way:
    """One direction of the line: faults to come, one for each frame, and a frame that is late."""

    faults: Iterator[Fault] = field(default_factory=lambda: iter(()))
    late: bytes = b""

    def carry(self, frame: bytes) -> bytes:
        fault = next(self.faults, Fault("none"))
        if fault.kind == "misread":
            return misread(frame)
        behind, self.late = self.late, b""
        if fault.kind == "late":
            self.late = frame
            return behind
        return damaged(frame, fault) + behind


class Line:
    """A link whose frames meet faults, and whose reads bring as many bytes as it is told.

    ``reads`` are the sizes of the next reads; 0 is one that waits in vain until its deadline.
    """

    def __init__(self, device: FakeDevice, clock: Clock) -> None:
        self.device = device
        self.to_device = Way()
        self.to_host = Way()
        self.reads: Iterator[int] = iter(())
        self.gone = False
        self._clock = clock
        self._leaving = b""
        self._arriving = b""

    def reset(self) -> None:
        """The device loses what it has not handled, and says so at the top of its voice."""
        self.device.decoder = Decoder()
        self._arriving = self._arriving[: len(self._arriving) // 2] + b"ROM boot v3\r\n"

    def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
        if self.gone:
            raise LinkError("the port is gone")
        size = next(self.reads, None)
        taken = len(outgoing) if size is None else min(len(outgoing), size)
        self._leaving += outgoing[:taken]
        *frames, self._leaving = self._leaving.split(b"\0")
        for frame in filter(None, frames):
            for reply in self.device.receive(self.to_device.carry(b"\0" + frame + b"\0")):
                self._arriving += self.to_host.carry(reply)
        data = self._arriving if size is None else self._arriving[:size]
        self._arriving = self._arriving[len(data) :]
        self._clock.now += LINE
        if not data and not taken:
            self._clock.now = max(self._clock.now, deadline)
        return taken, data

    def close(self) -> None:
        self.gone = True


def scripts(*kinds: str) -> st.SearchStrategy[list[Fault]]:
    return st.lists(st.builds(Fault, st.sampled_from(kinds), st.integers(0, 400)), max_size=12)


inputs = st.lists(st.binary(min_size=1, max_size=90), min_size=1, max_size=12)


class Machine(RuleBasedStateMachine):
    """The faults end at some time, so every request must be answered, and rightly."""

    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self.line = Line(FakeDevice(), self.clock)
        # More than the faults there are: whoever gives up has done so on a line that was whole.
        self.session = Session(self.line, timeout=TIMEOUT, retries=200)
        self.session.hello(100.0)

    @rule(to_device=scripts(*KINDS, "misread"), to_host=scripts(*KINDS))
    def line_gets_worse(self, to_device: list[Fault], to_host: list[Fault]) -> None:
        self.line.to_device.faults = iter(to_device)
        self.line.to_host.faults = iter(to_host)

    @rule(sizes=st.lists(st.sampled_from([0, 1, 3, 64, 200]), max_size=40))
    def reads_are_split(self, sizes: list[int]) -> None:
        self.line.reads = iter(sizes)

    @rule()
    def device_resets(self) -> None:
        self.line.reset()

    @rule(data=inputs, mode=st.sampled_from(InferMode))
    @precondition(lambda self: not self.line.gone)
    def infer(self, data: list[bytes], mode: InferMode) -> None:
        seen: list[int] = []
        answers = self.session.infer(data, mode, seen.append)
        assert [answer.sample for answer in answers] == list(range(len(data)))
        assert [answer.output for answer in answers] == [compute(item) for item in data]
        assert [len(answer.detail) for answer in answers] == [2 * (mode > 0)] * len(data)
        assert seen == list(range(1, len(data) + 1))

    @rule(data=st.binary(min_size=1, max_size=90), position=st.integers(0, 1))
    @precondition(lambda self: not self.line.gone)
    def tensor(self, data: bytes, position: int) -> None:
        assert self.session.tensor(3, data, position) == trace(data)[position]

    @rule(data=st.binary(min_size=1, max_size=90))
    @precondition(lambda self: not self.line.gone)
    def refused(self, data: bytes) -> None:
        with pytest.raises(DeviceError, match="no operator output"):
            self.session.tensor(3, data, 2)

    @rule()
    @precondition(lambda self: not self.line.gone)
    def hello(self) -> None:
        assert self.session.hello(100.0).board == "fake"

    @rule(data=inputs)
    @precondition(lambda self: not self.line.gone)
    def device_is_dead_for_a_while(self, data: list[bytes]) -> None:
        whole, self.line.to_device = self.line.to_device, Way(iter(lambda: Fault("lose"), None))
        with pytest.raises(LinkError, match="stopped answering"):
            self.session.infer(data)
        self.line.to_device = whole  # late answers, if any, belong to nobody

    @rule(data=inputs)
    def port_vanishes(self, data: list[bytes]) -> None:
        self.line.close()
        with pytest.raises(LinkError, match="gone"):
            self.session.infer(data)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(host.exchange, "time", clock)
    return clock


def test_every_sample_is_answered_with_its_own_input_on_any_line(clock: Clock) -> None:
    machine = type("Machine", (Machine,), {"clock": clock})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=2000, stateful_step_count=8, derandomize=True, deadline=None
        ),
    )


def connect(line: Line, retries: int = 2) -> Session:
    session = Session(line, timeout=TIMEOUT, retries=retries)
    session.hello(100.0)
    return session


@pytest.mark.parametrize("way", ["to_device", "to_host"])
def test_frames_lost_in_a_row_cost_no_timeout(clock: Clock, way: str) -> None:
    line = Line(FakeDevice(), clock)
    session = connect(line)
    setattr(line, way, Way(iter([Fault("none")] + 3 * [Fault("lose")])))
    data = [bytes([index]) * 9 for index in range(40)]
    begin = clock.now
    assert [answer.output for answer in session.infer(data)] == [compute(item) for item in data]
    assert clock.now < begin + TIMEOUT


def test_the_last_frames_lost_cost_one_timeout(clock: Clock) -> None:
    line = Line(FakeDevice(), clock)
    session = connect(line)
    line.to_device = Way(iter(4 * [Fault("lose")]))
    begin = clock.now
    assert len(session.infer([bytes([index]) for index in range(4)])) == 4
    assert clock.now < begin + 2 * TIMEOUT


def test_a_device_that_only_talks_is_given_up(clock: Clock) -> None:
    text = encode(Frame(MessageType.LOG, 0, b"still here"))

    class Talking(Line):
        def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
            if not talk:
                return super().transfer(outgoing, deadline)
            assert clock.now < 1000, "nobody gave up"
            clock.now += TIMEOUT / 4
            talk.append(talk.pop(0))  # the halves of a line by turns
            return len(outgoing), talk[-1]

    talk: list[bytes] = []
    session = connect(Talking(FakeDevice(), clock))
    talk += [text[:5], text[5:]]
    with pytest.raises(LinkError, match="stopped answering"):
        session.infer([b"x"])
