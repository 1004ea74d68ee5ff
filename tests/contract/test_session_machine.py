"""The session on a line that does what lines do, by a state machine, in time that does not pass."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from host.base.errors import DeviceError, LinkError
from host.device import exchange, session
from host.device.session import Answer, Session
from host.device.wire.frames import Decoder, Frame, encode
from host.device.wire.spec import InferMode, MessageType
from tests.fixtures.fakes import FakeDevice, compute, trace
from tests.line import faults
from tests.line.direction import Direction
from tests.line.link import ABSENCE, BOOT

TIMEOUT = 1.0
PATIENCE = 10.0  # longer than the line ever stalls
READ = 0.001  # seconds that a read takes


@dataclass
class Clock:
    """Stands for the module ``time`` in the exchange; only the line makes it go on."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now


class Line:
    """A link whose frames meet faults, and whose reads bring as many bytes as it is told.

    ``reads`` are the sizes of the next reads; 0 is one that waits in vain until its deadline.
    """

    def __init__(self, device: FakeDevice, clock: Clock) -> None:
        self.device = device
        self.to_device = faults.Way()
        self.to_host = faults.Way()
        self.reads: Iterator[int] = iter(())
        self.gone = self.closed = False
        self._back = -math.inf  # when the port is there again
        self._there = Direction(self.to_device)
        self._here = Direction(self.to_host)
        self._clock = clock

    def happen(self, event: faults.Event) -> None:
        """See ``FaultyLink``; a device that is killed here has only gone deaf."""
        self._here.clear()
        if event is faults.Event.VANISHED:
            self._there.clear()
            self.gone = True
            self._back = self._clock.now + ABSENCE
        elif event is faults.Event.RESET:
            self.device.decoder = Decoder()
            self._here.insert(BOOT, self._clock.now)
            self._here.put(encode(Frame(MessageType.STARTED, 0, b"")), self._clock.now)

    def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
        if self.gone:
            raise LinkError("the port is gone")
        size = next(self.reads, 1 << 16)
        taken = min(len(outgoing), size)
        self._there.put(outgoing[:taken], self._clock.now)
        data = self._let_through(size)
        self._clock.now += READ
        if not data and not taken:
            due = min(self._there.due(), self._here.due()) if size else math.inf
            self._clock.now = max(self._clock.now, min(deadline, due))
        return taken, data

    def _let_through(self, size: int) -> bytes:
        while True:
            requests, event = self._there.take(self._clock.now)
            for reply in self.device.receive(requests):
                self._here.put(reply, self._clock.now)
            if event is None and not requests:
                data, event = self._here.take(self._clock.now, size)
                if event is None:
                    return data
            if event is not None:
                self.happen(event)

    def restore(self, deadline: float) -> None:
        if self._back > deadline:
            raise LinkError("it does not come back")
        self._clock.now = max(self._clock.now, self._back)
        self.gone = False

    def close(self) -> None:
        self.gone = self.closed = True
        self._back = math.inf


def always(change: faults.Change) -> faults.Plan:
    return lambda frame: faults.Fault(change)


def scripts(*changes: faults.Change) -> st.SearchStrategy[list[faults.Fault]]:
    return st.lists(
        st.builds(faults.Fault, st.sampled_from(changes), st.integers(0, 400)), max_size=12
    )


inputs = st.lists(st.binary(min_size=1, max_size=90), min_size=1, max_size=12)

CHANGES = (*faults.BYTES, *faults.ORDER, *faults.TIME, faults.reset, faults.vanished)


class Machine(RuleBasedStateMachine):
    """The faults end at some time, so every request must be answered, and rightly."""

    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self.line = Line(FakeDevice(), self.clock)
        # More than the faults there are: whoever gives up has done so on a line that was whole.
        self.session = Session(self.line, timeout=TIMEOUT, retries=200)
        self.session.hello(PATIENCE)

    @rule(to_device=scripts(*CHANGES, faults.misread), to_host=scripts(*CHANGES))
    def line_gets_worse(self, to_device: list[faults.Fault], to_host: list[faults.Fault]) -> None:
        self.line.to_device.plan = faults.in_turn(to_device)
        self.line.to_host.plan = faults.in_turn(to_host)

    @rule(sizes=st.lists(st.sampled_from([0, 1, 3, 64, 200]), max_size=40))
    def reads_are_split(self, sizes: list[int]) -> None:
        self.line.reads = iter(sizes)

    @rule(event=st.sampled_from([faults.Event.RESET, faults.Event.VANISHED]))
    @precondition(lambda self: not self.line.gone)
    def something_happens_between_requests(self, event: faults.Event) -> None:
        self.line.happen(event)

    @rule(data=inputs, mode=st.sampled_from(InferMode))
    @precondition(lambda self: not self.line.closed)
    def infer(self, data: list[bytes], mode: InferMode) -> None:
        seen: list[Answer] = []
        answers = self.session.infer(data, mode, seen.append)
        assert [answer.sample for answer in answers] == list(range(len(data)))
        assert [answer.output for answer in answers] == [compute(item) for item in data]
        assert [len(answer.detail) for answer in answers] == [2 * (mode > 0)] * len(data)
        assert sorted(seen, key=lambda answer: answer.sample) == answers

    @rule(data=st.binary(min_size=1, max_size=90), position=st.integers(0, 1))
    @precondition(lambda self: not self.line.closed)
    def tensor(self, data: bytes, position: int) -> None:
        assert self.session.tensor(3, data, position) == trace(data)[position]

    @rule(data=st.binary(min_size=1, max_size=90))
    @precondition(lambda self: not self.line.closed)
    def refused(self, data: bytes) -> None:
        with pytest.raises(DeviceError, match="no operator output"):
            self.session.tensor(3, data, 2)

    @rule()
    @precondition(lambda self: not self.line.closed)
    def hello(self) -> None:
        while True:
            try:
                assert self.session.hello(PATIENCE).board == "fake"
                return
            except LinkError:  # the port vanished; it is asked for by whoever wants it back
                self.line.restore(math.inf)

    @rule(data=inputs)
    @precondition(lambda self: not self.line.closed)
    def device_is_dead_for_a_while(self, data: list[bytes]) -> None:
        whole, self.line.to_device.plan = self.line.to_device.plan, always(faults.lost)
        with pytest.raises(LinkError, match=r"stopped answering|did not answer"):
            self.session.infer(data)
        self.line.to_device.plan = whole  # late answers, if any, belong to nobody

    @rule(data=inputs)
    def port_vanishes_for_good(self, data: list[bytes]) -> None:
        self.line.close()
        with pytest.raises(LinkError, match="gone"):
            self.session.infer(data)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(exchange, "time", clock)
    monkeypatch.setattr(session, "time", clock)
    return clock


def test_every_sample_is_answered_with_its_own_input_on_any_line(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As with the retries: there are as many failures in a row as the scripts happen to have.
    monkeypatch.setattr(session, "MAX_FAILURES", 30)
    machine = type("Machine", (Machine,), {"clock": clock})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=2000, stateful_step_count=8, derandomize=True, deadline=None
        ),
    )


def connect(line: Line, retries: int = 2) -> Session:
    session = Session(line, timeout=TIMEOUT, retries=retries)
    session.hello(PATIENCE)
    return session


@pytest.mark.parametrize("way", ["to_device", "to_host"])
def test_frames_lost_in_a_row_cost_no_timeout(clock: Clock, way: str) -> None:
    line = Line(FakeDevice(), clock)
    session = connect(line)
    getattr(line, way).plan = faults.in_turn([None, *3 * [faults.Fault(faults.lost)]])
    data = [bytes([index]) * 9 for index in range(40)]
    begin = clock.now
    assert [answer.output for answer in session.infer(data)] == [compute(item) for item in data]
    assert clock.now < begin + TIMEOUT


def test_the_last_frames_lost_cost_one_timeout(clock: Clock) -> None:
    line = Line(FakeDevice(), clock)
    session = connect(line)
    line.to_device.plan = faults.in_turn(4 * [faults.Fault(faults.lost)])
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
    with pytest.raises(LinkError, match=r"stopped answering|did not answer"):
        session.infer([b"x"])
