"""A link in the test's own process with a bad line, or a slow one, in the middle of it."""

import math
import time
from collections import Counter
from typing import Protocol

from host.base.errors import LinkError
from host.device.link import Link
from tests.line.direction import Direction
from tests.line.faults import Event

BOOT = b"\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
ABSENCE = 0.2  # seconds that a port takes to come back
_PAUSE = 0.005


class Power(Protocol):
    """A device that can be switched."""

    def start(self) -> Link: ...

    def stop(self) -> None: ...


class FaultyLink:
    """Carries bytes between a host and the link to a device, each way through its ``Direction``.

    Args:
        inner: the link to the device.
        power: switches the device, for the faults that need it.
    """

    def __init__(
        self,
        inner: Link,
        to_device: Direction | None = None,
        to_host: Direction | None = None,
        power: Power | None = None,
    ) -> None:
        self.to_device = to_device or Direction()
        self.to_host = to_host or Direction()
        self._inner: Link | None = inner
        self._power = power
        self._leaving = b""
        self._back = -math.inf  # when the port is there again
        self._gone = False

    @property
    def counts(self) -> Counter[str]:
        return injected(self.to_device, self.to_host)

    def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
        taken = 0
        while True:
            if self._gone:
                raise LinkError("the port is gone")
            now = time.monotonic()
            fitting = outgoing[taken:][: self.to_device.room]
            self.to_device.put(fitting, now)
            taken += len(fitting)
            self._let_through(now)
            arrived, event = self.to_host.take(now)
            if event is not None:
                self._happen(event)
            elif arrived or taken or now >= deadline:
                # One look at the device, without waiting: it is never kept from being read.
                self._exchange(now)
                return taken, arrived
            else:
                self._exchange(min(deadline, self.to_device.due(), self.to_host.due()))

    def restore(self, deadline: float) -> None:
        time.sleep(max(0.0, min(self._back, deadline) - time.monotonic()))
        if time.monotonic() < self._back:
            raise LinkError("the port is still gone")
        # What the device said meanwhile nobody heard.
        while self._gone and self._inner and self._inner.transfer(b"", time.monotonic())[1]:
            pass
        self._gone = False

    def close(self) -> None:
        if self._inner is not None:
            self._inner.close()

    def _let_through(self, now: float) -> None:
        while not self._leaving and not self._gone:
            self._leaving, event = self.to_device.take(now)
            if event is None:
                return
            self._happen(event)

    def _exchange(self, deadline: float) -> None:
        """Exchange bytes with the device until something went or came, or until then."""
        if self._inner is None or not self.to_host.room:
            if self._inner is None:
                self._leaving = b""
            # Short enough for whoever takes from the full end.
            time.sleep(max(0.0, min(_PAUSE, deadline - time.monotonic())))
            return
        sent, data = self._inner.transfer(self._leaving, deadline)
        self._leaving = self._leaving[sent:]
        self.to_host.put(data, time.monotonic())

    def _happen(self, event: Event) -> None:
        self.to_host.clear()
        if event is Event.VANISHED:
            self.to_device.clear()
            self._leaving = b""
            self._back = time.monotonic() + ABSENCE
            self._gone = True
            return
        assert self._power is not None, "nobody can switch the device"
        self._leaving = b""
        if event is Event.RESET:
            self._inner = self._power.start()
            self.to_host.insert(BOOT, time.monotonic())
        else:
            self._power.stop()
            self._inner = None


def injected(*directions: Direction) -> Counter[str]:
    """Faults that directions have seen, by name."""
    return sum((way.counts for way in (d.way for d in directions) if way), Counter())
