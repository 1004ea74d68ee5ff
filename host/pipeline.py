"""The whole flow, in order, and a run's folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from host import arena, doctor, firmware
from host.boards import find_board
from host.build import build_image
from host.engines import find_engine
from host.errors import ConfigError
from host.evaluate import device_column
from host.measure import measure
from host.oracles import quantize_samples
from host.paths import new_run_folder
from host.prepare import columns_of_the_host, model_file, prepare
from host.quantize.routes import find_int8_route
from host.records import Evaluation, ModelFile
from host.report.write import write_report
from host.stages import Observer, Request, Stages
from host.targets import find_target
from host.verdict import first_difference, judge, summarize_latency


def flash_and_eval(request: Request, observer: Observer) -> Evaluation:
    """Convert, render, build, start, stream, compare, report.

    Raises:
        FlashAndEvalError: see ``host.errors``. Before the build nothing is written but caches.
    """
    stages = Stages(observer)
    find_int8_route(request.route)  # before anything is trained
    board = find_board(request.board)
    target = find_target(board, request.port, request.baud, flash=request.flash)
    target.check(board)  # nothing is converted or built for a board that is not there
    engine, choice = find_engine(request.engine, board)
    notes = (choice,) if choice else ()
    observer.note(*notes)

    model = model_file(request, stages)
    prepared = prepare(request, model, engine, stages)
    quantized = prepared.quantized
    graph = quantized.graph
    with stages.run("render"):
        engine.check(graph)
        arena_bytes = request.arena or arena.recall(engine, graph, board)
        rendered = engine.render(graph, arena_bytes)
        firmware.check_size(rendered, graph, board)

    folder = _run_folder(request, model)
    (folder / "model.tflite").write_bytes(graph.content)
    with stages.run("build") as stage:
        image = build_image(rendered, graph, board, folder)
        stage.reused = image.reused
    if engine.plans_on_device and arena_bytes is None and target.starts:
        with stages.run("fit arena"):
            patience = request.timeout
            rendered, image = arena.fit(
                engine, rendered, image, graph, board, target, folder, patience
            )

    dataset = prepared.dataset
    inputs = quantize_samples(dataset, graph.input)
    columns = columns_of_the_host(prepared, inputs, stages)
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


# --- the run's folder -------------------------------------------------------------------------


def _run_folder(request: Request, model: ModelFile) -> Path:
    folder = request.folder
    if folder is None:
        folder = new_run_folder(request.board, model.name)
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
