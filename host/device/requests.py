"""A request, its reply, and what a refusal means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from host.base.errors import DeviceError
from host.device.wire import messages
from host.device.wire.spec import REPLIES, MessageType, Status

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

# Gets the index of a request and its reply's fields; False asks again.
Accept = Callable[[int, dict[str, Any]], bool]


@dataclass(frozen=True)
class Request:
    """What is asked; ``what`` names it in messages."""

    type: MessageType
    payload: bytes
    what: str

    @classmethod
    def of(cls, type_: MessageType, what: str, **values: Any) -> Request:
        """A request with these fields, as ``PAYLOADS`` declares them."""
        return cls(type_, messages.pack(type_, values), what)

    @property
    def reply(self) -> MessageType:
        """The type of the message that answers it."""
        return REPLIES[self.type]


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
