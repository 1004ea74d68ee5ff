"""What ``explain`` is asked: each field with an ``Annotated`` type is an option."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from host.deployment.request import ModelOptions


@dataclass(frozen=True)
class ExplainRequest:
    """Two models, each a .tflite file, a run's folder or the name of a route; and their samples.

    ``data`` None is the run folder's, or the demo's; ``reference`` None likewise; ``folder`` None
    is a new one in runs/.
    """

    a: Annotated[
        str, Argument(help="The model taken as right: .tflite, a run's folder, or a route.")
    ]
    b: Annotated[str, Argument(help="The model asked about: the same.")]
    data: Annotated[
        str | None,
        Option(
            "--data", "--dataset", help="As in flash-and-eval. \\[default: the run's; the demo's]"
        ),
    ] = None
    reference: Annotated[
        Path | None, Option(help="The trained Keras model: .h5, .keras, SavedModel.")
    ] = None
    deployed: Annotated[
        Path | None,
        Option(
            "--deployed-data",
            help="An .npz whose x is what B's deployment feeds, in the order of --data: real "
            "values, or int8 codes.",
        ),
    ] = None
    samples: Annotated[int, Option(min=1, help="How many are run at most.")] = 300
    seed: Annotated[int, Option(help="Of every random choice.")] = ModelOptions.seed
    folder: Annotated[
        Path | None, Option("--out", help="The report's folder. \\[default: in runs/]")
    ] = None
    allow_unsafe: Annotated[bool, Option("--allow-unsafe-model", help="As in flash-and-eval.")] = (
        ModelOptions.allow_unsafe
    )
    command: str = ""
