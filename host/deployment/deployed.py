"""One model on one device, for commands that look inside: `trace` and `profile`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from host.base import versions
from host.deployment.document import DeviceDocument, Tflite, conditions
from host.deployment.folder import check_folder, run_folder
from host.deployment.images import build, render
from host.deployment.measure import check_identity
from host.deployment.prepare import model_file, prepare
from host.deployment.request import DeviceOptions, ModelOptions, OutputOptions
from host.deployment.setup import Setup, find_setup
from host.deployment.stages import Stages
from host.device.identity import DeviceInfo
from host.device.session import Session
from host.engines import Engine
from host.firmware.boards import Board
from host.firmware.image import Image
from host.firmware.rendered import Rendered
from host.models import tflite
from host.models.data_formats import RANDOM, find_format
from host.models.dataset import load_dataset
from host.models.feeds import Feed, drawn, quantize_samples, single
from host.models.source import ModelFile
from host.models.tflite import Graph

_CODES = ("int8", "uint8", "int16")  # what codes of the data set ``random`` can be spread over


@dataclass(frozen=True)
class Loaded:
    """A model that runs on a device, and samples for it: no labels, no float model."""

    model: ModelFile
    graph: Graph
    feeds: tuple[Feed, ...]
    data: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Deployable:
    """A model that fits a board, and samples for it. Nothing is written or built yet."""

    setup: Setup
    loaded: Loaded
    rendered: Rendered
    output: OutputOptions


@dataclass(frozen=True)
class Deployed:
    """A model that runs on a device, its samples, and where the results go.

    ``tools``: see ``Setup``.
    """

    board: Board
    tools: tuple[str, ...]
    loaded: Loaded
    rendered: Rendered
    image: Image
    info: DeviceInfo
    notes: tuple[str, ...]
    folder: Path
    command: str


class DeployedDocument(DeviceDocument):
    """What a command that looks inside one device reports."""

    data: str
    """The samples, in words."""
    folder: Path
    """Where the files of the run are."""

    @classmethod
    def about(cls, device: Deployed, **more: Any) -> Self:
        """What is told of every such device, and the command's own fields."""
        graph = device.loaded.graph
        return cls.of(
            *(device, device.loaded),
            engine=device.rendered.engine,
            board=device.board.name,
            tflite=Tflite(sha256=graph.sha256, bytes=len(graph.content)),
            conditions=conditions(device.board, device.image, device.info),
            versions=versions.versions(device.tools),
            **more,
        )


def deployable(
    what: ModelOptions, where: DeviceOptions, output: OutputOptions, least: int, stages: Stages
) -> Deployable:
    """See that the board, the model and the samples are there and fit one another.

    ``least``: see ``load_samples``. Raises as that, ``find_setup`` and ``render``.
    """
    check_folder(output.folder)
    setup = find_setup(where)
    stages.observer.note(*setup.notes)
    loaded = load_samples(what, setup.engine, stages, least)
    setup, rendered = render(setup, loaded.graph, stages)
    return Deployable(setup, loaded, rendered, output)


def load_samples(options: ModelOptions, engine: Engine, stages: Stages, least: int) -> Loaded:
    """The model and its samples.

    A .tflite model without ``--data`` gets random samples, ``least`` of them where the user
    names no number. They fit several inputs, of any type; a data set's fit one. Raises as
    ``prepare``.
    """
    model = model_file(options, stages)
    data = options.data or RANDOM
    if model.kind == "tflite" and not find_format(data).real:
        graph = tflite.load(model.path)
        feeds = random_feeds(graph, options.samples or least, options.seed)
        return Loaded(model, graph, tuple(feeds), data, ())
    prepared = prepare(options, model, engine, stages)
    graph = prepared.quantized.graph
    feeds = single(graph, quantize_samples(prepared.dataset, graph))
    return Loaded(model, graph, tuple(feeds), prepared.dataset.name, prepared.dataset.notes)


def random_feeds(graph: Graph, samples: int, seed: int) -> list[Feed]:
    """The samples of the data set ``random`` where the model can take them, so that a sample has
    the same number here and in ``flash-and-eval``; else any."""
    codes, shape = graph.input_codes, graph.input.shape
    alone = len(graph.inputs) == 1 and shape[:1] == (1,)  # a data set's sample is one of a batch
    if not alone or codes.dtype not in _CODES or codes.quantization is None:
        return drawn(graph, samples, seed)
    dataset = load_dataset(RANDOM, samples=samples, seed=seed, input_shape=shape[1:])
    return single(graph, quantize_samples(dataset, graph))


@contextmanager
def deployed(
    ready: Deployable, results: Sequence[str], stages: Stages
) -> Iterator[tuple[Session, Deployed]]:
    """Build and start the model; the session with the device ends with the context.

    ``results`` are files that the command will write; they go if the context ends badly.

    Raises:
        StaleImageError: the device holds another model or engine.
        FlashAndEvalError: see ``run_folder``, ``build``, ``Target.start``, ``Session``.
    """
    setup, loaded, graph = ready.setup, ready.loaded, ready.loaded.graph
    output, board = ready.output, ready.setup.board
    with run_folder(output.folder, board, loaded.model, graph, results) as folder:
        setup, rendered, image = build(setup, ready.rendered, graph, folder, stages)
        log = folder / "device.log"
        with stages.run("device"), setup.target.start(image, board, log) as link:
            session = Session(link, timeout=setup.timeout)
            info = session.hello()
            check_identity(info, rendered, graph)
            yield (
                session,
                Deployed(
                    board=board,
                    tools=setup.tools,
                    loaded=loaded,
                    rendered=rendered,
                    image=image,
                    info=info,
                    notes=tuple(dict.fromkeys((*setup.notes, *loaded.notes))),
                    folder=folder,
                    command=output.command,
                ),
            )
