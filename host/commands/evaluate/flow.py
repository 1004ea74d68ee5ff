"""The whole flow, in order."""

import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path

from host.base import versions
from host.base.errors import ConfigError
from host.commands.evaluate.answer import answer, desktop_difference
from host.commands.evaluate.values import Evaluation
from host.commands.evaluate.write import RESULTS, write_evaluation
from host.deployment.folder import check_folder, run_folder
from host.deployment.images import build, render, start
from host.deployment.measure import device_column, measure
from host.deployment.prepare import columns_of_the_host, model_file, prepare
from host.deployment.request import DeviceOptions, ModelOptions, OutputOptions
from host.deployment.setup import find_setup
from host.deployment.stages import Observer, Stages
from host.device.answers import NAME, AnswerFile, kept
from host.models.class_names import with_names
from host.models.feeds import quantize_samples
from host.quantize.routes import find_int8_route
from host.verdict.costs import operator_costs
from host.verdict.judge import judge
from host.verdict.latency import summarize_latency
from host.verdict.options import Limits, VerdictOptions
from host.verdict.tasks import read_as


def flash_and_eval(
    what: ModelOptions,
    where: DeviceOptions,
    how: VerdictOptions,
    limits: Limits,
    output: OutputOptions,
    observer: Observer,
    *,
    jobs: int = 1,
    resume: bool = False,
) -> Evaluation:
    """Convert, render, build, start, stream, compare, report.

    Args:
        what, where: the model, and the device.
        how, limits: of the verdict.
        output: where the results go.
        observer: is told how far the run is.
        jobs: emulators side by side, which share the samples.
        resume: continue the run in the output's folder, which did not finish.

    Raises:
        FlashAndEvalError: see ``host.base.errors``. Before the build nothing is written but caches.
    """
    stages = Stages(observer)
    find_int8_route(what.route)  # before anything is trained
    if resume and output.folder is None:
        raise ConfigError("--resume needs --out: the folder of the run that did not finish")
    check_folder(output.folder)
    setup = find_setup(where, jobs)
    observer.note(*setup.notes)
    model = model_file(what, stages)
    prepared = prepare(what, model, setup.engine, stages, how.reference)
    graph = prepared.quantized.graph
    dataset = with_names(prepared.dataset, how.classes, graph.output.size)
    prepared, reading = replace(prepared, dataset=dataset), read_as(graph, dataset, how.task)
    setup, rendered = render(setup, graph, stages)
    with run_folder(output.folder, setup.board, model, graph, RESULTS) as folder:
        setup, rendered, image = build(setup, rendered, graph, folder, stages)

        inputs = quantize_samples(dataset, graph)
        columns = columns_of_the_host(prepared, inputs, stages)
        answers = AnswerFile(folder / NAME, image.elf.read_bytes(), resume=resume)
        with (
            kept(answers, _resuming(output, folder, resume)),
            stages.run("device", len(inputs)),
            start(setup, image, folder) as links,
        ):
            run = measure(
                links,
                rendered,
                graph,
                inputs,
                columns["tflm_host"].outputs,
                answers,
                timeout=setup.timeout,
                progress=observer.advance,
            )
        columns = {**columns, "device": device_column(run)}
        verdict, cause = answer(
            *(what, prepared, columns),
            partial(
                judge,
                columns,
                graph,
                dataset,
                first=run.first_difference,
                traced=len(run.traced),
                library=run.info.engine_version if setup.engine.runs_tflm else None,
                limits=limits,
                task=how.task,
            ),
            stages,
            per_channel_dense=setup.engine.per_channel_dense,
            task=how.task,
            limits=limits,
            explain=how.explain,
        )
        with stages.run("compare"):
            desktop = desktop_difference(graph, inputs, columns)
        costs = operator_costs(graph, rendered, run.operator_ticks)
        latency = summarize_latency(run.info, run.ticks, run.profiled_ticks, costs)
        evaluation = Evaluation(
            board=setup.board,
            model=model,
            reference=None if how.reference is None else prepared.original,
            quantized=prepared.quantized,
            dataset=dataset,
            rendered=rendered,
            image=image,
            device=run,
            columns=columns,
            reading=reading,
            limits=limits,
            verdict=verdict,
            desktop=desktop,
            cause=cause,
            latency=latency,
            timings=tuple(stages.timings),
            versions=versions.versions(setup.tools),
            choices=setup.notes,
            notes=run.notes,
            folder=folder,
            command=output.command,
        )
        write_evaluation(evaluation)
        answers.remove()
    return evaluation


def _resuming(output: OutputOptions, folder: Path, resume: bool) -> str:
    """The command that continues a run that did not finish."""
    command = output.command
    if output.folder is None:
        command += f" --out {shlex.quote(str(folder))}"
    return command if resume else f"{command} --resume"
