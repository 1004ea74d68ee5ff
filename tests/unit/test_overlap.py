"""Neither the line nor the device waits for the other, in time that passes only in the test."""

import hashlib
from dataclasses import dataclass

import pytest

from host.device import exchange
from host.device.session import Session
from tests.fixtures.fakes import FakeDevice, hello_values
from tests.line.computing import PORT_115200, ComputingLink


@dataclass
class Clock:
    """Goes on only where somebody sleeps."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(exchange, "time", clock)
    return clock


SAMPLES = 200


def classify(data: bytes) -> bytes:
    """A dozen bytes of output, as a classifier has."""
    return hashlib.sha256(data).digest()[:12]


def wall(clock: Clock, size: int, seconds: float, window: int) -> float:
    """Seconds that all samples take; each is answered with its own input, and nothing is lost."""
    device = FakeDevice(hello_values(receive_window=window), compute=classify)
    link = ComputingLink(device, seconds, clock=clock)
    session = Session(link)
    session.hello(10.0)
    inputs = [bytes((index + i) % 255 + 1 for i in range(size)) for index in range(SAMPLES)]
    begin = clock.now
    answers = session.infer(inputs)
    assert [answer.output for answer in answers] == [classify(data) for data in inputs]
    assert link.lost == 0 and session.statistics().retries == 0
    return clock.now - begin


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize(("size", "window"), [(490, 1023), (490, 4096), (3072, 4096)])
def test_a_run_takes_no_longer_than_the_slower_of_both(
    clock: Clock, size: int, window: int, share: float
) -> None:
    transfer = size / PORT_115200
    took = wall(clock, size, share * transfer, window)
    assert took <= 1.05 * SAMPLES * max(transfer, share * transfer)


def test_a_receive_buffer_smaller_than_a_request_still_helps(clock: Clock) -> None:
    transfer = 490 / PORT_115200
    took = wall(clock, 490, transfer, 256)
    # Half of the next request comes while the device computes, the other half only then.
    assert took < 1.7 * SAMPLES * transfer  # without, more than 2
