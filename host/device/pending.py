"""What was asked and is not answered yet, in the order in which it left."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from host.device.calls import Call


@dataclass(eq=False)
class Asked:
    """A call that has no answer yet. Each sending has a sequence number of its own, so that an
    answer tells which sending it is of, and what was sent before that and is lost."""

    index: int
    sequences: list[int]  # of its sendings, the latest last
    done: bool = False


@dataclass(frozen=True)
class Sending:
    """One sending of a request; ``end`` is, of all bytes ever sent, the number up to its end."""

    request: Asked
    end: int


class Flight:
    """The requests of one run that have no answer yet.

    ``requests`` finds them by the sequence numbers of all their sendings. ``sendings`` are those
    that the device may still answer, by sequence number, in the order in which they left; one of a
    request that was answered meanwhile is still among them.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = calls
        self.requests: dict[int, Asked] = {}
        self.sendings: OrderedDict[int, Sending] = OrderedDict()

    def add(self, request: Asked, sequence: int, end: int) -> None:
        """A sending is under way."""
        request.sequences.append(sequence)
        self.requests[sequence] = request
        self.sendings[sequence] = Sending(request, end)

    def give_up(self, request: Asked) -> None:
        """A request's latest sending takes no room in the device any more. Should it be answered
        all the same, that is as good as ever."""
        self.sendings.pop(request.sequences[-1], None)

    def finish(self, request: Asked) -> None:
        """A request was answered."""
        request.done = True
        for sequence in request.sequences:
            del self.requests[sequence]

    def oldest(self) -> Asked:
        """The one whose answer is due first."""
        return next(s.request for s in self.sendings.values() if not s.request.done)

    def overtaken(self, sequence: int) -> list[Asked]:
        """The requests whose latest sending left before this one, which is answered: lost."""
        lost = []
        while sequence in self.sendings:
            earlier, sending = self.sendings.popitem(last=False)
            if earlier == sequence:
                break
            if not sending.request.done and sending.request.sequences[-1] == earlier:
                lost.append(sending.request)
        return lost
