"""The whole flow, in order."""

from __future__ import annotations

from host.base import versions
from host.commands.evaluate.values import Evaluation
from host.commands.evaluate.write import RESULTS, write_report
from host.deployment import setup
from host.deployment.measure import device_column, measure
from host.deployment.prepare import columns_of_the_host, model_file, prepare
from host.deployment.request import Request, resuming
from host.deployment.stages import Observer, Stages
from host.device.answers import NAME, AnswerFile, kept
from host.oracles.samples import quantize_samples
from host.quantize.routes import find_int8_route
from host.verdict.costs import operator_costs
from host.verdict.judge import judge
from host.verdict.latency import summarize_latency


def flash_and_eval(request: Request, observer: Observer) -> Evaluation:
    """Convert, render, build, start, stream, compare, report.

    Raises:
        FlashAndEvalError: see ``host.base.errors``. Before the build nothing is written but caches.
    """
    stages = Stages(observer)
    find_int8_route(request.route)  # before anything is trained
    found = setup.rig_of(request, stages)
    model = model_file(request, stages)
    prepared = prepare(request, model, found.engine, stages)
    graph = prepared.quantized.graph
    rendered = setup.render(found, graph, request, stages)
    with setup.run_folder(request, model, graph, RESULTS) as folder:
        rendered, image = setup.build(found, rendered, graph, folder, request, stages)

        dataset = prepared.dataset
        inputs = quantize_samples(dataset, graph)
        columns = columns_of_the_host(prepared, inputs, stages)
        answers = AnswerFile(folder / NAME, image.elf.read_bytes(), resume=request.resume)
        with (
            kept(answers, resuming(request, folder)),
            stages.run("device", len(inputs)),
            setup.start(found, image, folder, request.jobs) as links,
        ):
            run = measure(
                links,
                rendered,
                graph,
                inputs,
                columns["tflm_host"].outputs,
                timeout=request.timeout,
                patience=request.timeout,
                answers=answers,
                progress=observer.advance,
            )
        with stages.run("compare"):
            columns = {**columns, "device": device_column(run)}
            verdict = judge(
                columns,
                graph,
                dataset,
                first=run.first_difference,
                traced=len(run.traced),
                info=run.info,
            )
            costs = operator_costs(graph, rendered, run.operator_ticks)
            latency = summarize_latency(run.info, run.ticks, run.profiled_ticks, costs)
        evaluation = Evaluation(
            board=found.board,
            model=model,
            quantized=prepared.quantized,
            dataset=dataset,
            rendered=rendered,
            image=image,
            device=run,
            columns=columns,
            verdict=verdict,
            latency=latency,
            timings=tuple(stages.timings),
            versions=versions.versions(),
            notes=(*found.notes, *run.notes),
            folder=folder,
            command=request.command,
        )
        write_report(evaluation)
        answers.remove()
    return evaluation
