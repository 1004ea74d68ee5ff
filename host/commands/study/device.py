"""The board's column: every int8 model of every run, on one device.

Where the engine can change models on a running device, one image is built with the operators of
all of them, and each model is sent to it; else each model has an image of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from host.base import cache, versions
from host.base.arrays import Array
from host.base.errors import ConfigError, SizeError, StaleImageError, ToolMissingError
from host.commands.study.folder import Folder
from host.commands.study.options import StudyRequest, separated
from host.commands.study.values import BoardWork, DeviceConditions, DeviceResult, RunResult
from host.deployment.images import accepting, with_larger_arena
from host.deployment.measure import check_identity, stream
from host.deployment.request import DeviceOptions
from host.deployment.setup import Setup, find_setup
from host.deployment.stages import Observer
from host.device.identity import DeviceInfo
from host.device.session import Session
from host.firmware.build import build_image, check_size, image_digest
from host.firmware.rendered import Rendered
from host.models import tflite
from host.models.dataset import Dataset
from host.models.feeds import quantize_samples
from host.models.tflite import Graph
from host.quantize.routes import find_route


@dataclass(frozen=True)
class _Work:
    """A model that is still to be run on the board, with its samples as int8 [n, …].

    ``before`` is the number of samples that come before its own, of other models.
    """

    seed: int
    route: str
    graph: Graph
    inputs: Array
    before: int


@dataclass(frozen=True)
class BoardChoice:
    """The board that a study also runs on.

    ``routes`` are those whose models it gets; only the first ``runs`` give it any, None means all.
    """

    setup: Setup
    routes: tuple[str, ...]
    runs: int | None


def choose_board(request: StudyRequest, routes: Sequence[str]) -> BoardChoice | None:
    """The board that the user names, seen to be there; None where there is none.

    Raises:
        ConfigError: no such board or engine; options for a board without one; or routes that have
            no int8 model or are not among those of the study.
        ToolMissingError: what starts it, the engine or TFLM on the host is not installed.
        TargetError: the board is not there.
    """
    if request.board is None:
        if request.board_routes or request.board_runs is not None or request.link is not None:
            raise ConfigError("--board-routes, --board-runs and --link need --board")
        return None
    setup = find_setup(
        DeviceOptions(request.board, request.engine, link=request.link, timeout=request.timeout)
    )
    if versions.package_version("tflite-micro") is None:
        raise ToolMissingError(
            "--board needs TFLM on the host (tflite-micro) to compare the board with"
        )
    for name in (wanted := separated(request.board_routes)):
        if not find_route(name).int8:
            raise ConfigError(f"--board-routes {name}: that route has no int8 model")
        if name not in routes:
            raise ConfigError(
                f"--board-routes {name} is not among the routes of the study",
                f"They are: {', '.join(routes)} (--routes).",
            )
    int8 = [name for name in routes if find_route(name).int8 and name in (wanted or routes)]
    if not int8:
        raise ConfigError("no route of the study has an int8 model for --board")
    if not setup.engine.per_channel_dense:
        note = (
            "Dense layers get one scale for all channels in every route: the TFLite-Micro of "
            f"{setup.board.name} computes a scale for each channel wrongly."
        )
        setup = replace(setup, notes=(*setup.notes, note))
    return BoardChoice(setup, tuple(int8), request.board_runs)


def run_on_board(
    board: BoardChoice,
    folder: Folder,
    runs: Sequence[RunResult],
    dataset: Dataset,
    observer: Observer,
) -> BoardWork:
    """Run the models of these runs, at least one, on the board; each model's results are kept as
    they come.

    Raises:
        OperatorError, SizeError: a model cannot run on the board.
        MachineError: a build, the emulator, the link or the device failed.
    """
    models = {
        run.seed: {name: tflite.load(folder.model(run.seed, name)) for name in board.routes}
        for run in runs[: board.runs]
    }
    everything = [graph for graphs in models.values() for graph in graphs.values()]
    setup = accepting(board.setup, everything, observer)
    conditions: DeviceConditions | None = None
    done: dict[int, dict[str, DeviceResult]] = {}
    keys: dict[int, str] = {}
    work: list[_Work] = []
    samples = 0
    for seed, graphs in models.items():
        keys[seed] = _key(setup, graphs)
        known, results = folder.load_device(seed, keys[seed]) or (None, {})
        conditions = conditions or known
        done[seed] = {route: results[route] for route in graphs if route in results}
        for route in [route for route in graphs if route not in results]:
            inputs = quantize_samples(dataset, graphs[route])
            work.append(_Work(seed, route, graphs[route], inputs, samples))
            samples += len(inputs)
    if work:
        observer.stage("board", samples)
    images = 0
    for rendered, items in _images(setup, work):
        images += 1
        for item, info, result in _run(setup, rendered, items, folder.path / "device", observer):
            conditions = DeviceConditions.of(info, board=setup.board.name)
            done[item.seed][item.route] = result
            folder.store_device(item.seed, keys[item.seed], conditions, done[item.seed])
    assert conditions is not None  # there is a model, and it ran now or before
    return BoardWork(
        conditions,
        results=tuple(result for results in done.values() for result in results.values()),
        images_built=images,
        models_loaded=len(work) - images,  # an image brings its first model with it
        tools=setup.tools,
    )


def _key(setup: Setup, graphs: dict[str, Graph]) -> str:
    """Changes when the board would compute the same models in another way."""
    prints = [setup.engine.fingerprint(graph) + graph.sha256 for graph in graphs.values()]
    return cache.key("device", setup.engine.name, *prints, image_digest({}, setup.board))


def _images(setup: Setup, work: Sequence[_Work]) -> Iterator[tuple[Rendered, Sequence[_Work]]]:
    """The sources of each image, and the models that are to run on it."""
    if not work:
        return
    first, *others = [item.graph for item in work]
    rendered = setup.engine.render(first, others=others)
    if rendered.slot_bytes >= max(len(item.graph.content) for item in work):
        yield rendered, work
    else:
        for item in work:
            yield setup.engine.render(item.graph), [item]


def _run(
    setup: Setup, rendered: Rendered, work: Sequence[_Work], folder: Path, observer: Observer
) -> Iterator[tuple[_Work, DeviceInfo, DeviceResult]]:
    """Build the image into ``folder``, start it, and run one model after the other on it."""
    first, *others = [item.graph for item in work]
    folder.mkdir(exist_ok=True)

    def enlarged(arena: int) -> Rendered:
        larger = setup.engine.render(first, arena, others)
        build_image(larger, first, setup.board, folder)
        return larger

    at = 0
    while at < len(work):
        check_size(rendered, first, setup.board)
        built = build_image(rendered, first, setup.board, folder)
        with setup.target.start(built, setup.board, folder / "device.log") as link:
            try:
                session = Session(link, timeout=setup.timeout)
                info = session.hello()
                check_identity(info, rendered, first)
                held = first.sha256
                for item in work[at:]:
                    if item.graph.sha256 != held:
                        info = _load(session, item.graph, info)
                        held = item.graph.sha256
                    yield item, info, _answers(session, info, item, observer)
                    at += 1
            except SizeError as refusal:  # its kernels need more scratch memory than the host's
                if not setup.engine.plans_on_device:
                    raise
                rendered = with_larger_arena(rendered, setup.board, refusal, enlarged)


def _answers(session: Session, info: DeviceInfo, item: _Work, observer: Observer) -> DeviceResult:
    outputs, ticks = stream(
        *(session, info, item.graph, item.inputs),
        progress=lambda samples: observer.advance(item.before + samples),
    )
    return DeviceResult(item.seed, item.route, outputs, ticks)


def _load(session: Session, graph: Graph, info: DeviceInfo) -> DeviceInfo:
    """Have the device hold the model, and see that it does."""
    info = session.load_model(graph.content, info)
    outputs = sum(len(operator.outputs) for operator in graph.operators)
    if info.model_digest != graph.sha256 or info.operators != outputs:
        raise StaleImageError(
            f"the device holds {info.model_digest[:16]}…, not the model {graph.sha256[:16]}… that "
            "it was sent"
        )
    return info
