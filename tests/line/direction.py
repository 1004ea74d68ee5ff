"""One direction of a line in time: bytes go in, and come out when their time has come.

Nothing here looks at a clock: whoever uses it says what time it is, so that it may be a fake one.
"""

import math
from collections import deque

from tests.line.faults import Event, Piece, Way

# A line at a pace gives bytes so often, not one by one; a byte may be late by as much.
TICK = 0.001
# A receiver that was not looked at for longer than this has cost the line the time beyond it.
FIFO_SECONDS = 0.1
# Longer than any frame of the tests: what has no delimiter by then is passed on as it is.
_LONGEST = 1 << 20


class Pace:
    """So many bytes a second, by absolute time: what one look rounds off, the next one has."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._free = -math.inf  # when the line has carried what it was given so far

    def take(self, since: float, now: float, limit: int) -> int:
        """How many bytes, of ``limit`` that wait since ``since``, have been carried by ``now``."""
        begin = max(self._free, since, now - FIFO_SECONDS)
        count = min(limit, int((now - begin) * self.rate + 1e-6))
        if count > 0:
            self._free = begin + count / self.rate
        return max(0, count)

    def due(self, since: float) -> float:
        """When the next byte has been carried."""
        return max(self._free, since) + 1 / self.rate


class Direction:
    """A way with faults, a pace, and a buffer of bounded size.

    Args:
        way: what happens to frames; with none, bytes pass as they come.
        rate: bytes per second; with none, as fast as they come.
        capacity: bytes that may wait; a sender with more is held back.
    """

    def __init__(
        self, way: Way | None = None, rate: float | None = None, capacity: int = 4096
    ) -> None:
        self.way = way
        self.carried = 0  # bytes that came out
        self._pace = Pace(rate) if rate else None
        self._capacity = capacity
        self._open = b""  # a frame whose end has not come yet
        self._waiting = 0
        self._look = -math.inf  # with a pace, nothing comes out before
        self._queue: deque[tuple[float, bytes, Event | None]] = deque()

    @property
    def room(self) -> int:
        """Bytes that should go in now at most."""
        return max(0, self._capacity - self._waiting)

    def put(self, data: bytes, now: float) -> None:
        if self.way is None:
            self._add(Piece(data), now)
            return
        *frames, self._open = (self._open + data).split(b"\0")
        for frame in filter(None, frames):
            for piece in self.way.pieces(b"\0" + frame + b"\0"):
                self._add(piece, now)
        if len(self._open) > _LONGEST:
            self._add(Piece(self._open), now)
            self._open = b""

    def insert(self, data: bytes, now: float) -> None:
        """Take bytes in that meet no fault."""
        self._add(Piece(data), now)

    def take(self, now: float, most: int = 1 << 16) -> tuple[bytes, Event | None]:
        """What has come through by ``now``: bytes, or, when all in front of it are taken, an event.

        Call again until it gives neither: bytes behind an event come after it.
        """
        out = bytearray()
        while self._queue and len(out) < most:
            since, data, event = self._queue[0]
            if since > now or (event is not None and out):
                break
            if event is not None:
                self._queue.popleft()
                return b"", event
            count = min(len(data), most - len(out))
            if self._pace is not None:
                count = self._pace.take(since, now, count) if now >= self._look else 0
            out += data[:count]
            if count < len(data):
                self._queue[0] = (since, data[count:], None)
                break
            self._queue.popleft()
        if out:
            self._look = now + TICK
        self._waiting -= len(out)
        self.carried += len(out)
        return bytes(out), None

    def due(self) -> float:
        """When to look again; infinity while nothing waits."""
        if not self._queue:
            return math.inf
        since, _, event = self._queue[0]
        if event is not None or self._pace is None:
            return since
        return max(self._pace.due(since), self._look)

    def clear(self) -> None:
        self._queue.clear()
        self._open = b""
        self._waiting = 0

    def _add(self, piece: Piece, now: float) -> None:
        if piece.data or piece.event:
            self._queue.append((now + piece.wait, piece.data, piece.event))
            self._waiting += len(piece.data)
