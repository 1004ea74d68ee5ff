"""What lines do to frames: one vocabulary for fakes, links in a test, and the process between.

A fault is a change and a place. The change is a function of a frame, as it goes over the line with
its two delimiters, and of that place, a number that chooses where in the frame or how much. A plan
says which frames of one direction meet which fault, and ``Way`` carries them.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from host.device.wire.frames import Decoder, Frame, encode
from host.device.wire.spec import MessageType

PACKET = 64  # bytes that USB loses at once
FOREIGN = b"I (312) wifi: connected, Guru meditation averted\r\n"


class Event(Enum):
    """What happens to more than bytes. Whoever has the line makes it happen."""

    RESET = "reset"  # the device starts anew
    VANISHED = "vanished"  # the port goes, and comes back under another name
    KILLED = "killed"  # the device ends for good


class Piece(NamedTuple):
    """Bytes that arrive together.

    Attributes:
        wait: seconds that they, and all behind them, come later than they could.
        late: they come after the next frame.
        event: happens when its turn has come, after all bytes in front of it.
    """

    data: bytes
    wait: float = 0.0
    late: bool = False
    event: Event | None = None


Change = Callable[[bytes, int], "bytes | Sequence[Piece]"]


def flipped(frame: bytes, place: int = 0) -> bytes:
    """One bit arrives wrong."""
    at = place % len(frame)
    return frame[:at] + bytes([frame[at] ^ 1 << place % 8]) + frame[at + 1 :]


def dropped(frame: bytes, place: int = 0) -> bytes:
    """One byte is missing."""
    at = place % len(frame)
    return frame[:at] + frame[at + 1 :]


def gapped(frame: bytes, place: int = 0) -> bytes:
    """A packet of 64 bytes is missing."""
    at = place % len(frame) // PACKET * PACKET
    return frame[:at] + frame[at + PACKET :]


def lost(frame: bytes, place: int = 0) -> bytes:
    """Nothing arrives."""
    return b""


def doubled(frame: bytes, place: int = 0) -> bytes:
    """The frame arrives twice."""
    return frame + frame


def swapped(frame: bytes, place: int = 0) -> bytes:
    """Its halves change places, as reads do when two threads share a port."""
    at = place % len(frame)
    return frame[at:] + frame[:at]


def noisy(frame: bytes, place: int = 0) -> bytes:
    """Bytes of any value arrive before the frame."""
    return bytes(7 * (place + i) % 256 for i in range(place % 400)) + frame


def chatty(frame: bytes, place: int = 0) -> bytes:
    """Text that is no LOG arrives before the frame, printed by code that knows no frames."""
    return FOREIGN + frame


def interleaved(frame: bytes, place: int = 0) -> bytes:
    """The same, in the middle of the frame."""
    at = place % len(frame)
    return frame[:at] + FOREIGN + frame[at:]


def logged(frame: bytes, place: int = 0) -> bytes:
    """A LOG arrives before the frame; no fault, but it answers nothing."""
    return encode(Frame(MessageType.LOG, 0, b"tick")) + frame


def misread(frame: bytes, place: int = 0) -> bytes:
    """The last byte of a request's input is spoiled in the device's memory: the CRC is right."""
    whole = Decoder().feed(frame)
    if len(whole) != 1 or not isinstance(whole[0], Frame) or not whole[0].payload:
        return frame
    kind, sequence, payload = whole[0].type, whole[0].sequence, whole[0].payload
    return encode(Frame(kind, sequence, payload[:-1] + bytes([payload[-1] ^ 1])))


def late(frame: bytes, place: int) -> Sequence[Piece]:
    """The frame arrives after the next one."""
    return [Piece(frame, late=True)]


def torn(frame: bytes, place: int) -> Sequence[Piece]:
    """The frame's end arrives after the next one: two reads that changed places."""
    at = place % len(frame)
    return [Piece(frame[:at]), Piece(frame[at:], late=True)]


def crumbled(frame: bytes, place: int) -> Sequence[Piece]:
    """The frame arrives in pieces of a few bytes, a millisecond apart."""
    size = 1 + place % 5
    pieces = [frame[at : at + size] for at in range(0, len(frame), size)]
    return [Piece(piece, wait=0.001 * (1 + n)) for n, piece in enumerate(pieces[:50])] + [
        Piece(b"".join(pieces[50:]))
    ]


def gathered(frame: bytes, place: int) -> Sequence[Piece]:
    """The frame waits for up to 50 ms, and arrives in one read with those behind it."""
    return [Piece(frame, wait=0.001 * (1 + place % 50))]


def stalled(frame: bytes, place: int) -> Sequence[Piece]:
    """The line stands still for one to three seconds."""
    return [Piece(frame, wait=1.0 + 0.001 * (place % 2000))]


def _amid(event: Event, frame: bytes, place: int) -> Sequence[Piece]:
    at = place % len(frame)
    return [Piece(frame[:at]), Piece(b"", event=event), Piece(frame[at:])]


def reset(frame: bytes, place: int) -> Sequence[Piece]:
    """The device resets, and prints its boot text."""
    return _amid(Event.RESET, frame, place)


def vanished(frame: bytes, place: int) -> Sequence[Piece]:
    """The port vanishes, and comes back under another name."""
    return _amid(Event.VANISHED, frame, place)


def killed(frame: bytes, place: int) -> Sequence[Piece]:
    """The device ends for good; the port stays and is silent."""
    return _amid(Event.KILLED, frame, place)


BYTES: tuple[Change, ...] = (
    *(flipped, dropped, gapped, lost, doubled, swapped),
    *(noisy, chatty, interleaved, logged),
)
ORDER: tuple[Change, ...] = (late, torn)
TIME: tuple[Change, ...] = (crumbled, gathered, stalled)
LINE: tuple[Change, ...] = (reset, vanished, killed)
CHANGES = {change.__name__: change for change in (*BYTES, misread, *ORDER, *TIME, *LINE)}


class Fault(NamedTuple):
    """What happens to one frame."""

    change: Change
    place: int = 0


# Asked once for each frame, in order.
Plan = Callable[[bytes], Fault | None]


def clean(frame: bytes) -> Fault | None:
    return None


def in_turn(faults: Iterable[Fault | None]) -> Plan:
    """One after the other, a frame each."""
    rest = iter(faults)
    return lambda frame: next(rest, None)


def at(numbers: Iterable[int], change: Change, seed: int = 0) -> Plan:
    """The frames of these numbers, counted from 0."""
    wanted, draw, count = set(numbers), random.Random(seed), iter(range(1 << 62))
    return lambda frame: Fault(change, draw.randrange(1 << 16)) if next(count) in wanted else None


def often(rate: float, *changes: Change, seed: int = 0, per_byte: bool = False) -> Plan:
    """A share of all frames, or of all bytes, at random."""
    draw = random.Random(seed)

    def plan(frame: bytes) -> Fault | None:
        hit = draw.random() < (1 - (1 - rate) ** len(frame) if per_byte else rate)
        return Fault(draw.choice(changes), draw.randrange(1 << 16)) if hit else None

    return plan


def either(*plans: Plan) -> Plan:
    """The first that has a fault for the frame."""

    def plan(frame: bytes) -> Fault | None:
        drawn = [one(frame) for one in plans]  # all of them: they count
        return next((fault for fault in drawn if fault), None)

    return plan


def parse(text: str, seed: int = 0) -> Plan:
    """A plan in words, separated by blanks.

    ``flipped@3,17`` hits the frames of these numbers, ``lost~0.01`` that share of frames,
    ``dropped~0.001/byte`` that share of bytes.

    Raises:
        ValueError: it is none.
    """
    plans = []
    for number, word in enumerate(text.split()):
        name, mark, rest = word.partition("@") if "@" in word else word.partition("~")
        if name not in CHANGES or not rest:
            raise ValueError(f"{word!r} is no fault; the names are {', '.join(CHANGES)}")
        change, own = CHANGES[name], seed * 1000 + number
        if mark == "@":
            plans.append(at(map(int, rest.split(",")), change, own))
        else:
            rate, _, unit = rest.partition("/")
            plans.append(often(float(rate), change, seed=own, per_byte=unit == "byte"))
    return either(*plans)


class Way:
    """One direction of a line, frame by frame."""

    def __init__(self, plan: Plan = clean) -> None:
        self.plan = plan
        self.counts: Counter[str] = Counter()  # faults injected, by name
        self._late: list[Piece] = []

    def pieces(self, frame: bytes) -> list[Piece]:
        """What arrives for a frame, and what is due after it."""
        behind, self._late = self._late, []
        fault = self.plan(frame)
        if fault is None:
            return [Piece(frame), *behind]
        self.counts[fault.change.__name__] += 1
        changed = fault.change(frame, fault.place)
        pieces = [Piece(changed)] if isinstance(changed, bytes) else changed
        self._late = [piece._replace(late=False) for piece in pieces if piece.late]
        return [*(piece for piece in pieces if not piece.late), *behind]

    def __call__(self, frame: bytes) -> bytes:
        """The bytes alone, for lines on which no time passes and nothing else happens."""
        return b"".join(piece.data for piece in self.pieces(frame))


class Nth(Way):
    """Hits the frames with the given numbers, counted from 0."""

    def __init__(self, numbers: Iterable[int], change: Change) -> None:
        super().__init__(at(numbers, change))
