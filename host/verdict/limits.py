"""How much worse int8 may predict than the float model before a run is no longer good."""

from dataclasses import dataclass
from typing import Annotated

from typer import Option


@dataclass(frozen=True)
class Limits:
    """What the verdict allows; a run that goes beyond one of them is not good.

    The defaults were set on healthy conversions: docs/reports.md has the numbers.
    """

    max_drop: Annotated[
        float,
        Option(
            min=0,
            max=100,
            help="Points of accuracy that int8 may lose against Keras; more counts where "
            "McNemar's test sees it, p < 0.01.",
        ),
    ] = 2.0
    max_flips: Annotated[
        float,
        Option(
            min=0,
            max=100,
            help="Percent of predictions that int8 may change; more counts where the 95 % lower "
            "bound is above it.",
        ),
    ] = 10.0
    min_accuracy: Annotated[
        float | None,
        Option(
            min=0, max=100, help="Percent that int8 must be right on. \\[default: no such limit]"
        ),
    ] = None
    max_error: Annotated[
        float | None,
        Option(
            min=0,
            help="Without classes: by how much int8's outputs may differ from Keras's on average, "
            "in output units. \\[default: a quarter of the standard deviation of Keras's]",
        ),
    ] = None
