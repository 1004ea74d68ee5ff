"""Requests that are not answered yet, in the order in which they left."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from host.device.requests import Request


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
