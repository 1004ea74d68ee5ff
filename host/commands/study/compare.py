"""Statistics over the runs: each route by itself, every two routes, the board against the host."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array
from host.commands.study.values import (
    BoardWork,
    DeviceResult,
    DeviceSummary,
    Pair,
    RouteResult,
    RouteSummary,
    RunResult,
)
from host.verdict import statistics
from host.verdict.gaps import Classes, decide
from host.verdict.statistics import Interval

# Below, intervals over runs are Student's.
FEW_RUNS = 8

Values = npt.NDArray[np.float64]


# --- one route --------------------------------------------------------------------------------


def error_percent(outputs: Array, labels: Classes) -> float:
    """Percent of the samples whose arg-max is not the label."""
    return 100.0 * float(np.mean(decide(outputs) != labels))


def summarize_route(
    route: str, meaning: str, runs: Sequence[RunResult], labels: Classes
) -> RouteSummary:
    """One route over all runs, at least one."""
    results = [run.routes[route] for run in runs]
    errors = np.array([error_percent(result.outputs, labels) for result in results])
    executor = results[0].result
    keeps = [np.mean(decide(r.outputs) == decide(r.columns["keras"])) for r in results]
    return RouteSummary(
        route=route,
        meaning=meaning,
        executor=executor,
        error=_error_interval(errors, len(labels)),
        sd=float(errors.std(ddof=1)) if len(errors) > 1 else None,
        errors=tuple(map(float, errors)),
        keeps=float(np.mean(keeps)) if executor != "keras" else None,
        tflite_bytes=int(np.median([result.tflite_bytes for result in results])),
    )


def _error_interval(errors: Values, samples: int) -> Interval:
    if len(errors) > 1:
        found = over_runs(errors)
        return Interval(found.value, max(0.0, found.low), min(100.0, found.high))
    one = statistics.share(round(errors[0] * samples / 100), samples)
    return Interval(100 * one.value, 100 * one.low, 100 * one.high)


def over_runs(values: Values) -> Interval:
    """The mean with an interval over runs: bootstrap, for few runs Student's t.

    Resampling a handful of values shows less spread than there is.
    """
    few = len(values) < FEW_RUNS
    return statistics.mean(values) if few else statistics.bootstrap_mean(values)


# --- two routes -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Compared:
    """Two routes before the corrections. ``differences`` are errors left − right [r], points."""

    left: str
    right: str
    differences: Values
    difference: Interval
    mcnemar: tuple[float, ...]
    differing: Values
    equal_outputs: Values | None
    same_files: int


def compare_pairs(
    routes: Sequence[str], runs: Sequence[RunResult], labels: Classes
) -> tuple[Pair, ...]:
    """Every two routes, in order; p values are corrected over all of these pairs."""
    found = [
        _compare(left, right, runs, labels) for left, right in itertools.combinations(routes, 2)
    ]
    if not found:
        return ()
    one = len(runs) == 1
    wilcoxon = [statistics.wilcoxon(c.differences) for c in found]
    t = [1.0 if one else statistics.paired_t(c.differences) for c in found]
    mcnemar = statistics.holm([c.mcnemar[0] for c in found])
    wilcoxon_corrected, t_corrected = statistics.holm(wilcoxon), statistics.holm(t)
    return tuple(
        Pair(
            left=c.left,
            right=c.right,
            difference=c.difference,
            wilcoxon=None if one else wilcoxon[i],
            wilcoxon_corrected=None if one else wilcoxon_corrected[i],
            t=None if one else t[i],
            t_corrected=None if one else t_corrected[i],
            mcnemar=c.mcnemar,
            mcnemar_corrected=statistics.holm(c.mcnemar),
            mcnemar_pairs=mcnemar[i] if one else None,
            differing=float(c.differing.mean()),
            differing_runs=int(np.count_nonzero(c.differing)),
            equal_outputs=None if c.equal_outputs is None else float(c.equal_outputs.mean()),
            same_outputs_runs=(
                0 if c.equal_outputs is None else int(np.count_nonzero(c.equal_outputs == 1.0))
            ),
            same_file_runs=c.same_files,
            detectable=_detectable(c.differences, len(labels), len(found)),
        )
        for i, c in enumerate(found)
    )


def _compare(left: str, right: str, runs: Sequence[RunResult], labels: Classes) -> _Compared:
    results = [(run.routes[left], run.routes[right]) for run in runs]
    classes = [(decide(a.outputs), decide(b.outputs)) for a, b in results]
    # Left wrong and right right: +1; the other way round: −1.
    by_sample = np.array([(a != labels).astype(float) - (b != labels) for a, b in classes])
    differences = 100 * by_sample.mean(axis=1)
    equal = [_equal_outputs(a, b) for a, b in results]
    both_int8 = all(share is not None for share in equal)
    files = [(a.tflite_sha256, b.tflite_sha256) for a, b in results]
    return _Compared(
        left=left,
        right=right,
        differences=differences,
        difference=(
            over_runs(differences)
            if len(runs) > 1
            else statistics.bootstrap_mean(100 * by_sample[0])
        ),
        mcnemar=tuple(statistics.mcnemar(a == labels, b == labels) for a, b in classes),
        differing=np.array([np.mean(a != b) for a, b in classes]),
        equal_outputs=np.array(equal, np.float64) if both_int8 else None,
        same_files=sum(a is not None and a == b for a, b in files),
    )


def _equal_outputs(left: RouteResult, right: RouteResult) -> float | None:
    """Share of int8 output values that stand for the same number, None unless both are int8."""
    a, b = left.outputs, right.outputs
    if a.dtype != np.int8 or b.dtype != np.int8:
        return None
    if (left.scale, left.zero_point) == (right.scale, right.zero_point):
        return float(np.mean(a == b))
    real = [
        (values.astype(np.float64) - result.zero_point) * result.scale
        for values, result in ((a, left), (b, right))
    ]
    return float(np.mean(real[0] == real[1]))


def _detectable(differences: Values, samples: int, pairs: int) -> float:
    if len(differences) > 1:
        return min(100.0, statistics.detectable_mean(differences, pairs))
    return 100 * statistics.detectable_share(samples, pairs)


# --- the board --------------------------------------------------------------------------------


def summarize_device(runs: Sequence[RunResult], work: BoardWork) -> DeviceSummary:
    """What the board computed, against TFLM on the host, model by model."""
    results = work.results
    oracles = {(run.seed, name): r for run in runs for name, r in run.routes.items()}
    differing = []
    for result in results:
        oracle = oracles[result.seed, result.route].columns["tflm_host"]
        unequal = (result.outputs != oracle).reshape(len(oracle), -1).any(axis=1)
        differing.append((result.seed, result.route, int(np.count_nonzero(unequal))))
    wrong = tuple(entry for entry in differing if entry[2])
    inferences = sum(len(result.outputs) for result in results)
    return DeviceSummary(
        conditions=work.conditions,
        models=len(results),
        equal_models=len(results) - len(wrong),
        inferences=inferences,
        equal_inferences=inferences - sum(count for _, _, count in wrong),
        differing=wrong,
        builds=work.builds,
        loaded=work.loaded,
        ticks=_ticks(results),
    )


def _ticks(results: Sequence[DeviceResult]) -> Mapping[str, float]:
    routes = dict.fromkeys(result.route for result in results)
    return {
        route: float(np.median(np.concatenate([r.ticks for r in results if r.route == route])))
        for route in routes
    }
