"""What a user asks of the verdict. Imports nothing slow: ``--help`` shows it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from typer import Option

# classification: one class of several. binary: one output, yes or no. multilabel: several outputs,
# each yes or no. regression: values. autoencoder: the input again; labels say what is an anomaly.
Task = Literal["classification", "binary", "multilabel", "regression", "autoencoder"]


@dataclass(frozen=True)
class VerdictOptions:
    """What the outputs are for, what they are compared with, and whether a cause is looked for."""

    reference: Annotated[
        Path | None, Option(help="The float model that a ready .tflite was made from.")
    ] = None
    task: Annotated[
        Task | None,
        Option(help="What the outputs are for. \\[default: as labels and model say]"),
    ] = None
    classes: Annotated[
        str | None, Option(help="Names of the classes, in the order of the outputs: a,b,c.")
    ] = None
    explain: Annotated[
        bool,
        Option(
            " /--no-explain",
            show_default=False,
            help="Do not look for the cause where int8, or Keras itself, predicts badly.",
        ),
    ] = True


@dataclass(frozen=True)
class Limits:
    """What the verdict allows; a run that goes beyond one of them is not good.

    docs/reports.md says what the defaults were tried on.
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
            "in output units. \\[default: a tenth of the standard deviation of Keras's, of an "
            "auto-encoder's a quarter]",
        ),
    ] = None
