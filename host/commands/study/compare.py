"""Statistics over the runs: each route by itself, every two routes, the board against the host."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from host.base.arrays import Array, RealArray
from host.commands.study import values
from host.commands.study.values import BoardWork, Pair, RouteResult, RunResult
from host.quantize.routes import find_route
from host.verdict import statistics
from host.verdict.statistics import Interval
from host.verdict.tasks import Classes, decide

# Below, intervals over runs are Student's.
FEW_RUNS = 8


def compare(
    routes: Sequence[str], runs: Sequence[RunResult], labels: Classes, board: BoardWork | None
) -> values.Comparison:
    """What the runs, at least one, say of these routes and of the board."""
    return values.Comparison(
        runs=len(runs),
        samples=len(labels),
        routes=tuple(summarize_route(route, runs, labels) for route in routes),
        pairs=compare_pairs(routes, runs, labels),
        device=summarize_device(runs, board) if board else None,
    )


def summarize_route(route: str, runs: Sequence[RunResult], labels: Classes) -> values.RouteSummary:
    """One route over all runs, at least one."""
    results = [run.routes[route] for run in runs]
    errors = np.array([100 * np.mean(decide(result.outputs) != labels) for result in results])
    executor = results[0].result
    keeps = [np.mean(decide(r.outputs) == decide(r.columns["keras"])) for r in results]
    in_keras = executor == "keras"
    return values.RouteSummary(
        name=route,
        meaning=find_route(route).meaning,
        executor=executor,
        error=_error_interval(errors, len(labels)),
        sd=float(errors.std(ddof=1)) if len(errors) > 1 else None,
        errors=tuple(errors.tolist()),
        keeps_keras_predictions=None if in_keras else float(np.mean(keeps)),
        tflite_bytes=None if in_keras else int(np.median([r.tflite_bytes for r in results])),
    )


def _error_interval(errors: RealArray, samples: int) -> Interval:
    if len(errors) > 1:
        interval = over_runs(errors)
        return replace(interval, low=max(0.0, interval.low), high=min(100.0, interval.high))
    share = statistics.share(round(errors[0] * samples / 100), samples)
    return Interval(100 * share.value, 100 * share.low, 100 * share.high)


def over_runs(points: RealArray) -> Interval:
    """The mean with an interval over runs: bootstrap, for few runs Student's t.

    Resampling a handful of values shows less spread than there is.
    """
    few = len(points) < FEW_RUNS
    return statistics.mean(points) if few else statistics.bootstrap_mean(points)


def compare_pairs(
    routes: Sequence[str], runs: Sequence[RunResult], labels: Classes
) -> tuple[Pair, ...]:
    """Every two routes, in order; p values are corrected over all of these pairs."""
    names = list(itertools.combinations(routes, 2))
    pairs = [_compare(left, right, runs, labels, len(names)) for left, right in names]
    if len(runs) == 1:
        corrected = statistics.holm([pair.mcnemar_p[0] for pair in pairs])
        return tuple(
            replace(pair, mcnemar_p_over_pairs=p) for pair, p in zip(pairs, corrected, strict=True)
        )
    wilcoxon = statistics.holm([pair.wilcoxon_p or 0.0 for pair in pairs])
    t = statistics.holm([pair.t_p or 0.0 for pair in pairs])
    return tuple(
        replace(pair, wilcoxon_p_corrected=wilcoxon[i], t_p_corrected=t[i])
        for i, pair in enumerate(pairs)
    )


def _compare(left: str, right: str, runs: Sequence[RunResult], labels: Classes, pairs: int) -> Pair:
    """Two routes, not yet corrected over all pairs."""
    results = [(run.routes[left], run.routes[right]) for run in runs]
    classes = [(decide(a.outputs), decide(b.outputs)) for a, b in results]
    # Left wrong and right right: +1; the other way round: −1.
    by_sample = np.array([(a != labels).astype(float) - (b != labels) for a, b in classes])
    differences = 100 * by_sample.mean(axis=1)
    several = len(runs) > 1
    # Of int8 outputs those that stand for the same number.
    equal = [
        float(np.mean(a.real_outputs == b.real_outputs))
        for a, b in results
        if a.outputs.dtype == b.outputs.dtype == np.int8
    ]
    mcnemar = tuple(statistics.mcnemar(a == labels, b == labels) for a, b in classes)
    differing = np.array([np.mean(a != b) for a, b in classes])
    files = [(a.tflite_sha256, b.tflite_sha256) for a, b in results]
    return Pair(
        left=left,
        right=right,
        pairs=pairs,
        difference=(
            over_runs(differences) if several else statistics.bootstrap_mean(100 * by_sample[0])
        ),
        wilcoxon_p=statistics.wilcoxon(differences) if several else None,
        wilcoxon_p_corrected=None,
        t_p=statistics.paired_t(differences) if several else None,
        t_p_corrected=None,
        mcnemar_p=mcnemar,
        mcnemar_p_corrected=statistics.holm(mcnemar),
        mcnemar_p_over_pairs=None,
        differing_predictions=float(differing.mean()),
        differing_runs=int(np.count_nonzero(differing)),
        equal_int8_outputs=float(np.mean(equal)) if len(equal) == len(runs) else None,
        same_outputs_runs=equal.count(1.0) if len(equal) == len(runs) else 0,
        same_file_runs=sum(a is not None and a == b for a, b in files),
        detectable_points=(
            min(100.0, statistics.detectable_mean(differences, pairs))
            if several
            else 100 * statistics.detectable_share(len(labels), pairs)
        ),
    )


def summarize_device(runs: Sequence[RunResult], work: BoardWork) -> values.DeviceSummary:
    """What the board computed, against TFLM on the host, model by model."""
    oracles = {(run.seed, name): r for run in runs for name, r in run.routes.items()}
    differing, ticks = [], dict[str, list[Array]]()
    for result in work.results:
        ticks.setdefault(result.route, []).append(result.ticks)
        equal = equal_samples(result, oracles[result.seed, result.route])
        if not equal.all():
            unequal = int(np.count_nonzero(~equal))
            differing.append(values.DifferingModel(result.seed, result.route, unequal))
    return values.DeviceSummary.of(
        *(work.conditions, work),
        models=len(work.results),
        inferences=sum(len(result.outputs) for result in work.results),
        differing=tuple(differing),
        median_ticks={r: float(np.median(np.concatenate(t))) for r, t in ticks.items()},
    )


def equal_samples(device: values.DeviceResult, host: RouteResult) -> Array:
    """For each sample [n], whether the board's outputs are TFLM's on the host, byte for byte."""
    oracle = host.columns["tflm_host"]
    equal: Array = (device.outputs == oracle).reshape(len(oracle), -1).all(axis=1)
    return equal
