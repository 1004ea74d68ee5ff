"""The flow of `flash-and-eval --build-only`: the firmware, ahead of any device."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from host import engines
from host.base import versions
from host.base.errors import ConfigError
from host.commands.evaluate.document import QuantizedTflite, quantized_tflite
from host.commands.evaluate.write import RESULTS
from host.deployment.document import ImageMemory, image_memory
from host.deployment.folder import check_folder, run_folder
from host.deployment.images import recall_arena, render
from host.deployment.prepare import model_file, prepare
from host.deployment.request import DeviceOptions, ModelOptions, OutputOptions
from host.deployment.setup import find_setup
from host.deployment.stages import Observer, Stages, Timing
from host.firmware.build import build_image
from host.models.data_formats import RANDOM
from host.models.source import ModelFile
from host.quantize.routes import find_int8_route
from host.report.document import Document, write_report


class BuildDocument(Document):
    """A firmware image that was built, and not started."""

    schema_version: Literal[1] = 1
    engine: str
    """What runs the model on the device."""
    board: str
    """The board, an env of platformio.ini."""
    model: ModelFile
    """The model as the user brought it."""
    tflite: QuantizedTflite
    """The int8 model."""
    image: Path
    """The image, an ELF file."""
    image_reused: bool
    """The image was built by an earlier run."""
    float_abi: str
    """How the image handles floats; see the conditions of a run."""
    memory: ImageMemory
    """What it takes of the board's memory."""
    arena_is_estimated: bool
    """Only a device can tell whether the arena is enough, and how much of it the model needs."""
    board_options: Mapping[str, str]
    """The env's other options."""
    timings: tuple[Timing, ...]
    """Stages of the run, in order."""
    versions: Mapping[str, str]
    """Versions of tools and libraries, by name."""
    folder: Path
    """Where the files of the run are."""


_ESTIMATED = (
    "The arena is an estimate: only the device can tell whether it is enough. A run finds the "
    "least that works; --arena sets it here."
)


def build_only(
    what: ModelOptions,
    where: DeviceOptions,
    output: OutputOptions,
    observer: Observer,
    *,
    jobs: int = 1,
    resume: bool = False,
) -> BuildDocument:
    """Convert, render, build. No board or emulator has to be there, and none is started.

    Raises:
        ConfigError: an option asks for a device.
        FlashAndEvalError: see ``flash_and_eval``.
    """
    stages = Stages(observer)
    find_int8_route(what.route)  # before anything is trained
    _needs_no_device(where, jobs, resume)
    check_folder(output.folder)
    setup = find_setup(where, starts=False)
    observer.note(*setup.notes)
    model = model_file(what, stages)
    if model.kind == "tflite" and what.data is None:
        what = replace(what, data=RANDOM)  # nothing is scored
    quantized = prepare(what, model, setup.engine, stages).quantized
    graph = quantized.graph
    setup, rendered = render(setup, graph, stages)
    with run_folder(output.folder, setup.board, model, graph, RESULTS) as folder:
        with stages.run("build") as stage:
            image = build_image(rendered, graph, setup.board, folder)
            stage.reused = image.reused
        estimated = (
            setup.engine.plans_on_device and recall_arena(setup, graph) != rendered.arena_bytes
        )
        document = BuildDocument(
            command=output.command,
            notes=(*setup.notes, *((_ESTIMATED,) if estimated else ())),
            engine=rendered.engine,
            board=setup.board.name,
            model=model,
            tflite=quantized_tflite(quantized),
            image=image.elf,
            image_reused=image.reused,
            float_abi=image.float_abi,
            memory=image_memory(setup.board, rendered, image),
            arena_is_estimated=estimated,
            board_options=engines.conditions(setup.board.options, rendered.engine),
            timings=tuple(stages.timings),
            versions=versions.versions(setup.compilers),
            folder=folder,
        )
        write_report(folder, document, {})
    return document


def _needs_no_device(where: DeviceOptions, jobs: int, resume: bool) -> None:
    wanted = {
        "--port": where.port is not None,
        "--no-flash": not where.flash,
        "--jobs": jobs > 1,
        "--resume": resume,
    }
    for option, given in wanted.items():
        if given:
            raise ConfigError(
                f"--build-only starts no device, and {option} is for one", f"Leave {option} out."
            )
