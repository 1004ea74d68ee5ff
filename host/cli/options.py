"""The options that several commands of the command line have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from host.models.data_formats import described

# In help texts, "\\[" is a bracket: rich takes "[…]" for markup and shows nothing.
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")
]
Seed: TypeAlias = Annotated[int, typer.Option(help="Of every random choice.")]
Unsafe: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--allow-unsafe-model",
        help="Load a model that can run code: Lambda layers, modules that are not Keras's, "
        "SavedModels that touch files.",
    ),
]
Board: TypeAlias = Annotated[str, typer.Option(help="An env of platformio.ini.")]
Model: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Keras .h5 or .keras, SavedModel folder, int8 .tflite. \\[default: demo]"),
]
Data: TypeAlias = Annotated[
    str | None,
    typer.Option("--data", "--dataset", help=f"{described()}."),
]
AnyData: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--data",
        "--dataset",
        help="As in flash-and-eval. \\[default: random, for a .tflite; the demo's]",
    ),
]
Route: TypeAlias = Annotated[
    str,
    typer.Option(
        help="How a float model is quantized: ptq-int8, ptq-int8-per-tensor, ptq-int16x8; or, "
        "fine-tuned with x_train: qat-int8, qat-calibrated, qat-transplant, qat-weights-ptq, "
        "qat-weights-ptq-per-tensor, qat-weights-int16x8."
    ),
]
Engine: TypeAlias = Annotated[
    str, typer.Option(help="tflm, aot, or auto: tflm where its library can be had.")
]
Arena: TypeAlias = Annotated[
    int | None, typer.Option(min=16, help="Bytes of arena. \\[default: the least that works]")
]
Samples: TypeAlias = Annotated[int | None, typer.Option(help="How many to score. \\[default: all]")]
Out: TypeAlias = Annotated[
    Path | None, typer.Option(help="The run's folder. \\[default: in runs/]")
]
Port: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="A real board: the port to flash. Else: port or pyserial URL of a device that "
        "runs already."
    ),
]
NoFlash: TypeAlias = Annotated[
    bool, typer.Option("--no-flash", help="The device at --port runs already: do not flash it.")
]
Baud: TypeAlias = Annotated[
    int, typer.Option(min=1, help="Baud rate of the port, in the image too.")
]
Link: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="How bytes travel: socket, or semihosting, faster, in QEMU. \\[default: the env's]"
    ),
]
Timeout: TypeAlias = Annotated[
    float, typer.Option(min=0.1, help="Seconds without an answer before a retry.")
]
Jobs: TypeAlias = Annotated[
    int, typer.Option(min=1, help="Emulators side by side, which share the samples.")
]
Resume: TypeAlias = Annotated[
    bool,
    typer.Option("--resume", help="Go on with the run in --out, which did not finish."),
]
