"""A study on one screen: plan, runs, board, statistics, report."""

import time

from host.base import locks
from host.base.errors import FlashAndEvalError, MachineError
from host.base.files import complete
from host.commands.study.compare import compare
from host.commands.study.device import choose_board, run_on_board
from host.commands.study.folder import REPORTS, open_folder
from host.commands.study.options import StudyRequest, separated
from host.commands.study.page import write_study
from host.commands.study.plan import chosen_routes, default_folder, make_plan
from host.commands.study.runs import absolute, compute_runs, default_jobs
from host.commands.study.values import Failure, Study
from host.deployment.stages import Observer
from host.report.formats import many


def study(request: StudyRequest, observer: Observer) -> Study:
    """Train and convert many times, along every route, and say which routes differ measurably.

    Runs that failed, and a board that did, are in ``failures``; everything else is reported.

    Raises:
        InputError: the user's choice, model or data cannot be used.
        MachineError: no run succeeded.
    """
    begin = time.monotonic()
    routes = chosen_routes(separated(request.routes))
    board = choose_board(request, routes)  # nothing is trained for a board that is not there
    observer.stage("check data and model", None)
    per_channel_dense = board is None or board.setup.engine.per_channel_dense
    plan, dataset, notes = make_plan(request, routes, per_channel_dense=per_channel_dense)
    assert dataset.y is not None and dataset.x_train is not None  # make_plan has checked
    folder = open_folder(request.folder or default_folder(plan), plan, fresh=request.fresh)
    notes = (*(board.setup.notes if board else ()), *notes)
    observer.note(*notes)

    seeds = range(plan.first_seed, plan.first_seed + request.runs)
    jobs = request.jobs or default_jobs()
    with locks.folder(folder.path, "study"):  # two in one would do the same work twice
        missing = [seed for seed in seeds if folder.load_run(seed) is None]
        reused = request.runs - len(missing)
        kept = "Each is kept when it ends; after an interruption the same command continues."
        done = f"{reused} of {many(request.runs, 'run')} done already"
        observer.note(f"{done}, in {folder.path}. {kept}")
        observer.stage("runs", len(missing))
        source = absolute(request.data or "")
        failures = compute_runs(plan, source, missing, folder, jobs, observer.advance)
        runs = [run for seed in seeds if (run := folder.load_run(seed)) is not None]
        if not runs:
            raise MachineError(f"no run succeeded; {failures[0].message}", failures[0].hint)
        work = None
        if board is not None:
            try:
                work = run_on_board(board, folder, runs, dataset, observer)
            except FlashAndEvalError as error:  # it takes no run away
                message = f"the board {board.setup.board.name}: {error.message}"
                failures += (Failure(None, message, error.hint, error.exit_code),)

        observer.stage("compare and report", None)
        result = Study(
            plan=plan,
            asked=request.runs,
            reused=reused,
            jobs=jobs,
            trained_on=len(dataset.x_train),
            labels=dataset.y,
            runs=tuple(runs),
            board=work,
            failures=failures,
            comparison=compare(plan.routes, runs, dataset.y, work),
            notes=notes,
            seconds=time.monotonic() - begin,
            folder=folder.path,
            command=request.command,
        )
        with complete(folder.path, REPORTS):
            write_study(result)
    return result
