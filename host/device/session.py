"""A typed client of the device: who is there, run this, change to that model.

Whatever breaks in between, the session finds the device again, sees that it is the same one with
the same model, and asks again what has no answer yet.
"""

import hashlib
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from host.base import defaults
from host.base.errors import DeviceError, LinkError, RestartError, SizeError, StaleImageError
from host.device.exchange import Exchange, LinkStatistics
from host.device.identity import DeviceInfo, device_info
from host.device.link import Link
from host.device.requests import Accept, Request, refusal
from host.device.wire.spec import MODEL_PIECE_BYTES, InferMode, MessageType, Status

HELLO_INTERVAL = 0.5
# Resets and broken links in a row, without any answer in between, before the device is given up.
MAX_FAILURES = 3


@dataclass(frozen=True)
class Answer:
    """What the device computed for one sample. ``ticks`` and ``detail`` are raw ticks or CRCs."""

    sample: int
    ticks: int
    detail: tuple[int, ...]
    output: bytes


class Session:
    """Talks to one device; its arguments are those of ``Exchange``."""

    def __init__(
        self,
        link: Link,
        *,
        timeout: float = defaults.TIMEOUT,
        retries: int = 2,
        cancelled: threading.Event | None = None,
    ) -> None:
        self._link = link
        self._exchange = Exchange(link, timeout=timeout, retries=retries, cancelled=cancelled)
        self._known: DeviceInfo | None = None
        self._patience = timeout
        self._loaded = b""  # the model that the device got from here, as a reset forgets it
        self._reconnects = self._payload = 0

    @property
    def log(self) -> tuple[str, ...]:
        """What the device said in LOG frames."""
        return self._exchange.log

    def statistics(self) -> LinkStatistics:
        """What the link carried since the session began."""
        carried = self._exchange.statistics()
        return replace(carried, reconnects=self._reconnects, payload=self._payload)

    def hello(self, patience: float | None = None) -> DeviceInfo:
        """Ask who is there until it is answered.

        ``patience``: seconds to go on asking, now and after each reset; by default the timeout.

        Raises:
            LinkError: no answer.
            StaleImageError: the device speaks another protocol.
            SizeError: its arena is too small for its model.
            OperatorError: its engine refuses the model.
            DeviceError: an answer that makes no sense.
        """
        self._patience = patience = patience or self._patience
        self._exchange.forget()
        request = Request.of(MessageType.HELLO, "HELLO")
        info = device_info(self._exchange.greet(request, patience, HELLO_INTERVAL), self.log)
        self._exchange.window = info.receive_window
        self._known = info
        return info

    def infer(
        self,
        inputs: Sequence[bytes],
        mode: InferMode = InferMode.PLAIN,
        answered: Callable[[Answer], None] | None = None,
        numbers: Sequence[int] | None = None,
    ) -> list[Answer]:
        """Run the model on every input, in order; call ``hello`` first.

        Args:
            inputs: for each sample, the raw bytes of the input tensors, one after the other.
            mode: what to report for each output of each operator.
            answered: gets each answer once, as it comes.
            numbers: of the samples; by default counted from 0.

        Raises:
            LinkError: the device stopped answering, or the link broke for good.
            DeviceError: the device refused, or reported on other operators than it has.
            StaleImageError: after a reset it was another device, or held another model.
        """
        assert self._known is not None, "hello comes first"
        details = 0 if mode == InferMode.PLAIN else self._known.operators
        numbers = range(len(inputs)) if numbers is None else numbers
        answers: dict[int, Answer] = {}

        def accept(index: int, values: dict[str, Any]) -> bool:
            number, data = numbers[index], inputs[index]
            if not self._is_about(values, number, data):
                return False
            if values["status"] != Status.OK:
                raise refusal(f"sample {number}", values["status"])
            if len(values["detail"]) != details:
                raise DeviceError(
                    f"the device reported on {len(values['detail'])} outputs of operators for "
                    f"sample {number}; {details} were wanted"
                )
            answer = Answer(number, values["ticks"], values["detail"], values["output"])
            answers[index] = answer
            self._payload += len(data)
            if answered is not None:
                answered(answer)
            return True

        requests = [
            Request.of(MessageType.INFER, f"sample {number}", mode=mode, sample=number, input=data)
            for number, data in zip(numbers, inputs, strict=True)
        ]
        self._run(requests, accept)
        return [answers[index] for index in range(len(inputs))]

    def tensor(self, sample: int, data: bytes, position: int) -> bytes:
        """Run the model once more: the raw bytes of one of the operators' outputs, as they lay in
        the arena when the operator was done. ``hello`` comes first.

        Args:
            sample: its number, for messages.
            data: as one of ``infer``'s inputs.
            position: which output, in the order in which ``infer`` reports on them.

        Raises:
            LinkError, StaleImageError: as ``infer``.
            DeviceError: there is no such output, or the device refused.
        """
        what = f"output {position} of its operators for sample {sample}"
        fields = {"position": position, "sample": sample, "input": data}
        tensors: list[bytes] = []

        def accept(_: int, reply: dict[str, Any]) -> bool:
            if about := self._is_about(reply, sample, data):
                tensors.append(reply["data"])
            return about

        self._run([Request.of(MessageType.TENSOR, what, **fields)], accept)
        return tensors[0]

    def load_model(self, content: bytes, info: DeviceInfo) -> DeviceInfo:
        """Change the running device to another .tflite model of the same operators.

        Takes the device's answer to HELLO, and returns its new one.

        Raises:
            SizeError: it does not fit the slot, or the arena; the old model runs on.
            DeviceError: the device cannot run it; the old model runs on.
            LinkError: the device stopped answering, or the link broke for good.
        """
        if len(content) > info.model_slot:
            raise SizeError(
                f"the model has {len(content):,} B, the device's slot {info.model_slot:,} B",
                "Build an image for this model.",
            )
        failures = 0
        while True:
            try:
                return self._load(content, info)
            except LinkError as error:
                failures += 1
                self._find_again(error, failures)

    def _load(self, content: bytes, info: DeviceInfo) -> DeviceInfo:
        piece = min(MODEL_PIECE_BYTES, info.max_payload - 4)
        what, digest = "the model", hashlib.sha256(content).digest()
        begin = Request.of(MessageType.MODEL_BEGIN, what, size=len(content), digest=digest)
        pieces = [
            Request.of(MessageType.MODEL_DATA, what, offset=at, data=content[at : at + piece])
            for at in range(0, len(content), piece)
        ]
        for requests in ([begin], pieces, [Request.of(MessageType.MODEL_END, what)]):
            self._exchange.run(requests, self._stored)
        info = self.hello()
        self._loaded = content
        return info

    def _stored(self, index: int, values: dict[str, Any]) -> bool:
        """Whether a piece of a model arrived; the device logs why it refuses a whole one."""
        said = f" ({self.log[-1]})" if self.log and self.log[-1] else ""
        if values["status"] == Status.ARENA_TOO_SMALL:
            message = f"the device's arena is too small for the model{said}"
            raise SizeError(message, "Build an image for it.")
        if values["status"] != Status.OK:
            raise refusal("the model", values["status"], said)
        return True

    def _run(self, requests: Sequence[Request], accept: Accept) -> None:
        """As ``Exchange.run``, over resets and broken links."""
        left = list(range(len(requests)))
        failures = 0
        while left:
            asked, done = left, set[int]()

            def accept_asked(
                index: int, values: dict[str, Any], asked: list[int] = asked, done: set[int] = done
            ) -> bool:
                if not accept(asked[index], values):
                    return False
                done.add(asked[index])
                return True

            try:
                return self._exchange.run([requests[index] for index in asked], accept_asked)
            except LinkError as error:
                failures = 1 if done else failures + 1
                left = [index for index in asked if index not in done]
                self._find_again(error, failures)

    def _find_again(self, error: LinkError, failures: int) -> None:
        """Restore the link where it broke; see that the device is who it was.

        Raises:
            LinkError: ``error``, where the link cannot be restored or this happens again and again.
            StaleImageError: it is another device, or holds another model.
        """
        if self._known is None or failures > MAX_FAILURES:
            raise error
        known = self._known
        info = self._reach(error, failures)
        if self._loaded and info.model_digest != known.model_digest:
            info = self._load(self._loaded, info)
        if info != known:
            self._known = known
            raise StaleImageError(
                f"the device is not what it was ({error.message}): it was {known.board} with "
                f"model {known.model_digest[:16]}…, it is {info.board} with "
                f"{info.model_digest[:16]}…"
            )

    def _reach(self, error: LinkError, failures: int) -> DeviceInfo:
        """The device's answer to HELLO, on a link that may have to be restored first."""
        last = error
        for _ in range(failures, MAX_FAILURES + 1):
            try:
                if not isinstance(last, RestartError):
                    self._link.restore(time.monotonic() + self._patience)
                    self._reconnects += 1
            except LinkError as reason:
                raise LinkError(f"{last.message}; {reason.message}", last.hint) from reason
            try:
                return self.hello()
            except LinkError as again:
                last = again
        raise last

    def _is_about(self, reply: dict[str, Any], sample: int, data: bytes) -> bool:
        """Whether a reply is to this sample. If so, see that HELLO told of the model it is from."""
        if reply["sample"] != sample or reply["input_crc"] != zlib.crc32(data):
            return False
        assert self._known is not None, "hello comes first"
        if reply["model"] != int.from_bytes(bytes.fromhex(self._known.model_digest[:8]), "little"):
            # Its reset went unnoticed: the frame that tells of it was lost.
            raise RestartError("the device answered with another model than it had")
        return True
