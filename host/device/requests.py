"""Requests: their replies, what a refusal means, and which are not answered yet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from host.base.errors import DeviceError
from host.device.wire import messages
from host.device.wire.spec import REPLIES, MessageType, Status

_MEANING: dict[int, str] = {
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


def meaning(status: int) -> str:
    """A status in words."""
    return _MEANING.get(status, f"status {status}")


def refusal(what: str, status: int, more: str = "") -> DeviceError:
    """The error for a request that the device refused."""
    return DeviceError(f"the device refused {what}: {meaning(status)}{more}")


@dataclass(eq=False)
class Pending:
    """A request that has no answer yet; ``index`` is its place in the run.

    Each transmission has a sequence number of its own, so that an answer tells which one it is to,
    and what was sent before that and is lost.
    """

    index: int
    request: Request
    sequences: list[int] = field(default_factory=list)  # of its transmissions, the latest last
    answered: bool = False


@dataclass(frozen=True)
class Transmission:
    """A request on its way; ``end`` is, of all bytes ever sent, the number up to its end."""

    pending: Pending
    end: int


class PendingRequests:
    """The requests of one run that have no answer yet.

    ``by_sequence`` finds them by the sequence numbers of all their transmissions.
    ``transmissions`` are those that the device may still answer, by sequence number, in the order
    in which they left; one of a request that was answered meanwhile is still among them.
    """

    def __init__(self) -> None:
        self.by_sequence: dict[int, Pending] = {}
        self.transmissions: OrderedDict[int, Transmission] = OrderedDict()

    def add(self, pending: Pending, sequence: int, end: int) -> None:
        """A transmission is under way."""
        pending.sequences.append(sequence)
        self.by_sequence[sequence] = pending
        self.transmissions[sequence] = Transmission(pending, end)

    def give_up(self, pending: Pending) -> None:
        """A request's latest transmission takes no room in the device any more. If it is answered
        all the same, that answer is as good as any."""
        self.transmissions.pop(pending.sequences[-1], None)

    def finish(self, pending: Pending) -> None:
        """A request was answered."""
        pending.answered = True
        for sequence in pending.sequences:
            del self.by_sequence[sequence]

    def oldest(self) -> Pending:
        """The one whose answer is due first."""
        return next(t.pending for t in self.transmissions.values() if not t.pending.answered)

    def overtaken(self, sequence: int) -> list[Pending]:
        """The requests whose latest transmission left before this one, which is answered: lost."""
        lost = []
        while sequence in self.transmissions:
            earlier, transmission = self.transmissions.popitem(last=False)
            if earlier == sequence:
                break
            pending = transmission.pending
            if not pending.answered and pending.sequences[-1] == earlier:
                lost.append(pending)
        return lost
