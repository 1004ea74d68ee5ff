"""A typed client of the device on a link: handshake, window, retry.

The device answers requests in the order in which it receives them. So an answer to a later request
says that an earlier one was lost, and it is sent again at once; only the last ones need a timeout.
Requests are repeatable, a model has no memory: sending one twice does no harm.
"""

from __future__ import annotations

import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from host.errors import DeviceError, LinkError, StaleImageError
from host.link import Link
from host.records import DeviceInfo, LinkStatistics, TickUnit
from host.wire import messages
from host.wire.frames import Damage, Decoder, Frame, encode, encoded_size
from host.wire.spec import (
    INFER_HEADER_BYTES,
    PROTOCOL_VERSION,
    InferMode,
    MessageType,
    Status,
    protocol_hash,
)
from host.wire.spec import (
    TickUnit as WireTickUnit,
)

HELLO_INTERVAL = 0.5
_LOG_LIMIT = 1000
_MEANING = {
    Status.UNKNOWN_TYPE: "it does not know the request",
    Status.BAD_LENGTH: "the request has the wrong length",
    Status.BAD_MODE: "it does not know the mode",
    Status.ENGINE_FAILED: "its engine failed",
    Status.ARENA_TOO_SMALL: "its arena is too small for the model",
}


@dataclass(frozen=True)
class Answer:
    """What the device computed for one sample. ``ticks`` and ``detail`` are raw ticks or CRCs."""

    sample: int
    ticks: int
    detail: tuple[int, ...]
    output: bytes


@dataclass
class _Pending:
    sample: int
    input_crc: int
    frame: bytes
    tries: int


class Session:
    """Talks to one device.

    Args:
        link: an open link.
        timeout: seconds without any progress after which requests are sent again.
        retries: how often a request is sent again before the session gives up.
    """

    def __init__(self, link: Link, *, timeout: float = 20.0, retries: int = 2) -> None:
        self._link = link
        self._timeout = timeout
        self._retries = retries
        self._decoder = Decoder()
        self._outgoing = bytearray()
        self._sequence = 0
        self._sent = 0
        self._received = 0
        self._resent = 0
        self._damaged = 0
        self._noise = b""
        self._window = 0
        self._log: list[str] = []
        self._begin = time.monotonic()

    @property
    def log(self) -> tuple[str, ...]:
        """What the device said in LOG frames, the first thousand lines."""
        return tuple(self._log)

    def statistics(self) -> LinkStatistics:
        """What the link carried since the session began."""
        return LinkStatistics(
            self._sent,
            self._received,
            time.monotonic() - self._begin,
            self._resent,
            self._damaged,
        )

    def hello(self, patience: float) -> DeviceInfo:
        """Ask who is there until it is answered.

        Args:
            patience: seconds to go on asking.

        Raises:
            LinkError: no answer.
            StaleImageError: the device speaks another protocol.
            DeviceError: an answer that makes no sense.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            sequence = self._next_sequence()
            self._write(encode(Frame(MessageType.HELLO, sequence, b"")))
            pause = min(deadline, time.monotonic() + HELLO_INTERVAL)
            while time.monotonic() < pause:
                for frame in self._read(pause):
                    if frame.type == MessageType.HELLO_REPLY:
                        info = _device_info(frame.payload)
                        self._window = info.receive_window
                        return info
        if self._noise:
            raise LinkError(
                f"the device answered nonsense: {self._received} bytes, none of them a frame; "
                f"they begin with {self._noise[:16]!r}",
                "It runs another firmware, or the baud rate is wrong: flash it again.",
            )
        raise LinkError(
            f"the device did not answer HELLO within {patience:.0f} s",
            "Is the firmware flashed and running, and the port the right one? Raise --timeout "
            "for a slow start.",
        )

    def infer(
        self,
        inputs: Sequence[bytes],
        mode: InferMode = InferMode.PLAIN,
        progress: Callable[[int], None] | None = None,
    ) -> list[Answer]:
        """Run the model on every input, in order; call ``hello`` first.

        Args:
            inputs: the raw bytes of the input tensor for each sample.
            mode: what to report for each operator.
            progress: called with the number of answers so far.

        Raises:
            LinkError: the device stopped answering, or the link broke.
            DeviceError: the device refused.
        """
        answers: dict[int, Answer] = {}
        pending: OrderedDict[int, _Pending] = OrderedDict()
        upcoming = 0
        progressed = time.monotonic()
        while len(answers) < len(inputs):
            while upcoming < len(inputs):
                flying = sum(len(request.frame) for request in pending.values())
                size = encoded_size(INFER_HEADER_BYTES + len(inputs[upcoming]))
                if pending and flying + size > self._window:
                    break
                self._send(pending, upcoming, inputs[upcoming], mode)
                upcoming += 1
            for frame in self._read(progressed + self._timeout):
                answer = self._accept(frame, pending)
                if answer is not None:
                    answers[answer.sample] = answer
                    progressed = time.monotonic()
                    if progress is not None:
                        progress(len(answers))
            if time.monotonic() >= progressed + self._timeout:
                self._resend(pending, list(pending))
                progressed = time.monotonic()
        return [answers[sample] for sample in range(len(inputs))]

    def _send(
        self, pending: OrderedDict[int, _Pending], sample: int, data: bytes, mode: InferMode
    ) -> None:
        sequence = self._next_sequence()
        values = {"mode": mode, "sample": sample, "input": data}
        payload = messages.pack(MessageType.INFER, values)
        frame = encode(Frame(MessageType.INFER, sequence, payload))
        pending[sequence] = _Pending(sample, zlib.crc32(data), frame, 0)
        self._write(frame)

    def _resend(self, pending: OrderedDict[int, _Pending], sequences: list[int]) -> None:
        for sequence in sequences:
            request = pending.pop(sequence)
            request.tries += 1
            if request.tries > self._retries:
                raise LinkError(
                    f"the device stopped answering: sample {request.sample} was sent "
                    f"{request.tries} times, and no answer came within {self._timeout:g} s",
                    "Raise --timeout if an inference takes that long; else look at the device.",
                )
            pending[sequence] = request  # at the end: the order is that of sending
            if not self._outgoing:  # else it has not even left yet
                self._resent += 1
                self._write(request.frame)

    def _accept(self, frame: Frame, pending: OrderedDict[int, _Pending]) -> Answer | None:
        if frame.type == MessageType.REFUSED:
            self._refused(frame, pending)
            return None
        if frame.type != MessageType.INFER_REPLY or frame.sequence not in pending:
            return None  # an answer that was given up for lost, or to an old HELLO
        values = _unpack(MessageType.INFER_REPLY, frame.payload)
        request = pending[frame.sequence]
        if values["sample"] != request.sample or values["input_crc"] != request.input_crc:
            self._damaged += 1
            self._resend(pending, [frame.sequence])
            return None
        if values["status"] != Status.OK:
            raise DeviceError(_refusal(values["status"], request.sample))
        overtaken = []
        for sequence in pending:
            if sequence == frame.sequence:
                break
            overtaken.append(sequence)
        del pending[frame.sequence]
        self._resend(pending, overtaken)
        return Answer(request.sample, values["ticks"], values["detail"], values["output"])

    def _refused(self, frame: Frame, pending: OrderedDict[int, _Pending]) -> None:
        values = _unpack(MessageType.REFUSED, frame.payload)
        if values["status"] == Status.DAMAGED_FRAME:
            # Requests are handled in order, so the damaged one is the oldest without an answer.
            self._damaged += 1
            if pending:
                self._resend(pending, [next(iter(pending))])
        elif frame.sequence in pending:
            sample = pending[frame.sequence].sample
            raise DeviceError(f"{_refusal(values['status'], sample)} (value {values['value']})")

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

    def _write(self, data: bytes) -> None:
        self._outgoing += data

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % 0xFFFF + 1  # 0 is for what answers no request
        return self._sequence


def _unpack(kind: MessageType, payload: bytes, *, only: int | None = None) -> dict[str, Any]:
    try:
        return messages.unpack(kind, payload, only=only)
    except messages.PayloadError as error:
        raise DeviceError(f"the device sent a {kind.name} that makes no sense: {error}") from error


def _refusal(status: int, sample: int) -> str:
    meaning = _MEANING.get(Status(status)) if status in list(Status) else None
    return f"the device refused sample {sample}: {meaning or f'status {status}'}"


def _device_info(payload: bytes) -> DeviceInfo:
    start = _unpack(MessageType.HELLO_REPLY, payload, only=2)
    version, spec = start["protocol_version"], start["protocol_hash"]
    if version != PROTOCOL_VERSION or spec != protocol_hash():
        raise StaleImageError(
            f"the device speaks protocol {version} ({spec.hex()}), the host "
            f"{PROTOCOL_VERSION} ({protocol_hash().hex()})"
        )
    values = _unpack(MessageType.HELLO_REPLY, payload)
    if values["status"] != Status.OK:
        status = values["status"]
        meaning = _MEANING.get(Status(status)) if status in list(Status) else None
        raise DeviceError(
            f"the device could not make the model ready: {meaning or f'status {status}'} "
            f"(arena reserved {values['arena_reserved']:,} B)"
        )
    try:
        unit = WireTickUnit(values["tick_unit"])
    except ValueError as error:
        raise DeviceError(f"the device counts in unknown unit {values['tick_unit']}") from error
    name: TickUnit = unit.name.lower()  # type: ignore[assignment]
    return DeviceInfo(
        protocol_version=version,
        protocol_hash=spec.hex(),
        model_digest=values["model_digest"].hex(),
        board=values["board"],
        engine=values["engine"],
        engine_version=values["engine_version"],
        compiler=values["compiler"],
        tick_unit=name,
        tick_rate=values["tick_rate"],
        tick_scale=values["tick_numerator"] / max(1, values["tick_denominator"]),
        arena_reserved=values["arena_reserved"],
        arena_used=values["arena_used"],
        receive_window=values["receive_window"],
        operators=values["operators"],
        inputs=values["inputs"],
        outputs=values["outputs"],
    )
