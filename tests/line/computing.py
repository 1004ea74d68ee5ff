"""A fake device that takes its time, at the end of a line that takes its own."""

import math
import time
from collections import deque
from typing import Protocol

from host.base.errors import LinkError
from tests.fixtures.fakes import FakeDevice
from tests.line.direction import Direction

PORT_115200 = 11_520  # bytes per second: ten bits a byte


class Clock(Protocol):
    """What is used of the module ``time``."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...


class ComputingLink:
    """To a device whose receive buffer is filled by interrupts, as a port with a ring buffer does.

    Args:
        device: what it answers; its HELLO states the receive window, and more than that is lost
            while it computes.
        seconds: that an inference takes.
        rate: of the line, bytes per second each way.
        clock: another one than that of this computer.
    """

    def __init__(
        self, device: FakeDevice, seconds: float, rate: float = PORT_115200, clock: Clock = time
    ) -> None:
        self.lost = 0  # bytes for which the receive buffer had no room
        self._device = device
        self._seconds = seconds
        self._clock = clock
        self._to_device = Direction(rate=rate)
        self._to_host = Direction(rate=rate)
        self._buffer: deque[int] = deque()
        self._busy_until = -math.inf
        self._answer = b""  # of what it computes

    def transfer(self, outgoing: bytes, deadline: float) -> tuple[int, bytes]:
        taken = len(outgoing[: self._to_device.room])
        self._to_device.put(outgoing[:taken], self._clock.monotonic())
        while True:
            now = self._clock.monotonic()
            self._receive(now)
            data, _ = self._to_host.take(now)
            if taken or data or now >= deadline:
                return taken, data
            due = [deadline, self._to_device.due(), self._to_host.due()]
            due += [self._busy_until] if self._answer else []
            self._clock.sleep(max(0.0, min(due) - now))

    def restore(self, deadline: float) -> None:
        raise LinkError("it never broke")

    def close(self) -> None: ...

    def _receive(self, now: float) -> None:
        window = self._device.hello["receive_window"]
        arrived, _ = self._to_device.take(now)
        for byte in arrived:
            self._go_on(now)
            if self._answer and len(self._buffer) >= window:
                self.lost += 1
            else:
                self._buffer.append(byte)
        self._go_on(now)

    def _go_on(self, now: float) -> None:
        """Finish what it computes, if it is done by now, and take the next request."""
        while True:
            if self._answer:
                if self._busy_until > now:
                    return
                self._to_host.put(self._answer, self._busy_until)
                self._answer = b""
            if not self._buffer:
                return
            before = self._device.inferences
            answer = b"".join(self._device.receive(bytes([self._buffer.popleft()])))
            if self._device.inferences > before:
                # What waited begins as soon as the one before is done, however late the look.
                begin = self._busy_until if self._buffer else now
                self._busy_until = max(begin, now - self._seconds) + self._seconds
                self._answer = answer
            elif answer:
                self._to_host.put(answer, now)
