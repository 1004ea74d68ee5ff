"""What ``study`` is asked: each field with an ``Annotated`` type is an option."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from host.deployment.request import DeviceOptions
from host.models.data_formats import described


def separated(text: str) -> tuple[str, ...]:
    """What is separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


@dataclass(frozen=True)
class StudyRequest:
    """What the user asks for. None is a default that depends on the rest.

    ``jobs`` and ``runs`` may change between calls and do not change a run's results: they are not
    part of a ``Plan``.
    """

    data: Annotated[
        str | None,
        Option("--dataset", "--data", help=f"{described(real=True)}."),
    ] = None
    model_function: Annotated[
        str | None,
        Option(
            "--model-fn",
            help="package.module:function that builds a tf_keras model; may take seed, "
            "input_shape, classes. \\[default: the data's demo model]",
        ),
    ] = None
    routes: Annotated[
        str, Option(help="Separated by commas, or all. \\[default: the eight main ones]")
    ] = ""
    runs: Annotated[int, Option(help="How many, each with its seed.")] = 20
    seed: Annotated[int, Option(help="Of the first run.")] = 0
    jobs: Annotated[int | None, Option(help="Runs at once. \\[default: one a processor]")] = None
    epochs: Annotated[int | None, Option(help="Of the plain training.")] = None
    qat_epochs: Annotated[int | None, Option(help="Of QAT.")] = None
    samples: Annotated[int | None, Option(help="How many to score. \\[default: all]")] = None
    board: Annotated[str | None, Option(help="Run the int8 models on this board as well.")] = None
    engine: Annotated[str, Option(help="As in flash-and-eval.")] = DeviceOptions.engine
    board_routes: Annotated[
        str, Option(help="Whose models go to the board. \\[default: all int8 routes]")
    ] = ""
    board_runs: Annotated[
        int | None, Option(help="How many runs give it models. \\[default: all]")
    ] = None
    link: Annotated[str | None, Option(help="As in flash-and-eval.")] = None
    timeout: Annotated[float, Option(min=0.1, help="Seconds without an answer of the board.")] = (
        DeviceOptions.timeout
    )
    folder: Annotated[
        Path | None,
        Option("--out", help="Its folder. \\[default: in runs/, the same for a same study]"),
    ] = None
    fresh: Annotated[
        bool, Option("--fresh", help="Forget the folder's runs, compute them again.")
    ] = False
    command: str = ""
