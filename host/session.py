"""A typed client of the device: who is there, run this, change to that model."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from host.errors import DeviceError, SizeError, StaleImageError
from host.exchange import Call, Exchange, meaning, refusal, unpack
from host.link import Link
from host.records import DeviceInfo, LinkStatistics, TickUnit
from host.wire import messages
from host.wire.spec import (
    MODEL_PIECE_BYTES,
    PROTOCOL_VERSION,
    InferMode,
    MessageType,
    Status,
    protocol_hash,
)
from host.wire.spec import TickUnit as WireTickUnit

HELLO_INTERVAL = 0.5


@dataclass(frozen=True)
class Answer:
    """What the device computed for one sample. ``ticks`` and ``detail`` are raw ticks or CRCs."""

    sample: int
    ticks: int
    detail: tuple[int, ...]
    output: bytes


class Session:
    """Talks to one device.

    Args:
        link: an open link.
        timeout: seconds without any progress after which requests are sent again.
        retries: how often a request is sent again before the session gives up.
    """

    def __init__(self, link: Link, *, timeout: float = 20.0, retries: int = 2) -> None:
        self._exchange = Exchange(link, timeout=timeout, retries=retries)

    @property
    def log(self) -> tuple[str, ...]:
        """What the device said in LOG frames."""
        return self._exchange.log

    def statistics(self) -> LinkStatistics:
        """What the link carried since the session began."""
        return self._exchange.statistics()

    def hello(self, patience: float) -> DeviceInfo:
        """Ask who is there until it is answered.

        Args:
            patience: seconds to go on asking.

        Raises:
            LinkError: no answer.
            StaleImageError: the device speaks another protocol.
            SizeError: its arena is too small for its model.
            DeviceError: an answer that makes no sense.
        """
        call = Call(MessageType.HELLO, b"", MessageType.HELLO_REPLY, "HELLO")
        info = _device_info(self._exchange.greet(call, patience, HELLO_INTERVAL), self.log)
        self._exchange.window = info.receive_window
        return info

    def infer(
        self,
        inputs: Sequence[bytes],
        mode: InferMode = InferMode.PLAIN,
        progress: Callable[[int], None] | None = None,
    ) -> list[Answer]:
        """Run the model on every input, in order; call ``hello`` first.

        Args:
            inputs: for each sample, the raw bytes of the input tensors, one after the other.
            mode: what to report for each output of each operator.
            progress: called with the number of answers so far.

        Raises:
            LinkError: the device stopped answering, or the link broke.
            DeviceError: the device refused.
        """
        answers: dict[int, Answer] = {}

        def accept(index: int, values: dict[str, Any]) -> bool:
            if values["sample"] != index or values["input_crc"] != zlib.crc32(inputs[index]):
                return False
            if values["status"] != Status.OK:
                raise refusal(f"sample {index}", values["status"])
            answers[index] = Answer(index, values["ticks"], values["detail"], values["output"])
            if progress is not None:
                progress(len(answers))
            return True

        self._exchange.run([_infer(i, data, mode) for i, data in enumerate(inputs)], accept)
        return [answers[sample] for sample in range(len(inputs))]

    def tensor(self, sample: int, data: bytes, position: int) -> bytes:
        """Run the model once more, and have one of the operators' outputs; after ``hello``.

        Args:
            sample: its number, for messages.
            data: as one of ``infer``'s inputs.
            position: which output, in the order in which ``infer`` reports on them.

        Returns:
            The raw bytes of the tensor as they lay in the arena when the operator was done.

        Raises:
            LinkError: the device stopped answering, or the link broke.
            DeviceError: there is no such output, or the device refused.
        """
        values = {"position": position, "sample": sample, "input": data}
        payload = messages.pack(MessageType.TENSOR, values)
        what = f"output {position} of its operators for sample {sample}"
        found: list[bytes] = []

        def accept(_: int, reply: dict[str, Any]) -> bool:
            if reply["sample"] != sample or reply["input_crc"] != zlib.crc32(data):
                return False
            found.append(reply["data"])
            return True

        call = Call(MessageType.TENSOR, payload, MessageType.TENSOR_REPLY, what)
        self._exchange.run([call], accept)
        return found[0]

    def load_model(self, content: bytes, info: DeviceInfo, patience: float) -> DeviceInfo:
        """Change the running device to another model of the same operators.

        Args:
            content: the .tflite file.
            info: the device's answer to HELLO.
            patience: seconds for the device to answer HELLO afterwards.

        Returns:
            The device's new answer to HELLO.

        Raises:
            SizeError: it does not fit the slot, or the arena; the old model runs on.
            DeviceError: the device cannot run it; the old model runs on.
            LinkError: the device stopped answering.
        """
        if len(content) > info.model_slot:
            raise SizeError(
                f"the model has {len(content):,} B, the device's slot {info.model_slot:,} B",
                "Build an image for this model.",
            )
        piece = min(MODEL_PIECE_BYTES, info.max_payload - 4)
        digest = hashlib.sha256(content).digest()
        begin = {"size": len(content), "digest": digest}
        pieces = [
            _model(MessageType.MODEL_DATA, {"offset": at, "data": content[at : at + piece]})
            for at in range(0, len(content), piece)
        ]
        self._exchange.run([_model(MessageType.MODEL_BEGIN, begin)], _loaded)
        self._exchange.run(pieces, _loaded)
        self._exchange.run([_model(MessageType.MODEL_END, {})], _loaded)
        return self.hello(patience)


def _infer(index: int, data: bytes, mode: InferMode) -> Call:
    values = {"mode": mode, "sample": index, "input": data}
    payload = messages.pack(MessageType.INFER, values)
    return Call(MessageType.INFER, payload, MessageType.INFER_REPLY, f"sample {index}")


def _model(kind: MessageType, values: dict[str, Any]) -> Call:
    return Call(kind, messages.pack(kind, values), MessageType.MODEL_REPLY, "the model")


def _loaded(index: int, values: dict[str, Any]) -> bool:
    if values["status"] == Status.ARENA_TOO_SMALL:
        raise SizeError("the device's arena is too small for the model", "Build an image for it.")
    if values["status"] != Status.OK:
        raise refusal("the model", values["status"])
    return True


def _device_info(payload: bytes, log: tuple[str, ...]) -> DeviceInfo:
    start = unpack(MessageType.HELLO_REPLY, payload, only=2)
    version, spec = start["protocol_version"], start["protocol_hash"]
    if version != PROTOCOL_VERSION or spec != protocol_hash():
        raise StaleImageError(
            f"the device speaks protocol {version} ({spec.hex()}), the host "
            f"{PROTOCOL_VERSION} ({protocol_hash().hex()})"
        )
    values = unpack(MessageType.HELLO_REPLY, payload)
    if values["status"] == Status.ARENA_TOO_SMALL:
        said = f" ({log[-1]})" if log and log[-1] else ""
        raise SizeError(
            f"the arena of {values['arena_reserved']:,} B is too small for the model{said}",
            "Give more with --arena, or leave it out: the least that works is found.",
        )
    if values["status"] != Status.OK:
        raise DeviceError(
            f"the device could not make the model ready: {meaning(values['status'])}"
            + "".join(f"; it said: {line}" for line in log[-1:])
        )
    try:
        unit = WireTickUnit(values["tick_unit"])
    except ValueError as error:
        raise DeviceError(f"the device counts in unknown unit {values['tick_unit']}") from error
    name: TickUnit = unit.name.lower()  # type: ignore[assignment]
    same = (
        *("arena_reserved", "arena_used", "arena_planned", "model_slot", "max_payload"),
        *("receive_window", "operators", "board", "engine", "engine_version", "compiler"),
        *("inputs", "outputs", "tick_rate"),
    )
    return DeviceInfo(
        protocol_version=version,
        protocol_hash=spec.hex(),
        model_digest=values["model_digest"].hex(),
        tick_unit=name,
        tick_scale=values["tick_numerator"] / max(1, values["tick_denominator"]),
        **{field: values[field] for field in same},
    )
