"""The board's column: every int8 model of every run, on one device.

Where the engine can change models on a running device, one image is built with the operators of
all of them, and each model is sent to it; else each model has a build of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from host.base import cache
from host.base.arrays import Array
from host.base.errors import ConfigError, SizeError, StaleImageError
from host.commands.study.folder import Folder
from host.commands.study.values import BoardWork, DeviceConditions, DeviceResult, RunResult
from host.deployment.measure import measure, stream
from host.deployment.setup import Setup
from host.deployment.stages import Observer
from host.device.identity import DeviceInfo
from host.device.session import Session
from host.firmware import fingerprint, image
from host.firmware.build import Image
from host.firmware.image import build_image
from host.firmware.rendered import Rendered
from host.models import tflite
from host.models.dataset import Dataset
from host.models.feeds import quantize_samples
from host.models.tflite import Graph
from host.quantize.routes import find_route

# A device whose arena is too small for a model gets twice as much, up to this.
_LARGEST_ARENA = 64 << 20


@dataclass(frozen=True)
class Work:
    """A model that is still to be run on the board, with its samples as int8 [n, …]."""

    seed: int
    route: str
    graph: Graph
    inputs: Array


Answers = Iterator[tuple[Work, DeviceInfo, DeviceResult]]


def run_on_board(
    setup: Setup,
    folder: Folder,
    runs: Sequence[RunResult],
    routes: Sequence[str],
    dataset: Dataset,
    observer: Observer,
) -> BoardWork:
    """Run the models of these runs on the board; each run's results are kept as they come.

    Args:
        routes: whose models; empty takes every route with an int8 model.
        dataset: the samples.

    Raises:
        ConfigError: there is no model to run.
        OperatorError, SizeError: a model cannot run on the board.
        MachineError: a build, the emulator, the link or the device failed.
    """
    conditions: DeviceConditions | None = None
    done: dict[int, dict[str, DeviceResult]] = {}
    keys: dict[int, str] = {}
    work: list[Work] = []
    for run in runs:
        graphs = _graphs(folder, run, routes)
        keys[run.seed] = _key(setup, graphs)
        found, done[run.seed] = folder.load_device(run.seed, keys[run.seed]) or (None, {})
        conditions = conditions or found
        done[run.seed] = {r: done[run.seed][r] for r in graphs if r in done[run.seed]}
        for route, graph in graphs.items():
            if route not in done[run.seed]:
                work.append(Work(run.seed, route, graph, quantize_samples(dataset, graph)))
    builds = loaded = 0
    if work:
        with_slot = _rendered_for_all(setup, work)
        # The image brings the first model with it.
        builds, loaded = (1, len(work) - 1) if with_slot else (len(work), 0)
        board = _Board(setup, folder.path / "device", observer)
        answers = board.one_image(with_slot, work) if with_slot else board.image_each(work)
        for index, (item, info, result) in enumerate(answers):
            conditions = _conditions(setup, info)
            done[item.seed][item.route] = result
            if index + 1 == len(work) or work[index + 1].seed != item.seed:
                folder.store_device(item.seed, keys[item.seed], conditions, done[item.seed])
    if conditions is None:
        raise ConfigError("no route of the study has an int8 model for --board")
    results = tuple(result for run in done.values() for result in run.values())
    return BoardWork(conditions, results, builds, loaded)


def _graphs(folder: Folder, run: RunResult, routes: Sequence[str]) -> dict[str, Graph]:
    """The models of a run that the board gets, by route."""
    known = [find_route(name) for name in run.routes]
    int8 = [r.name for r in known if r.runs_in == "tflite" and r.activations == "int8"]
    wanted = [name for name in int8 if not routes or name in routes]
    return {name: tflite.load(folder.model(run.seed, name)) for name in wanted}


def _key(setup: Setup, graphs: dict[str, Graph]) -> str:
    """Changes when the board would compute the same models in another way."""
    prints = [setup.engine.fingerprint(graph) + graph.sha256 for graph in graphs.values()]
    return cache.key("device", setup.engine.name, *prints, fingerprint.digest({}, setup.board))


def _rendered_for_all(setup: Setup, work: Sequence[Work]) -> Rendered | None:
    """One image's sources for all models, or None where a model must have its own."""
    graphs = [item.graph for item in work]
    for graph in graphs:
        setup.engine.check(graph)
    rendered = setup.engine.render(graphs[0], others=graphs[1:])
    fits = rendered.slot_bytes >= max(len(graph.content) for graph in graphs)
    return rendered if fits else None


def _conditions(setup: Setup, info: DeviceInfo) -> DeviceConditions:
    return DeviceConditions(
        board=setup.board.name,
        engine=info.engine,
        engine_version=info.engine_version,
        compiler=info.compiler,
        tick_unit=info.tick_unit,
        tick_rate=info.tick_rate,
    )


@dataclass(frozen=True)
class _Board:
    """Builds images into ``folder`` and runs models on them."""

    setup: Setup
    folder: Path
    observer: Observer

    def one_image(self, rendered: Rendered, work: Sequence[Work]) -> Answers:
        """All models on one image, sent to the running device one after the other."""
        setup, graphs = self.setup, [item.graph for item in work]
        total, at = sum(len(item.inputs) for item in work), 0
        while at < len(work):
            image = self._build(rendered, graphs[0])
            self.observer.stage("board", total)
            log = self.folder / "device.log"
            with setup.target.start(image, setup.board, log) as link:
                try:
                    session = Session(link, timeout=self.setup.timeout)
                    info = session.hello(self.setup.timeout)
                    for item in work[at:]:
                        info = _load(session, item.graph, info, self.setup.timeout)
                        yield item, info, self._stream(session, info, item, work[:at])
                        at += 1
                except SizeError:  # its kernels need more scratch memory than the host's
                    arena = 2 * rendered.arena_bytes
                    if arena > min(setup.board.ram, _LARGEST_ARENA):
                        raise
                    rendered = setup.engine.render(graphs[0], arena, graphs[1:])

    def image_each(self, work: Sequence[Work]) -> Answers:
        """A build and a start for each model."""
        setup = self.setup
        self.observer.stage("build and run each model on the board", len(work))
        for at, item in enumerate(work):
            rendered = setup.engine.render(item.graph)
            image = self._build(rendered, item.graph)
            log = self.folder / "device.log"
            with setup.target.start(image, setup.board, log) as link:
                run = measure(
                    [link],
                    rendered,
                    item.graph,
                    item.inputs,
                    None,
                    timeout=self.setup.timeout,
                    patience=self.setup.timeout,
                )
            self.observer.advance(at + 1)
            yield item, run.info, DeviceResult(item.seed, item.route, run.outputs, run.ticks)

    def _build(self, rendered: Rendered, graph: Graph) -> Image:
        self.folder.mkdir(exist_ok=True)
        image.check_size(rendered, graph, self.setup.board)
        return build_image(rendered, graph, self.setup.board, self.folder)

    def _stream(
        self, session: Session, info: DeviceInfo, item: Work, before: Sequence[Work]
    ) -> DeviceResult:
        start = sum(len(other.inputs) for other in before)
        outputs, ticks = stream(
            *(session, info, item.graph, item.inputs),
            progress=lambda done: self.observer.advance(start + done),
        )
        return DeviceResult(item.seed, item.route, outputs, ticks)


def _load(session: Session, graph: Graph, info: DeviceInfo, timeout: float) -> DeviceInfo:
    """Have the device hold the model, and see that it does."""
    if info.model_digest != graph.sha256:
        info = session.load_model(graph.content, info, timeout)
    outputs = sum(len(operator.outputs) for operator in graph.operators)
    if info.model_digest != graph.sha256 or info.operators != outputs:
        raise StaleImageError(
            f"the device holds {info.model_digest[:16]}…, not the model {graph.sha256[:16]}… that "
            "it was sent"
        )
    return info
