"""A study on one screen: plan, runs, board, statistics, report."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence

from host.base import versions
from host.base.errors import FlashAndEvalError, MachineError
from host.base.files import complete
from host.commands.study import compare, words
from host.commands.study.device import run_on_board
from host.commands.study.folder import REPORTS, Folder, open_folder
from host.commands.study.options import StudyRequest, separated
from host.commands.study.plan import default_folder, make_plan, study_setup
from host.commands.study.runs import absolute, compute_runs, default_jobs
from host.commands.study.values import BoardWork, Failure, RunResult, Study
from host.commands.study.write import write_study
from host.deployment.setup import Setup
from host.deployment.stages import Observer
from host.models.dataset import Dataset
from host.quantize.routes import ROUTES


def study(request: StudyRequest, observer: Observer) -> Study:
    """Train and convert many times, along every route, and say what can be told apart.

    Runs that failed, and a board that did, are in ``failures``: what there is, is reported.

    Raises:
        InputError: the user's choice, model or data cannot be used.
        MachineError: no run succeeded.
    """
    begin = time.monotonic()
    setup = study_setup(request)  # nothing is trained for a board that is not there
    observer.stage("check data and model", None)
    plan, dataset, notes = make_plan(request, setup)
    notes = (*(setup.notes if setup else ()), *notes)
    folder = open_folder(request.folder or default_folder(plan), plan, fresh=request.fresh)
    observer.note(*notes)

    seeds = range(plan.first_seed, plan.first_seed + request.runs)
    jobs = request.jobs or default_jobs()
    with folder.locked():
        missing = [seed for seed in seeds if folder.load_run(seed) is None]
        reused = request.runs - len(missing)
        observer.note(_progress_note(folder, reused, request.runs))
        observer.stage("runs", len(missing))
        source = absolute(request.data or "")
        failures = compute_runs(plan, source, missing, folder, jobs, observer.advance)
        runs = [run for seed in seeds if (run := folder.load_run(seed)) is not None]
        if not runs:
            raise _all_failed(failures)
        board, trouble = _board(request, setup, folder, runs, dataset, observer)

        observer.stage("compare and report", None)
        assert dataset.y is not None and dataset.x_train is not None  # make_plan has seen to it
        labels, samples = dataset.y, len(dataset.y)
        routes = tuple(
            compare.summarize_route(name, ROUTES[name].meaning, runs, labels)
            for name in plan.routes
        )
        pairs = compare.compare_pairs(plan.routes, runs, labels)
        device = compare.summarize_device(runs, board) if board else None
        said = words.sentences(routes, pairs, len(runs), samples)
        result = Study(
            plan=plan,
            asked=request.runs,
            reused=reused,
            jobs=jobs,
            samples=samples,
            classes=int(labels.max()) + 1,
            trained_on=len(dataset.x_train),
            labels=labels,
            runs=tuple(runs),
            device_results=board.results if board else (),
            failures=(*failures, *trouble),
            routes=routes,
            pairs=pairs,
            device=device,
            headline=words.headline(routes, pairs, len(runs)),
            sentences=(words.device_sentence(device), *said) if device else said,
            pair_sentences=tuple(words.pair_sentence(p, len(runs), len(pairs)) for p in pairs),
            notes=notes,
            versions={**versions.versions(), **plan.packages},
            machine=f"{platform.platform()}, {default_jobs()} processors",
            seconds=time.monotonic() - begin,
            folder=folder.path,
            command=request.command,
        )
        with complete(folder.path, REPORTS):
            write_study(result)
    return result


def _progress_note(folder: Folder, reused: int, runs: int) -> str:
    counted = words.many(runs, "run")
    there = f"{reused} of {counted} are there already" if reused else f"{counted} to do"
    return f"{there}; each is kept as it ends, the same command goes on: {folder.path}"


def _all_failed(failures: Sequence[Failure]) -> FlashAndEvalError:
    first = failures[0]
    return MachineError(f"no run succeeded; {first.message}", first.hint)


def _board(
    request: StudyRequest,
    setup: Setup | None,
    folder: Folder,
    runs: Sequence[RunResult],
    dataset: Dataset,
    observer: Observer,
) -> tuple[BoardWork | None, tuple[Failure, ...]]:
    """The board's column, or why there is none: its failure takes no run away."""
    if setup is None:
        return None, ()
    chosen, routes = runs[: request.board_runs], separated(request.board_routes)
    try:
        return run_on_board(setup, folder, chosen, routes, dataset, observer), ()
    except FlashAndEvalError as error:
        message = f"the board {setup.board.name}: {error.message}"
        return None, (Failure(None, message, error.hint, error.exit_code),)
