"""What a rule gets and gives: parts of a case that nothing explains yet, and suspects."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from host.diagnosis.comparison.case import Case, DifferingRange
from host.diagnosis.comparison.parameters import PartKind


@dataclass(frozen=True)
class Suspect:
    """What the parameters and the signals point to.

    Attributes:
        parts: positions of the parts to blame, which interventions then put in.
        evidence: sentences with numbers.
        operator: B's index where it is one operator's.
        tensor: B's index where it is one tensor's.
        effect: points of equal outputs, where it is no parts' and was measured otherwise.
        cause: the identifier of the cause whose rule named it; the registry fills it in.
    """

    parts: frozenset[int]
    evidence: tuple[str, ...]
    operator: int | None = None
    tensor: int | None = None
    effect: float | None = None
    cause: str = ""


@dataclass
class Inquiry:
    """A case with the suspects so far. Rules are asked in an order: what one of them explains is
    not open to those after it."""

    case: Case
    suspects: list[Suspect] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def open(self, kind: PartKind) -> list[int]:
        """Positions of the parts of a kind that no suspect explains yet."""
        explained = frozenset[int]().union(*(s.parts for s in self.suspects))
        return [i for i in self.case.of_kind(kind) if i not in explained]

    def open_ranges(self) -> list[DifferingRange]:
        """The ranges that no suspect explains yet."""
        return [self.case.ranges[i] for i in self.open("range")]

    def open_input(self) -> DifferingRange | None:
        """The model input's range, if it differs and no suspect explains it yet."""
        return next((r for r in self.open_ranges() if r.operator is None), None)


class Rule(Protocol):
    """Names suspects of one cause among what is still open."""

    def __call__(self, inquiry: Inquiry, /) -> list[Suspect]:
        """The suspects; a rule may also leave a note."""


def parts_of(ranges: Iterable[DifferingRange]) -> frozenset[int]:
    """Their positions in the case's parts."""
    return frozenset(r.part for r in ranges)
