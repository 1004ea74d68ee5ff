"""The nRF52840's registers behave as the product specification says."""

from collections.abc import Iterable

from host.targets.nrf52840_registers import Clock, Plain, Uart, Uicr


class Line:
    """What the far end of the serial line has to say, and what it heard."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.waits: list[bool] = []
        self.heard = b""

    def receive(self, wait: bool) -> bytes:
        self.waits.append(wait)
        return self.pieces.pop(0) if self.pieces else b""

    def send(self, data: bytes) -> None:
        self.heard += data


def started(*pieces: bytes) -> tuple[Line, Uart]:
    line = Line(*pieces)
    uart = Uart(line.receive, line.send)
    uart.write(Uart.ENABLE, Uart.ENABLED)
    uart.write(Uart.TASKS_STARTTX, 1)
    uart.write(Uart.TASKS_STARTRX, 1)
    return line, uart


def take(uart: Uart) -> Iterable[int]:
    """What the firmware reads until there is nothing more."""
    while uart.read(Uart.EVENTS_RXDRDY):
        uart.write(Uart.EVENTS_RXDRDY, 0)
        yield uart.read(Uart.RXD)


def test_bytes_arrive_in_order_and_an_event_announces_each() -> None:
    assert bytes(take(started(b"abc", b"\x00\xff")[1])) == b"abc\x00\xff"


def test_an_event_that_is_cleared_after_the_read_is_lost() -> None:
    _, uart = started(b"abc")
    assert uart.read(Uart.EVENTS_RXDRDY) == 1
    assert uart.read(Uart.RXD) == ord("a")
    uart.write(Uart.EVENTS_RXDRDY, 0)
    assert uart.read(Uart.EVENTS_RXDRDY) == 0
    assert uart.read(Uart.RXD) == ord("b"), "the byte itself is there"


def test_a_byte_sent_is_heard_when_the_firmware_listens_again() -> None:
    line, uart = started()
    for byte in b"\x00hi":
        uart.write(Uart.EVENTS_TXDRDY, 0)
        uart.write(Uart.TXD, byte)
        assert uart.read(Uart.EVENTS_TXDRDY) == 1
    assert uart.read(Uart.EVENTS_RXDRDY) == 0
    assert line.heard == b"\x00hi"


def test_much_output_is_sent_before_the_firmware_listens() -> None:
    line, uart = started()
    for _ in range(5000):
        uart.write(Uart.TXD, 7)
    assert 4000 < len(line.heard) <= 5000


def test_the_uart_does_nothing_before_it_is_enabled_and_started() -> None:
    line = Line(b"abc")
    uart = Uart(line.receive, line.send)
    uart.write(Uart.TASKS_STARTRX, 1)
    uart.write(Uart.TASKS_STARTTX, 1)
    uart.write(Uart.TXD, 1)
    assert uart.read(Uart.EVENTS_RXDRDY) == 0
    assert uart.read(Uart.EVENTS_TXDRDY) == 0
    assert line.waits == [] and line.heard == b""


def test_a_stopped_receiver_hears_nothing() -> None:
    _, uart = started(b"abc")
    uart.write(Uart.TASKS_STOPRX, 1)
    assert uart.read(Uart.EVENTS_RXDRDY) == 0


def test_the_emulator_sleeps_only_where_the_firmware_does_nothing_but_ask() -> None:
    line, uart = started()
    for _ in range(20):
        uart.read(Uart.EVENTS_RXDRDY)
    assert line.waits[:2] == [False, False], "one poll is a question, not a wait"
    assert line.waits[-1] is True


def test_the_crystal_starts() -> None:
    clock = Clock()
    clock.write(Clock.EVENTS_HFCLKSTARTED, 0)
    assert clock.read(Clock.EVENTS_HFCLKSTARTED) == 0
    clock.write(Clock.TASKS_HFCLKSTART, 1)
    assert clock.read(Clock.EVENTS_HFCLKSTARTED) == 1


def test_the_mark_of_an_emulator_and_its_counter() -> None:
    uicr = Uicr(lambda: (1 << 32) + 5)
    words = [uicr.read(Uicr.CUSTOMER + 4 * i) for i in range(4)]
    assert b"".join(word.to_bytes(4, "little") for word in words[:2]) == b"EMULATOR"
    assert words[2:] == [5, 0xFFFFFFFF]
    assert uicr.read(0x200) == 0xFFFFFFFF


def test_other_registers_keep_what_is_written() -> None:
    plain = Plain({0xD00: 1})
    plain.write(4, 9)
    assert (plain.read(0xD00), plain.read(4), plain.read(8)) == (1, 9, 0)
