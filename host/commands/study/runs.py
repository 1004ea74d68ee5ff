"""The runs: each trains one model and takes it along every route, in a process of its own.

Names of tensors depend on what a process did before, and sums on how many threads share them: one
fresh process a run and one thread make equal seeds give equal bytes, however many run at once.
"""

import contextlib
import os
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from host.base import isolated
from host.base.arrays import Array
from host.base.errors import FlashAndEvalError, InputError, OracleError
from host.base.quiet import quiet
from host.commands.study.folder import Folder
from host.commands.study.models import builder
from host.commands.study.values import Executor, Failure, Interpreter, Plan, RouteResult, RunResult
from host.models.dataset import Dataset, check_fit, load_dataset
from host.models.feeds import quantize_samples
from host.models.tflite import Graph
from host.oracles.host import EXECUTORS
from host.quantize.follow import Trained
from host.quantize.routes import find_route
from host.quantize.training import build_and_train

# One thread, one order of sets, tf_keras as what a user's `tf.keras` means.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_USE_LEGACY_KERAS": "1",
    "PYTHONHASHSEED": "0",
}


def load_samples(source: str, samples: int | None, seed: int) -> Dataset:
    """The samples to score, to train with and to calibrate with: the same for every run."""
    return load_dataset(source, samples=samples, seed=seed, calibrate=True, train=True)


def compute_runs(
    plan: Plan,
    source: str,
    seeds: Sequence[int],
    folder: Folder,
    jobs: int,
    progress: Callable[[int], None],
) -> tuple[Failure, ...]:
    """Compute the runs of these seeds; each is in the folder as soon as it is done.

    ``progress`` gets the number of runs that have ended. What is returned are the runs that a tool
    failed in, or that crashed; the others are not touched by it.

    Raises:
        InputError: the user's model or data cannot be used; every run would say the same.
    """
    calls = [(plan, source, seed, folder) for seed in seeds]
    failures = []
    progress(0)
    outcomes = isolated.side_by_side(compute_run, calls, jobs, ENVIRONMENT)
    with contextlib.closing(outcomes):
        for done, (index, outcome) in enumerate(outcomes, start=1):
            if isinstance(outcome, InputError):
                raise outcome
            if isinstance(outcome, FlashAndEvalError):
                seed = seeds[index]
                said = f"the run with seed {seed} failed: {outcome.message}"
                said += f" (log: {folder.log(seed)})"
                failures.append(Failure(seed, said, outcome.hint, outcome.exit_code))
            progress(done)
    return tuple(sorted(failures, key=lambda failure: failure.seed or 0))


def compute_run(plan: Plan, source: str, seed: int, folder: Folder) -> None:
    """One run, in this process, into the folder.

    Raises:
        FlashAndEvalError: see ``build_and_train``, ``Trained`` and ``host.oracles``.
    """
    begin = time.monotonic()
    log = folder.log(seed)
    log.unlink(missing_ok=True)
    with quiet(log):
        try:
            run, models = _run(plan, source, seed)
        except Exception:
            traceback.print_exc()  # into the log
            raise
    folder.store_run(replace(run, seconds=round(time.monotonic() - begin, 2)), models)


def _run(plan: Plan, source: str, seed: int) -> tuple[RunResult, dict[str, bytes]]:
    dataset = load_samples(source, plan.samples, plan.first_seed)
    build = builder(plan.model, dataset, seed)
    trained_model = build_and_train(build, dataset, seed, plan.training)
    dataset = check_fit(dataset, trained_model.input_shape, trained_model.output_shape)
    trained = Trained(trained_model, dataset, seed, plan.training, plan.per_channel_dense)
    results, models = {}, {}
    for name in plan.routes:
        route = find_route(name)
        quantized = None if route.runs_in == "keras" else trained.quantized(route)
        predicted = trained.keras(route).predict(dataset.x)
        if quantized is None:
            results[name] = RouteResult(name, {"keras": predicted}, "keras")
        else:
            results[name] = _judged(name, predicted, quantized.graph, dataset, plan.executor)
            models[name] = quantized.graph.content
    return RunResult(seed, results), models


def _judged(
    name: str, predicted: Array, graph: Graph, dataset: Dataset, executor: Interpreter
) -> RouteResult:
    """What a route's .tflite computes, by every executor that has it."""
    columns: dict[Executor, Array] = {"keras": predicted}
    inputs = quantize_samples(dataset, graph)
    for interpreter in get_args(Interpreter):
        column = EXECUTORS[interpreter](graph, inputs)
        if column.outputs is not None:
            columns[interpreter] = column.outputs
        elif interpreter == executor:
            raise OracleError(
                f"the route {name} cannot be judged: {column.absent}",
                "Leave the route out with --routes.",
            )
    q = graph.output.quantization
    return RouteResult(
        route=name,
        columns=columns,
        result=executor,
        tflite_sha256=graph.sha256,
        tflite_bytes=len(graph.content),
        scale=q.scale if q else 0.0,
        zero_point=q.zero_point if q else 0,
    )


def default_jobs() -> int:
    """As many runs at once as there are processors that this process may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, count or 1)


def absolute(source: str) -> str:
    """The data set as a run finds it from wherever it stands."""
    return str(Path(source).resolve()) if Path(source).is_file() else source
