"""The client of the device: handshake, window, retry, and what it does when the line is bad."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.errors import DeviceError, LinkError, SizeError, StaleImageError
from host.session import Session
from host.wire.frames import Frame, encode
from host.wire.spec import InferMode, MessageType, Status
from tests.fakes import (
    FakeDevice,
    FakeLink,
    Fault,
    Nth,
    compute,
    doubled,
    flipped,
    healthy,
    hello_values,
    lost,
    noisy,
)

INPUTS = [bytes([index, 1, 0, 255]) for index in range(40)]


def connect(link: FakeLink, timeout: float = 0.05, retries: int = 3) -> Session:
    session = Session(link, timeout=timeout, retries=retries)
    session.hello(2.0)
    return session


def test_answers_come_in_the_order_of_the_inputs() -> None:
    seen: list[int] = []
    session = connect(FakeLink(FakeDevice()))
    answers = session.infer(INPUTS, progress=seen.append)
    assert [answer.output for answer in answers] == [compute(data) for data in INPUTS]
    assert [answer.ticks for answer in answers] == [1000 + index for index in range(40)]
    assert seen == list(range(1, 41))
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
def test_a_fault_costs_no_tensor(fault: Fault, to_device: bool) -> None:
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
def test_a_fault_on_some_frames_costs_no_sample(fault: Fault, to_device: bool) -> None:
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
    requests: set[int], replies: set[int], fault: Fault
) -> None:
    link = FakeLink(FakeDevice(), Nth(requests, fault), Nth(replies, lost))
    session = connect(link, timeout=0.01, retries=80)
    answers = session.infer(INPUTS)
    assert [answer.sample for answer in answers] == list(range(40))
    assert [answer.output for answer in answers] == [compute(data) for data in INPUTS]


@given(window=st.integers(1, 400), size=st.integers(1, 100))
def test_no_more_is_in_flight_than_the_device_can_take(window: int, size: int) -> None:
    flying: list[int] = []

    class Watching(FakeLink):
        def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
            flying.append(len(outgoing))  # all of it is answered in this call
            return super().transfer(outgoing, deadline)

    link = Watching(FakeDevice(hello_values(receive_window=window)))
    session = connect(link)
    frame = len(encode(Frame(MessageType.INFER, 1, bytes(5) + b"x" * size)))
    session.infer([b"x" * size] * 10)
    assert max(flying) <= max(window, frame)


def test_a_silent_device_is_given_up() -> None:
    with pytest.raises(LinkError, match="did not answer HELLO"):
        Session(FakeLink(FakeDevice(), to_device=lost)).hello(0.1)


def test_a_device_that_stops_answering_is_given_up() -> None:
    link = FakeLink(FakeDevice(), to_device=Nth(range(5, 1000), lost))
    with pytest.raises(LinkError, match="stopped answering: sample 4 was sent 3 times"):
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
