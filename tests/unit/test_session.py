"""The client of the device: handshake, window, retry, and what it does when the line is bad."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.base.errors import (
    DeviceError,
    LinkError,
    OperatorError,
    RestartError,
    SizeError,
    StaleImageError,
)
from host.device.session import Answer, Session
from host.device.wire.frames import Frame, encode
from host.device.wire.spec import InferMode, MessageType, Status
from tests.fixtures.fakes import FakeDevice, FakeLink, compute, healthy, hello_values
from tests.line.faults import Change, Nth, doubled, flipped, lost, noisy

INPUTS = [bytes([index, 1, 0, 255]) for index in range(40)]


def connect(link: FakeLink, timeout: float = 0.05, retries: int = 3) -> Session:
    session = Session(link, timeout=timeout, retries=retries)
    session.hello(2.0)
    return session


def test_another_number_of_operators_than_it_has_is_refused() -> None:
    session = connect(FakeLink(FakeDevice(trace=lambda data: [data] * 3)))
    with pytest.raises(DeviceError, match=r"reported on 3 outputs .*; 2 were wanted"):
        session.infer(INPUTS[:1], InferMode.CRCS)


def test_answers_come_in_the_order_of_the_inputs() -> None:
    seen: list[int] = []
    session = connect(FakeLink(FakeDevice()))
    answers = session.infer(INPUTS, answered=lambda answer: seen.append(answer.sample))
    assert [answer.output for answer in answers] == [compute(data) for data in INPUTS]
    assert [answer.ticks for answer in answers] == [1000 + index for index in range(40)]
    assert seen == list(range(40))
    assert session.statistics().retries == 0


def test_the_device_reports_on_operators_when_asked() -> None:
    session = connect(FakeLink(FakeDevice()))
    assert session.infer(INPUTS[:1])[0].detail == ()
    assert session.infer(INPUTS[:1], InferMode.TICKS)[0].detail == (10, 20)


def test_any_output_of_an_operator_is_given() -> None:
    session = connect(FakeLink(FakeDevice()))
    assert session.tensor(7, INPUTS[3], 0) == INPUTS[3]
    assert session.tensor(7, INPUTS[3], 1) == compute(INPUTS[3])
    with pytest.raises(DeviceError, match=r"output 2 .* sample 7: .* no operator output"):
        session.tensor(7, INPUTS[3], 2)


@pytest.mark.parametrize("fault", [lost, flipped, doubled, noisy])
@pytest.mark.parametrize("to_device", [True, False])
def test_a_fault_costs_no_tensor(fault: Change, to_device: bool) -> None:
    hit = Nth([1], fault)  # frame 0 is HELLO
    link = FakeLink(FakeDevice(), hit if to_device else healthy, healthy if to_device else hit)
    assert connect(link).tensor(0, INPUTS[5], 1) == compute(INPUTS[5])


def test_an_answer_that_takes_longer_than_the_timeout_is_waited_for() -> None:
    data = bytes(range(1, 200)) * 50

    class Slow(FakeLink):
        def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
            self.waiting += super().transfer(outgoing, deadline)[1]
            piece, self.waiting = self.waiting[:500], self.waiting[500:]
            time.sleep(0.01)
            return len(outgoing), piece

        waiting = b""

    device = FakeDevice(trace=lambda _: [data])
    session = connect(Slow(device), timeout=0.05, retries=0)
    assert session.tensor(0, b"", 0) == data  # takes 0.2 s
    assert device.inferences == 1


def test_hello_is_asked_until_it_is_answered() -> None:
    link = FakeLink(FakeDevice(), to_device=Nth([0, 1], lost))
    info = Session(link, timeout=1.0).hello(5.0)
    assert (info.board, info.tick_scale, info.outputs[0].shape) == ("fake", 0.625, (1, 4))


@pytest.mark.parametrize("fault", [lost, flipped, doubled, noisy])
@pytest.mark.parametrize("to_device", [True, False])
def test_a_fault_on_some_frames_costs_no_sample(fault: Change, to_device: bool) -> None:
    hit = Nth([3, 4, 17, 40], fault)  # frame 0 is HELLO, 40 the last sample
    link = FakeLink(FakeDevice(), hit if to_device else healthy, healthy if to_device else hit)
    session = connect(link)
    answers = session.infer(INPUTS)
    assert [answer.output for answer in answers] == [compute(data) for data in INPUTS]
    if fault in (lost, flipped):
        assert session.statistics().retries > 0


@settings(max_examples=60)
@given(
    requests=st.sets(st.integers(1, 60)),
    replies=st.sets(st.integers(1, 60)),
    fault=st.sampled_from([lost, flipped, doubled, noisy]),
)
def test_every_sample_is_answered_once_with_its_own_input(
    requests: set[int], replies: set[int], fault: Change
) -> None:
    link = FakeLink(FakeDevice(), Nth(requests, fault), Nth(replies, lost))
    session = connect(link, timeout=0.01, retries=80)
    answers = session.infer(INPUTS)
    assert [answer.sample for answer in answers] == list(range(40))
    assert [answer.output for answer in answers] == [compute(data) for data in INPUTS]


class BusyLink(FakeLink):
    """To a device that reads nothing while it computes, which it does until the host only waits.

    ``highest`` is how full its receive buffer was.
    """

    def __init__(self, device: FakeDevice) -> None:
        super().__init__(device)
        self.buffer = b""
        self.highest = 0
        self.answer = b""  # of what it computes; empty while it is idle

    def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
        answer = b""
        if not outgoing:
            answer, self.answer = self.answer, b""
        self.buffer += outgoing
        while self.buffer and not self.answer:
            byte, self.buffer = self.buffer[:1], self.buffer[1:]
            self.answer = b"".join(self.device.receive(byte))
        self.highest = max(self.highest, len(self.buffer))
        return len(outgoing), answer


@given(window=st.integers(1, 400), size=st.integers(1, 100))
def test_the_receive_window_is_filled_and_not_more(window: int, size: int) -> None:
    link = BusyLink(FakeDevice(hello_values(receive_window=window)))
    session = connect(link, timeout=5)
    inputs = [bytes([index]) * size for index in range(1, 31)]
    answers = session.infer(inputs)
    assert [answer.output for answer in answers] == [compute(data) for data in inputs]
    frame = len(encode(Frame(MessageType.INFER, 1, bytes(5) + inputs[0])))
    # The request that is computed has left the buffer.
    assert link.highest == min(window, 29 * frame - 1)


@pytest.mark.parametrize("lost_in_a_row", [1, 16, 17, 30])
@pytest.mark.parametrize("window", [6, 100, 256])
def test_a_full_window_that_is_lost_is_asked_again(window: int, lost_in_a_row: int) -> None:
    device = FakeDevice(hello_values(receive_window=window))
    link = FakeLink(device, to_host=Nth(range(1, 1 + lost_in_a_row), lost))
    answers = connect(link, timeout=0.01, retries=80).infer(INPUTS)
    assert [answer.output for answer in answers] == [compute(data) for data in INPUTS]


def test_a_silent_device_is_given_up() -> None:
    with pytest.raises(LinkError, match="did not answer HELLO"):
        Session(FakeLink(FakeDevice(), to_device=lost)).hello(0.1)


def test_a_device_that_stops_answering_is_given_up() -> None:
    link = FakeLink(FakeDevice(), to_device=Nth(range(5, 1000), lost))
    with pytest.raises(
        LinkError, match=r"stopped answering: for 0\.15 s .* sample 4, which was sent 2"
    ):
        connect(link, retries=2).infer(INPUTS)


def test_a_device_that_talks_nonsense_is_named_so() -> None:
    link = FakeLink(FakeDevice(), to_host=lambda frame: b"$GPGGA,123519,4807.038,N\r\n")
    with pytest.raises(LinkError, match="answered nonsense") as caught:
        Session(link).hello(0.1)
    assert "GPGGA" in caught.value.message


def test_another_protocol_is_refused() -> None:
    for change in ({"protocol_hash": bytes(8)}, {"protocol_version": 99}):
        with pytest.raises(StaleImageError, match="speaks protocol") as caught:
            connect(FakeLink(FakeDevice(hello_values(**change))))
        assert "Rebuild and flash" in caught.value.hint


def test_a_model_that_is_not_ready_is_refused() -> None:
    device = FakeDevice(hello_values(status=Status.ARENA_TOO_SMALL))
    with pytest.raises(SizeError, match="arena of 1,024 B is too small"):
        connect(FakeLink(device))
    device = FakeDevice(hello_values(status=Status.MODEL_UNFIT))
    with pytest.raises(OperatorError, match="the engine on the device refuses the model"):
        connect(FakeLink(device))


@pytest.mark.parametrize(
    ("status", "words"),
    [(Status.ENGINE_FAILED, "its engine failed"), (Status.BAD_LENGTH, "wrong length")],
)
def test_a_refusal_is_an_error_that_names_the_sample(status: Status, words: str) -> None:
    with pytest.raises(DeviceError, match=f"refused sample 0: .*{words}"):
        connect(FakeLink(FakeDevice(status=status))).infer(INPUTS)


def test_hello_that_makes_no_sense_is_refused() -> None:
    class Short(FakeDevice):
        def receive(self, data: bytes):  # type: ignore[no-untyped-def]
            yield encode(Frame(MessageType.HELLO_REPLY, 1, b"\1\0" + bytes(8)))

    with pytest.raises(StaleImageError):
        connect(FakeLink(Short()))


def test_text_from_the_device_is_kept() -> None:
    class Chatty(FakeDevice):
        def receive(self, data: bytes):  # type: ignore[no-untyped-def]
            yield encode(Frame(MessageType.LOG, 0, b"ready"))
            yield from super().receive(data)

    session = connect(FakeLink(Chatty()))
    assert session.log == ("ready",)


STARTED = encode(Frame(MessageType.STARTED, 0, b""))
OTHER = bytes.fromhex("cd" * 32)


class ResettingLink(FakeLink):
    """To a device that restarts instead of answering the requests of the given numbers.

    ``tells`` says whether the frame that tells of it arrives, ``then`` is its HELLO afterwards.
    """

    def __init__(self, numbers: set[int], *, tells: bool = True, **then: object) -> None:
        super().__init__(FakeDevice(), to_device=self._reset)
        self._numbers = numbers
        self._tells = tells
        self._then = then
        self._count = -1
        self.resets = 0

    def _reset(self, frame: bytes) -> bytes:
        self._count += 1
        hello = len(frame) < 12
        if self._count not in self._numbers or (hello and self._count):
            return frame
        self.device.hello = hello_values(**self._then)
        self.resets += 1
        self._arriving += b"ROM boot" + (STARTED if self._tells else b"")
        return b""


def test_a_device_that_restarts_loses_no_sample() -> None:
    link = ResettingLink({3, 25, 50})
    session = connect(link, timeout=5)
    begin = time.monotonic()
    answers = session.infer(INPUTS)
    assert [answer.output for answer in answers] == [compute(data) for data in INPUTS]
    assert session.statistics().resets == link.resets == 3
    assert time.monotonic() - begin < 2  # no timeout was waited for


@pytest.mark.parametrize("tells", [True, False])
def test_a_device_that_restarts_with_another_model_is_refused(tells: bool) -> None:
    session = connect(ResettingLink({17}, tells=tells, model_digest=OTHER))
    answers: list[Answer] = []
    with pytest.raises(StaleImageError, match=r"model abab.*, it is .* with cdcd"):
        session.infer(INPUTS, answered=answers.append)
    assert all(answer.sample < 17 for answer in answers)


def test_a_device_that_only_restarts_is_given_up() -> None:
    link = ResettingLink(set(range(6, 1000)))
    session = connect(link)
    with pytest.raises(RestartError, match="restarted while it was asked for sample 5"):
        session.infer(INPUTS)


class BreakingLink(FakeLink):
    """A link that breaks after so many frames, again and again, and can be restored ``times``."""

    def __init__(self, frames: int, times: int, **then: object) -> None:
        super().__init__(FakeDevice())
        self._frames = frames
        self._times = times
        self._then = then

    def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
        if self.device.inferences >= self._frames:
            self.closed = True
        return super().transfer(outgoing, deadline)

    def restore(self, deadline: float) -> None:
        if not self._times:
            raise LinkError("it has not come back")
        self._times -= 1
        self._frames += 10
        self.device.hello = hello_values(**self._then)
        self.closed = False


def test_a_link_that_breaks_and_comes_back_loses_no_sample() -> None:
    session = connect(BreakingLink(5, times=9))
    answered: list[int] = []
    answers = session.infer(INPUTS, answered=lambda answer: answered.append(answer.sample))
    assert [answer.output for answer in answers] == [compute(data) for data in INPUTS]
    assert sorted(answered) == list(range(40))
    assert session.statistics().reconnects >= 3


def test_a_link_that_does_not_come_back_is_named() -> None:
    with pytest.raises(LinkError, match="closed; it has not come back"):
        connect(BreakingLink(5, times=1)).infer(INPUTS)


def test_a_link_that_comes_back_with_another_device_is_refused() -> None:
    with pytest.raises(StaleImageError, match="is not what it was"):
        connect(BreakingLink(5, times=1, board="another")).infer(INPUTS)


def test_a_run_that_is_cancelled_ends_soon() -> None:
    cancelled = threading.Event()
    session = Session(FakeLink(FakeDevice(), Nth(range(5, 99), lost)), cancelled=cancelled)
    session.hello(2.0)
    threading.Timer(0.1, cancelled.set).start()
    begin = time.monotonic()
    with pytest.raises(LinkError, match="cancelled"):
        session.infer(INPUTS)
    assert time.monotonic() - begin < 2
