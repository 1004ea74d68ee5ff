"""What a user asks of a command that runs a model on a device, in three parts.

Each field with an ``Annotated`` type is an option of the command line: its name, its help and its
default stand here and nowhere else (``host.cli.options`` makes the options). In help texts, "\\["
is a bracket: rich takes "[…]" for markup and shows nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from host.base import defaults
from host.engines import AUTO, ENGINES
from host.models.data_formats import DEMO_DATA, RANDOM, described
from host.quantize import routes


@dataclass(frozen=True)
class ModelOptions:
    """The model, how it is quantized, and the samples. ``model`` None is the demo."""

    model: Annotated[
        Path | None,
        Option(help="Keras .h5 or .keras, SavedModel folder, int8 .tflite. \\[default: demo]"),
    ] = None
    data: Annotated[
        str | None,
        Option(
            "--data",
            "--dataset",
            help=f"{described()}. \\[default: {DEMO_DATA}, for the demo; in trace and profile "
            f"{RANDOM}, for a .tflite]",
        ),
    ] = None
    route: Annotated[
        str,
        Option(help=f"How a float model is quantized: {routes.described()}."),
    ] = routes.DEFAULT_ROUTE
    samples: Annotated[
        int | None, Option(help="How many samples to run. \\[default: all; in profile 5]")
    ] = None
    seed: Annotated[int, Option(help="Of every random choice.")] = 0
    allow_unsafe: Annotated[
        bool,
        Option(
            "--allow-unsafe-model",
            help="Load a model that can run code: Lambda layers, modules that are not Keras's, "
            "SavedModels that touch files.",
        ),
    ] = False


@dataclass(frozen=True)
class DeviceOptions:
    """The board, the engine, and how to reach the device. ``link`` None is the env's."""

    board: Annotated[str, Option(help="An env of platformio.ini.")] = "qemu-m4"
    engine: Annotated[
        str,
        Option(help=f"{', '.join(ENGINES)}, or {AUTO}: the first that is available for the board."),
    ] = AUTO
    arena: Annotated[
        int | None, Option(min=16, help="Bytes of arena. \\[default: the least that works]")
    ] = None
    port: Annotated[
        str | None,
        Option(
            help="A real board: the port to flash. Else: port or pyserial URL of a device that "
            "runs already."
        ),
    ] = None
    flash: Annotated[
        bool,
        Option(
            " /--no-flash",
            show_default=False,
            help="The device at --port runs already: do not flash it.",
        ),
    ] = True
    baud: Annotated[int, Option(min=1, help="Baud rate of the port, in the image too.")] = (
        defaults.BAUD
    )
    link: Annotated[
        str | None,
        Option(
            help="How bytes travel: socket, or semihosting, faster, in QEMU. \\[default: the env's]"
        ),
    ] = None
    timeout: Annotated[float, Option(min=0.1, help="Seconds without an answer before a retry.")] = (
        defaults.TIMEOUT
    )


@dataclass(frozen=True)
class OutputOptions:
    """Where the results go; ``folder`` None is a new one in runs/. ``command`` is the user's."""

    folder: Annotated[
        Path | None, Option("--out", help="The run's folder. \\[default: in runs/]")
    ] = None
    command: str = ""
