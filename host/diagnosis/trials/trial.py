"""A change that was tried, and what it restored."""

from collections.abc import Mapping
from dataclasses import dataclass

from host.diagnosis.causes.registry import CAUSES
from host.quantize.routes import INT16_ROUTE
from host.report.document import derived
from host.report.formats import percent

# What it means, and what to do: of the causes that only a whole run can have. All others stand in
# CAUSES.
TRIED: Mapping[str, tuple[str, str]] = {
    "labels-differ": (
        "The labels do not number the classes as the model does.",
        "Number the classes in the order of the model's outputs, from 0.",
    ),
    "activation-resolution": (
        "256 codes are too few for what a layer computes.",
        f"Take --route {INT16_ROUTE}, or quantization-aware training, or keep that layer's values "
        "in a narrower range.",
    ),
}


@dataclass(frozen=True)
class Trial:
    """A change that was tried on samples, labels or conversion, and what it restored."""

    cause: str
    """The cause that it shows, see docs/explain.md."""
    change: str
    """What was changed."""
    counted: str
    """What was counted: Keras is right, int8 is right, or int8 agrees with Keras."""
    before: float
    """On which share of the samples without the change, 0 to 1."""
    after: float
    """The same with the change."""
    evidence: tuple[str, ...] = ()
    """What else was measured, in sentences; A is the model with the change, B the run's."""

    @derived
    def meaning(self) -> str:
        """The cause in a sentence."""
        return TRIED[self.cause][0] if self.cause in TRIED else CAUSES[self.cause].meaning

    @derived
    def effect(self) -> str:
        """The change and what it restores, in a sentence."""
        return (
            f"With {self.change}, {self.counted} on {percent(self.after)} of the samples, not on "
            f"{percent(self.before)}."
        )

    @derived
    def remedy(self) -> str:
        """What to do."""
        return TRIED[self.cause][1] if self.cause in TRIED else CAUSES[self.cause].remedy
