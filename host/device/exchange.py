"""Requests and replies on a link: frames, window, retry. Knows no message's meaning.

The device answers requests in the order in which it receives them. So an answer to a later request
says that an earlier one was lost, and it is sent again at once; only the last ones need a timeout.
Requests must be repeatable: sending one twice does no harm.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields

from host.base.errors import LinkError, RestartError
from host.device.link import Link
from host.device.requests import Accept, Pending, PendingRequests, Request, refusal
from host.device.wire.frames import Damage, Decoder, Frame, encode
from host.device.wire.messages import unpack
from host.device.wire.spec import MessageType, Status
from host.report.document import derived


@dataclass(frozen=True)
class LinkStatistics:
    """What the link carried, and what it did to it."""

    bytes_sent: int
    """Host to device, frames included, bytes."""
    bytes_received: int
    """Device to host, frames included, bytes."""
    seconds: float
    """Wall-clock seconds during which requests were open; the start is not counted."""
    retries: int
    """Requests that were sent again, for whatever reason."""
    damaged_frames: int
    """Frames that arrived broken, at either end, or with wrong contents."""
    lost: int = 0
    """Requests without an answer: a later one was answered, or the device fell silent."""
    resets: int = 0
    """How often the device restarted."""
    reconnects: int = 0
    """How often the link broke and was restored."""
    payload: int = 0
    """Inputs that were answered, each counted once, bytes."""

    @derived
    def rate(self) -> float:
        """Effective rate: bytes of answered inputs per second, computing included."""
        return self.payload / self.seconds if self.seconds else 0.0

    def beside(self, other: LinkStatistics) -> LinkStatistics:
        """Both together, of two links that were used at the same time."""
        total = {
            field.name: getattr(self, field.name) + getattr(other, field.name)
            for field in fields(LinkStatistics)
        }
        return LinkStatistics(**{**total, "seconds": max(self.seconds, other.seconds)})


_LOG_LIMIT = 1000
# Once it is known how long answers take, a request without one is sent again after so many times as
# long, but not within the pauses that a desktop's scheduler and USB make.
_LATE = 4
_LEAST_WAIT = 0.25
_FADE = 0.9  # how much of an earlier delay is remembered at the next answer
_CANCEL_POLL = 0.2


class Exchange:
    """Carries requests and replies over one link.

    Args:
        timeout: seconds without any progress after which requests are sent again, for as long as
            it is not known how soon answers come.
        retries: the device is given up after so many timeouts of silence, and one. What the device
            itself reports as damaged or shows to be lost is sent again at once, and does not count.
        cancelled: another thread sets it to end whatever goes on.
    """

    def __init__(
        self, link: Link, *, timeout: float, retries: int, cancelled: threading.Event | None = None
    ) -> None:
        self.window = 0  # bytes that may be in flight; the device states it
        self._link = link
        self._timeout = timeout
        self._retries = retries
        self._cancelled = cancelled
        self._decoder = Decoder()
        self._outgoing = bytearray()
        self._sequence = 0
        self._sent = self._received = self._resent = self._damaged = self._lost = self._restarts = 0
        self._greeted = False  # a start before that is no restart
        self._delay = 0.0  # seconds that answers take at most; 0 before the first
        self._seconds = 0.0
        self._noise = b""  # how what was no frame began
        # Since the beginning, or since the link was restored:
        self._heard = 0  # bytes
        self._frames = 0
        self._log: list[str] = []

    @property
    def log(self) -> tuple[str, ...]:
        """What the device said in LOG frames, the first thousand lines."""
        return tuple(self._log)

    def statistics(self) -> LinkStatistics:
        """What the link carried since the exchange began."""
        return LinkStatistics(
            bytes_sent=self._sent,
            bytes_received=self._received,
            seconds=self._seconds,
            retries=self._resent,
            lost=self._lost,
            damaged_frames=self._damaged,
            resets=self._restarts,
        )

    def forget(self) -> None:
        """Start over: nothing is in flight, nothing is half received, no delay is known."""
        self._decoder = Decoder()
        self._outgoing.clear()
        self._delay = 0.0
        self._noise = b""
        self._heard = self._frames = 0

    def greet(self, request: Request, patience: float, interval: float) -> bytes:
        """Repeat a request every ``interval`` seconds until it is answered; the reply's payload.

        Raises:
            LinkError: no answer within ``patience`` seconds.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self._outgoing += encode(Frame(request.type, self._next_sequence(), request.payload))
            pause = min(deadline, time.monotonic() + interval)
            while time.monotonic() < pause:
                for frame in self._read(pause, len(self._outgoing)):
                    if frame.type == request.reply:
                        self._greeted = True
                        return frame.payload
                    if frame.type == MessageType.STARTED and self._greeted:
                        self._restarts += 1
        if self._noise and not self._frames:
            raise LinkError(
                f"the device answered nonsense: {self._heard} bytes, none of them a frame; "
                f"they begin with {self._noise[:16]!r}",
                "It runs another firmware, or the baud rate is wrong: flash it again.",
            )
        raise LinkError(
            f"the device did not answer {request.what} within {patience:g} s",
            "Is the firmware flashed and running, and the port the right one? Raise --timeout "
            "for a slow start.",
        )

    def run(self, requests: Sequence[Request], accept: Accept) -> None:
        """Send all requests in order, as many at a time as the window allows.

        Raises:
            RestartError: the device restarted.
            LinkError: the device stopped answering, or the link broke.
            DeviceError: the device refused, or its answer makes no sense.
        """
        begin = time.monotonic()
        try:
            self._run(requests, accept)
        finally:
            self._seconds += time.monotonic() - begin

    def _run(self, requests: Sequence[Request], accept: Accept) -> None:
        pending = PendingRequests()
        done = upcoming = arrived = 0
        silence, wait = 0.0, self._wait()
        answered = progressed = alive = time.monotonic()
        while done < len(requests):
            while upcoming < len(requests) and (
                not pending.transmissions or len(self._outgoing) < self._allowed(pending)
            ):
                self._send(pending, Pending(upcoming, requests[upcoming]))
                upcoming += 1
            sent = self._sent
            for frame in self._read(alive + wait, self._allowed(pending)):
                if frame.type == MessageType.STARTED:
                    self._restarts += 1
                    last = pending.oldest().request if done < upcoming else requests[upcoming - 1]
                    raise RestartError(f"the device restarted while it was asked for {last.what}")
                one = self._match(frame, pending)
                if one is None:
                    continue
                values = unpack(one.request.reply, frame.payload)
                if accept(one.index, values):
                    pending.finish(one)
                    done += 1
                    self._delay = max(_FADE * self._delay, time.monotonic() - answered)
                    silence, wait = 0.0, self._wait()
                    answered = progressed = time.monotonic()
                else:
                    self._damaged += 1
                    self._send_again(pending, one)
            # A large request or answer may take longer than the timeout. Once an answer is whole,
            # only `accept` says whether it was one: a device that talks without end must not be
            # waited for.
            if self._decoder.waiting != arrived:
                alive = time.monotonic() if self._decoder.waiting > arrived else progressed
            if self._sent > sent:
                alive = time.monotonic()
            alive = max(alive, progressed)
            arrived = self._decoder.waiting
            if time.monotonic() >= alive + wait:
                silence += wait
                left = self._timeout * (self._retries + 1) - silence
                if left <= 0:
                    raise self._given_up(pending)
                # One is enough: its answer tells which others were lost.
                self._lost += self._send_again(pending, pending.oldest())
                wait = min(2 * wait, self._timeout, left)
                progressed = alive = time.monotonic()

    def _wait(self) -> float:
        """Seconds of silence after which a request is sent again."""
        if not self._delay:
            return self._timeout
        return min(self._timeout, max(_LEAST_WAIT, _LATE * self._delay))

    def _allowed(self, pending: PendingRequests) -> int:
        """How many more bytes may leave now.

        The device has taken in the oldest request, or it was lost: so what lies in its receive
        buffer is at most what was sent after that one.
        """
        if not pending.transmissions:
            return len(self._outgoing)
        oldest = next(iter(pending.transmissions.values()))
        return max(0, oldest.end + self.window - self._sent)

    def _send(self, pending: PendingRequests, one: Pending) -> None:
        sequence = self._next_sequence()
        self._outgoing += encode(Frame(one.request.type, sequence, one.request.payload))
        pending.add(one, sequence, self._sent + len(self._outgoing))

    def _send_again(self, pending: PendingRequests, one: Pending) -> int:
        """How many times it was sent: not at all while it has not even left."""
        latest = pending.transmissions.get(one.sequences[-1])
        if latest is not None and latest.end > self._sent:
            return 0
        pending.give_up(one)
        self._resent += 1
        self._send(pending, one)
        return 1

    def _match(self, frame: Frame, pending: PendingRequests) -> Pending | None:
        """The request that a frame answers, or None for one that answers none (any more)."""
        if frame.type == MessageType.REFUSED:
            values = unpack(MessageType.REFUSED, frame.payload)
            if values["status"] == Status.DAMAGED_FRAME:
                # Requests are handled in order: it was the oldest, or noise.
                self._damaged += 1
                if pending.by_sequence:
                    self._send_again(pending, pending.oldest())
            elif frame.sequence in pending.by_sequence:
                what = pending.by_sequence[frame.sequence].request.what
                raise refusal(what, values["status"], f" (value {values['value']})")
            return None
        one = pending.by_sequence.get(frame.sequence)
        if one is not None and frame.type != one.request.reply:
            return None
        for lost in pending.overtaken(frame.sequence):
            self._resent += 1
            self._lost += 1
            self._send(pending, lost)
        return one

    def _given_up(self, pending: PendingRequests) -> LinkError:
        seconds = self._timeout * (self._retries + 1)
        first = min(pending.by_sequence.values(), key=lambda one: one.index)
        return LinkError(
            f"the device stopped answering: for {seconds:g} s no answer came to "
            f"{first.request.what}, which was sent {len(first.sequences)} times, nor "
            "to any other",
            "Raise --timeout if an inference takes that long; else look at the device.",
        )

    def _read(self, deadline: float, allowed: int) -> list[Frame]:
        if self._cancelled is not None:
            if self._cancelled.is_set():
                raise LinkError("the run was cancelled")
            deadline = min(deadline, time.monotonic() + _CANCEL_POLL)
        taken, data = self._link.transfer(bytes(self._outgoing[:allowed]), deadline)
        del self._outgoing[:taken]
        self._sent += taken
        self._received += len(data)
        self._heard += len(data)
        frames = []
        for item in self._decoder.feed(data):
            if isinstance(item, Damage):
                self._damaged += 1
                self._noise = self._noise or item.raw
                continue
            self._frames += 1
            if item.type == MessageType.LOG:
                if len(self._log) < _LOG_LIMIT:
                    self._log.append(item.payload.decode("utf-8", "replace"))
            else:
                frames.append(item)
        if data and not frames and not self._noise:
            self._noise = data[:64]
        return frames

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % 0xFFFF + 1  # 0 is for what answers no request
        return self._sequence
