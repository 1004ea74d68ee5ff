"""The whole flow, in order; a run's folder; reuse by content hash."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from host import arena, cache, doctor, firmware, isolated
from host.boards import find_board
from host.build import build_image
from host.engines import AUTO, Engine, find_engine
from host.errors import ConfigError
from host.evaluate import NO_KERAS, device_column, host_columns
from host.measure import measure
from host.models import tflite
from host.models.datasets import check_fit, load_dataset
from host.models.demo import DEMO_KEY, train_demo
from host.models.source import load_keras, open_model
from host.oracles import quantize_samples, run_keras
from host.paths import ROOT, cache_folder
from host.quantize.checks import PER_CHANNEL_DENSE
from host.quantize.ptq import accept_tflite, quantize_ptq
from host.quiet import quiet
from host.records import (
    Board,
    Column,
    ColumnName,
    Dataset,
    Evaluation,
    ModelFile,
    QuantizedModel,
    Timing,
)
from host.report.write import write_report
from host.targets import Target, find_target
from host.targets.attach import AttachTarget
from host.verdict import first_difference, judge, summarize_latency


@dataclass(frozen=True)
class Request:
    """What the user asks for. ``model`` None is the demo; ``folder`` None is a new one in runs/."""

    board: str = "qemu-m4"
    model: Path | None = None
    data: str | None = None
    engine: str = AUTO
    arena: int | None = None
    samples: int | None = None
    seed: int = 0
    folder: Path | None = None
    port: str | None = None
    flash: bool = True
    baud: int = 115200
    timeout: float = 20.0
    allow_unsafe: bool = False
    command: str = ""


class Observer(Protocol):
    """Is told how far the run is."""

    def stage(self, name: str, total: int | None) -> None:
        """A stage begins; ``total`` steps where they can be counted."""

    def advance(self, done: int) -> None:
        """So many steps of the stage are done."""

    def note(self, *texts: str) -> None:
        """What the user must know before anything else."""


def flash_and_eval(request: Request, observer: Observer) -> Evaluation:
    """Convert, render, build, start, stream, compare, report.

    Raises:
        FlashAndEvalError: see ``host.errors``. Before the build nothing is written but caches.
    """
    stages = _Stages(observer)
    board = find_board(request.board)
    target = find_target(board, request.port, request.baud, flash=request.flash)
    target.check(board)  # nothing is converted or built for a board that is not there
    engine, choice = find_engine(request.engine, board)
    notes = (choice,) if choice else ()
    observer.note(*notes)

    model = _model_file(request, stages)
    prepared = _prepare(request, model, engine, stages)
    quantized = prepared.quantized
    graph = quantized.graph
    with stages.run("render"):
        engine.check(graph)
        rendered = engine.render(graph, request.arena or arena.recall(engine, graph, board))
        firmware.check_size(rendered, graph, board)

    folder = _run_folder(request, model)
    (folder / "model.tflite").write_bytes(graph.content)
    with stages.run("build") as stage:
        image = build_image(rendered, graph, board, folder)
        stage.reused = image.reused
    if _must_fit(request, target, engine, graph, board):
        with stages.run("fit arena"):
            patience = request.timeout
            rendered, image = arena.fit(
                engine, rendered, image, graph, board, target, folder, patience
            )

    dataset = prepared.dataset
    inputs = quantize_samples(dataset, graph.input)
    columns = _host_columns(prepared, inputs, stages)
    log = folder / "device.log"
    with stages.run("device", len(inputs)), target.start(image, board, log) as link:
        run = measure(
            link,
            rendered,
            graph,
            inputs,
            columns["tflm_host"].outputs,
            timeout=request.timeout,
            patience=request.timeout,
            progress=observer.advance,
        )
    with stages.run("compare"):
        columns = {**columns, "device": device_column(run)}
        first = first_difference(graph, run, rendered.operators, inputs)
        verdict = judge(columns, graph, dataset, first=first, traced=len(run.traced), info=run.info)
    evaluation = Evaluation(
        board=board,
        model=model,
        quantized=quantized,
        dataset=dataset,
        rendered=rendered,
        image=image,
        device=run,
        columns=columns,
        verdict=verdict,
        latency=summarize_latency(run, rendered.operators),
        timings=tuple(stages.timings),
        versions=doctor.versions(),
        notes=notes,
        folder=folder,
        command=request.command,
    )
    write_report(evaluation)
    return evaluation


def _must_fit(
    request: Request, target: Target, engine: Engine, graph: tflite.Graph, board: Board
) -> bool:
    """Whether the arena's size has still to be found: not for a device that runs already."""
    fixed = request.arena is not None or isinstance(target, AttachTarget)
    fixed = fixed or not engine.plans_on_device
    return not fixed and arena.recall(engine, graph, board) is None


# --- model and data ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Prepared:
    dataset: Dataset
    quantized: QuantizedModel
    keras: Column


def _model_file(request: Request, stages: _Stages) -> ModelFile:
    if request.model is not None:
        return open_model(request.model)
    path = cache_folder() / "models" / f"{DEMO_KEY}-{request.seed}.h5"
    with stages.run("train demo model") as stage:
        stage.reused = path.is_file()
        if not stage.reused:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")), quiet(None):
                if not path.is_file():  # another run may have trained it meanwhile
                    train_demo(path, request.seed)
    return replace(open_model(path), name="digits-demo")


def _prepare(request: Request, model: ModelFile, engine: Engine, stages: _Stages) -> _Prepared:
    data = request.data or ("digits" if request.model is None else None)
    if data is None:
        raise ConfigError(
            "--model needs --data: the samples to score",
            "Give an .npz, digits or mnist5k; for a .tflite also `--data random`, which checks "
            "that the device is bit-exact and says nothing about accuracy.",
        )
    if model.kind == "tflite":
        graph = tflite.load(model.path)
        shape = graph.input.shape[1:]
        dataset = _load(request, data, shape, calibrate=False)
        quantized = accept_tflite(graph, dataset)
        dataset = check_fit(dataset, shape, graph.output.shape[1:])
        keras = Column("keras", None, "", NO_KERAS)
        return _Prepared(dataset, _concerning(engine, quantized), keras)
    dataset = _load(request, data, (), calibrate=True)
    with stages.run("convert") as stage:
        prepared = _convert(request, model, dataset, engine.per_channel_dense, stage)
    return replace(prepared, quantized=_concerning(engine, prepared.quantized))


def _concerning(engine: Engine, quantized: QuantizedModel) -> QuantizedModel:
    """Without the advice that does not concern this engine."""
    settled = {PER_CHANNEL_DENSE} if engine.per_channel_dense else set()
    warnings = tuple(advice for advice in quantized.warnings if advice.code not in settled)
    return replace(quantized, warnings=warnings)


def _load(request: Request, data: str, shape: tuple[int, ...], *, calibrate: bool) -> Dataset:
    return load_dataset(
        data, samples=request.samples, seed=request.seed, input_shape=shape, calibrate=calibrate
    )


def _convert(
    request: Request,
    model: ModelFile,
    dataset: Dataset,
    per_channel_dense: bool,
    stage: _Stage,
) -> _Prepared:
    """Post-training quantization and Keras's own predictions: all that needs TensorFlow."""
    packages = [doctor.package_version(name) for name in ("tensorflow", "tf-keras", "keras")]
    name = cache.key(
        *("ptq", model.sha256, str(packages), str(request.seed), str(per_channel_dense)),
        *(dataset.x, dataset.x_calibration),
    )
    known = cache.load("conversions", name)
    keras = cache.unpack_column(known, "keras") if known is not None else None
    if known is not None and keras is not None and "tflite" in known:
        stage.reused = True
        graph = tflite.parse(known["tflite"].tobytes())
        dataset = check_fit(dataset, graph.input.shape[1:], graph.output.shape[1:])
        return _Prepared(dataset, replace(accept_tflite(graph, dataset), route="ptq"), keras)
    with quiet(None):
        source = load_keras(model, allow_unsafe=request.allow_unsafe)
        dataset = check_fit(dataset, source.input_shape, source.output_shape)
        quantized = quantize_ptq(
            source, dataset, seed=request.seed, per_channel_dense=per_channel_dense
        )
        keras = run_keras(source, dataset, quantized.graph.input)
    content = tflite.as_array(quantized.graph.content)
    cache.store("conversions", name, {**cache.pack_columns({"keras": keras}), "tflite": content})
    return _Prepared(dataset, quantized, keras)


def _host_columns(
    prepared: _Prepared, inputs: tflite.Array, stages: _Stages
) -> dict[ColumnName, Column]:
    graph = prepared.quantized.graph
    packages = [doctor.package_version(name) for name in ("ai-edge-litert", "tflite-micro")]
    name = cache.key("columns", graph.sha256, str(packages), inputs)
    with stages.run("host oracles") as stage:
        known = cache.load("columns", name) or {}
        names: tuple[ColumnName, ...] = ("litert", "litert_reference", "tflm_host")
        found = {n: column for n in names if (column := cache.unpack_column(known, n))}
        stage.reused = len(found) == len(names)
        if not stage.reused:
            with quiet(None):
                found = isolated.call(host_columns, graph, inputs)
            cache.store("columns", name, cache.pack_columns(found))
    return {"keras": prepared.keras, **found}


# --- the run's folder -------------------------------------------------------------------------


def _run_folder(request: Request, model: ModelFile) -> Path:
    folder = request.folder
    if folder is None:
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")[:-3]
        safe = re.sub(r"[^A-Za-z0-9_-]+", "-", model.name)[:40]
        folder = ROOT / "runs" / f"{stamp}-{request.board}-{safe}"
    elif folder.exists() and not folder.is_dir():
        raise ConfigError(f"--out {folder} is not a folder")
    elif folder.is_dir() and any(folder.iterdir()) and not (folder / "model.tflite").exists():
        raise ConfigError(
            f"--out {folder} holds other files", "Give a new folder, or one of an earlier run."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("report.json", "report.html", "predictions.npz"):  # not to outlive their run
        (folder / name).unlink(missing_ok=True)
    if model.path.is_file() and model.kind != "tflite":
        shutil.copyfile(model.path, folder / f"model{model.path.suffix}")
    return folder


# --- stages -----------------------------------------------------------------------------------


@dataclass
class _Stage:
    reused: bool = False


@dataclass
class _Stages:
    """Times the stages and tells the observer. Carries no data between them."""

    observer: Observer
    timings: list[Timing] = field(default_factory=list)

    @contextlib.contextmanager
    def run(self, name: str, total: int | None = None) -> Iterator[_Stage]:
        self.observer.stage(name, total)
        stage = _Stage()
        begin = time.monotonic()
        yield stage
        self.timings.append(Timing(name, time.monotonic() - begin, stage.reused))
