"""Requests and replies on a link: frames, window, retry. Knows no message's meaning.

The device answers requests in the order in which it receives them. So an answer to a later request
says that an earlier one was lost, and it is sent again at once; only the last ones need a timeout.
Requests must be repeatable: sending one twice does no harm.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from host.errors import DeviceError, LinkError
from host.link import Link
from host.records import LinkStatistics
from host.wire import messages
from host.wire.frames import Damage, Decoder, Frame, encode, encoded_size
from host.wire.spec import MessageType, Status

_LOG_LIMIT = 1000
_MEANING = {
    Status.UNKNOWN_TYPE: "it does not know the request",
    Status.BAD_LENGTH: "the request has the wrong length",
    Status.BAD_MODE: "it does not know the mode",
    Status.ENGINE_FAILED: "its engine failed",
    Status.ARENA_TOO_SMALL: "its arena is too small for the model",
    Status.MODEL_TOO_LARGE: "the model is larger than its slot",
    Status.MODEL_DAMAGED: "the model did not arrive whole",
    Status.MODEL_UNFIT: "it cannot run this model",
    Status.BAD_POSITION: "it has no operator output of that number",
}


@dataclass(frozen=True)
class Call:
    """A request and the type of its reply; ``what`` names it in messages."""

    kind: MessageType
    payload: bytes
    reply: MessageType
    what: str


@dataclass
class _Pending:
    index: int
    frame: bytes
    end: int  # of all bytes ever sent, the number up to the end of this frame
    sent: int = 1


class Exchange:
    """Carries calls over one link.

    Args:
        link: an open link.
        timeout: seconds without any progress after which requests are sent again.
        retries: how often that is done before the device is given up. What the device itself
            reports as damaged or shows to be lost is sent again at once, and does not count.
    """

    def __init__(self, link: Link, *, timeout: float, retries: int) -> None:
        self.window = 0  # bytes that may be in flight; the device states it
        self._link = link
        self._timeout = timeout
        self._retries = retries
        self._decoder = Decoder()
        self._outgoing = bytearray()
        self._sequence = 0
        self._sent = self._received = self._resent = self._damaged = 0
        self._noise = b""
        self._log: list[str] = []
        self._begin = time.monotonic()

    @property
    def log(self) -> tuple[str, ...]:
        """What the device said in LOG frames, the first thousand lines."""
        return tuple(self._log)

    def statistics(self) -> LinkStatistics:
        """What the link carried since the exchange began."""
        seconds = time.monotonic() - self._begin
        return LinkStatistics(self._sent, self._received, seconds, self._resent, self._damaged)

    def greet(self, call: Call, patience: float, interval: float) -> bytes:
        """Repeat a request every ``interval`` seconds until it is answered; the reply's payload.

        Raises:
            LinkError: no answer within ``patience`` seconds.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self._outgoing += encode(Frame(call.kind, self._next_sequence(), call.payload))
            pause = min(deadline, time.monotonic() + interval)
            while time.monotonic() < pause:
                for frame in self._read(pause):
                    if frame.type == call.reply:
                        return frame.payload
        if self._noise:
            raise LinkError(
                f"the device answered nonsense: {self._received} bytes, none of them a frame; "
                f"they begin with {self._noise[:16]!r}",
                "It runs another firmware, or the baud rate is wrong: flash it again.",
            )
        raise LinkError(
            f"the device did not answer {call.what} within {patience:g} s",
            "Is the firmware flashed and running, and the port the right one? Raise --timeout "
            "for a slow start.",
        )

    def run(
        self,
        calls: Sequence[Call],
        accept: Callable[[int, dict[str, Any]], bool],
    ) -> None:
        """Send all calls in order, as many at a time as the window allows.

        Args:
            calls: what to send.
            accept: gets the index of a call and its reply's fields; False asks again.

        Raises:
            LinkError: the device stopped answering, or the link broke.
            DeviceError: the device refused, or its answer makes no sense.
        """
        pending: OrderedDict[int, _Pending] = OrderedDict()
        done = upcoming = silences = arrived = 0
        progressed = alive = time.monotonic()
        while done < len(calls):
            while upcoming < len(calls) and self._has_room(pending, calls[upcoming]):
                self._start(pending, upcoming, calls[upcoming])
                upcoming += 1
            for frame in self._read(alive + self._timeout):
                index = self._match(frame, pending, calls)
                if index is None:
                    continue
                if accept(index, unpack(calls[index].reply, frame.payload)):
                    self._settle(frame.sequence, pending)
                    done += 1
                    silences = 0
                    progressed = time.monotonic()
                else:
                    self._damaged += 1
                    self._repeat([frame.sequence], pending)
            # A large answer may take longer than the timeout. Once it is whole, only `accept` says
            # whether it was one: a device that talks without end must not be waited for.
            if self._decoder.waiting != arrived:
                alive = time.monotonic() if self._decoder.waiting > arrived else progressed
            alive = max(alive, progressed)
            arrived = self._decoder.waiting
            if time.monotonic() >= alive + self._timeout:
                silences += 1
                if silences > self._retries:
                    raise self._given_up(next(iter(pending.values())), calls)
                self._repeat(list(pending), pending)
                progressed = alive = time.monotonic()

    def _has_room(self, pending: OrderedDict[int, _Pending], call: Call) -> bool:
        flying = sum(len(request.frame) for request in pending.values())
        return not pending or flying + encoded_size(len(call.payload)) <= self.window

    def _start(self, pending: OrderedDict[int, _Pending], index: int, call: Call) -> None:
        sequence = self._next_sequence()
        frame = encode(Frame(call.kind, sequence, call.payload))
        pending[sequence] = _Pending(index, frame, self._queue(frame))

    def _match(
        self, frame: Frame, pending: OrderedDict[int, _Pending], calls: Sequence[Call]
    ) -> int | None:
        """The call that a frame answers, or None for one that answers none (any more)."""
        if frame.type == MessageType.REFUSED:
            values = unpack(MessageType.REFUSED, frame.payload)
            if values["status"] == Status.DAMAGED_FRAME:
                # Requests are handled in order: the damaged one is the oldest without an answer.
                self._damaged += 1
                self._repeat(list(pending)[:1], pending)
            elif frame.sequence in pending:
                what = calls[pending[frame.sequence].index].what
                raise refusal(what, values["status"], f" (value {values['value']})")
            return None
        request = pending.get(frame.sequence)
        if request is None or frame.type != calls[request.index].reply:
            return None
        return request.index

    def _settle(self, sequence: int, pending: OrderedDict[int, _Pending]) -> None:
        overtaken = []
        for earlier in pending:
            if earlier == sequence:
                break
            overtaken.append(earlier)
        del pending[sequence]
        self._repeat(overtaken, pending)

    def _repeat(self, sequences: list[int], pending: OrderedDict[int, _Pending]) -> None:
        for sequence in sequences:
            request = pending[sequence]
            if request.end > self._sent:  # it has not even left yet
                continue
            pending.move_to_end(sequence)  # the order is that of sending
            request.end = self._queue(request.frame)
            request.sent += 1
            self._resent += 1

    def _queue(self, frame: bytes) -> int:
        self._outgoing += frame
        return self._sent + len(self._outgoing)

    def _given_up(self, request: _Pending, calls: Sequence[Call]) -> LinkError:
        seconds = self._timeout * (self._retries + 1)
        return LinkError(
            f"the device stopped answering: {calls[request.index].what} was sent {request.sent} "
            f"times, and for {seconds:g} s no answer came",
            "Raise --timeout if an inference takes that long; else look at the device.",
        )

    def _read(self, deadline: float) -> list[Frame]:
        taken, data = self._link.transfer(bytes(self._outgoing), deadline)
        del self._outgoing[:taken]
        self._sent += taken
        self._received += len(data)
        frames = []
        for item in self._decoder.feed(data):
            if isinstance(item, Damage):
                self._damaged += 1
                self._noise = self._noise or item.raw
            elif item.type == MessageType.LOG:
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


def unpack(kind: MessageType, payload: bytes, *, only: int | None = None) -> dict[str, Any]:
    """The fields of a payload.

    Raises:
        DeviceError: it makes no sense.
    """
    try:
        return messages.unpack(kind, payload, only=only)
    except messages.PayloadError as error:
        raise DeviceError(f"the device sent a {kind.name} that makes no sense: {error}") from error


def meaning(status: int) -> str:
    """A status in words."""
    known = _MEANING.get(Status(status)) if status in list(Status) else None
    return known or f"status {status}"


def refusal(what: str, status: int, more: str = "") -> DeviceError:
    """The error for a request that the device refused."""
    return DeviceError(f"the device refused {what}: {meaning(status)}{more}")
