"""The registers of the nRF52840 that the firmware touches, without an emulator around them.

Sections are those of the nRF52840 Product Specification, v1.1. A block of registers is a page of
4 kB with ``read(offset)`` and ``write(offset, value)``. What is not modelled is not there, and an
access to it ends the run as a fault, so that nothing passes here that would fail on a chip.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

PAGE = 0x1000
UICR = 0x10001000


class Registers(Protocol):
    """One page of registers, each 32 bits wide."""

    def read(self, offset: int) -> int:
        """What the processor reads."""

    def write(self, offset: int, value: int) -> None:
        """What happens when the processor writes."""


class Plain:
    """Registers that hold what was written and do nothing: GPIO, NVMC, the system's control."""

    def __init__(self, values: dict[int, int] | None = None) -> None:
        self._values = dict(values or {})

    def read(self, offset: int) -> int:
        """See ``Registers``."""
        return self._values.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """See ``Registers``."""
        self._values[offset] = value


class Clock(Plain):
    """CLOCK (5.4): the oscillator that is started runs at once."""

    TASKS_HFCLKSTART = 0x000
    EVENTS_HFCLKSTARTED = 0x100

    def write(self, offset: int, value: int) -> None:
        """See ``Registers``."""
        if offset == self.TASKS_HFCLKSTART:
            offset, value = self.EVENTS_HFCLKSTARTED, value & 1
        super().write(offset, value)


class Uart(Plain):
    """UART (6.33), the legacy one, without flow control and without a loss.

    Bytes wait on the host's side until the firmware asks for them, so the receiver's FIFO cannot
    overrun. A firmware that asks again and again, and for nothing else, sleeps in ``receive``.

    Args:
        receive: gives the bytes that came on the line; where it is told to wait, at least one.
        send: puts bytes on the line.
    """

    TASKS_STARTRX = 0x000
    TASKS_STOPRX = 0x004
    TASKS_STARTTX = 0x008
    TASKS_STOPTX = 0x00C
    EVENTS_RXDRDY = 0x108
    EVENTS_TXDRDY = 0x11C
    ENABLE = 0x500
    RXD = 0x518
    TXD = 0x51C
    ENABLED = 4
    _SEND_AT = 4096
    _IDLE_AT = 16

    def __init__(self, receive: Callable[[bool], bytes], send: Callable[[bytes], None]) -> None:
        super().__init__()
        self._receive = receive
        self._send = send
        self._incoming: deque[int] = deque()
        self._outgoing = bytearray()
        self._empty_polls = 0
        self._receiving = False
        self._sending = False

    def read(self, offset: int) -> int:
        """See ``Registers``."""
        if offset == self.EVENTS_RXDRDY:
            return self._poll()
        if offset == self.RXD:
            return self._take()
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """See ``Registers``."""
        on = self.read(self.ENABLE) == self.ENABLED
        if offset == self.TXD:
            if on and self._sending:
                self._outgoing.append(value & 0xFF)
                super().write(self.EVENTS_TXDRDY, 1)
                if len(self._outgoing) >= self._SEND_AT:
                    self._flush()
        elif offset in (self.TASKS_STARTRX, self.TASKS_STOPRX):
            self._receiving = on and offset == self.TASKS_STARTRX
        elif offset in (self.TASKS_STARTTX, self.TASKS_STOPTX):
            self._sending = on and offset == self.TASKS_STARTTX
        else:
            super().write(offset, value)

    def _poll(self) -> int:
        if not self._receiving or super().read(self.EVENTS_RXDRDY):
            return super().read(self.EVENTS_RXDRDY)
        if self._incoming:
            return 0  # RXD holds a byte whose event was cleared: none comes before it is read
        self._flush()
        self._empty_polls += 1
        self._incoming.extend(self._receive(self._empty_polls > self._IDLE_AT))
        if not self._incoming:
            return 0
        self._empty_polls = 0
        super().write(self.EVENTS_RXDRDY, 1)
        return 1

    def _take(self) -> int:
        """The oldest byte; the next one moves up and raises the event again (6.33.5)."""
        if not self._incoming:
            return 0
        byte = self._incoming.popleft()
        if self._incoming:
            super().write(self.EVENTS_RXDRDY, 1)
        return byte

    def _flush(self) -> None:
        if self._outgoing:
            self._send(bytes(self._outgoing))
            self._outgoing.clear()


class Uicr(Plain):
    """UICR (4.5) of an erased chip, but for the mark of an emulator and its counter.

    ``firmware/boards/nrf52840/board.cc`` looks for the mark in CUSTOMER[0] and [1]; CUSTOMER[2]
    then counts executed instructions. This is the one thing here that no chip has.
    """

    MARK = (0x4C554D45, 0x524F5441)  # "EMULATOR"
    CUSTOMER = 0x080

    def __init__(self, instructions: Callable[[], int]) -> None:
        super().__init__()
        self._instructions = instructions

    def read(self, offset: int) -> int:
        """See ``Registers``."""
        index = (offset - self.CUSTOMER) // 4
        if index in (0, 1):
            return self.MARK[index]
        return self._instructions() & 0xFFFFFFFF if index == 2 else 0xFFFFFFFF
