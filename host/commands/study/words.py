"""What the data can and cannot tell, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from host.commands.study.values import DeviceSummary, Pair, RouteSummary
from host.quantize.routes import QUESTION
from host.verdict.statistics import Interval

_ALPHA = 0.05
# Points: what no error rate can differ by.
_ALL = 100.0


# --- two routes -------------------------------------------------------------------------------


def pair_sentence(pair: Pair, runs: int, pairs: int) -> str:
    """What can be said about two routes, in one or two sentences.

    Args:
        pair: the comparison.
        runs: how many there are.
        pairs: over how many pairs p was corrected.
    """
    both = f"{pair.left} and {pair.right}"
    every = {1: "in the one run", 2: "in both runs"}.get(runs, f"in all {runs} runs")
    if pair.same_file_runs == runs:
        return f"{both} are the same .tflite file, byte for byte, {every}."
    if pair.same_outputs_runs == runs:
        return f"{both} compute the same int8 outputs, byte for byte, for every sample {every}."
    outputs = ""
    if pair.equal_outputs is not None:
        outputs = f"; {_share(pair.equal_outputs)} of their int8 output values are equal"
    if pair.differing_runs == 0:
        return f"{both} predict the same class for every sample {every}{outputs}."
    where = f", in {pair.differing_runs} of {runs} runs" if runs > 1 else ""
    differ = f"their predictions differ on {_share(pair.differing)} of samples{where}{outputs}."
    if pair.separated:
        left_worse = pair.difference.value > 0
        worse, better = (pair.left, pair.right) if left_worse else (pair.right, pair.left)
        higher = pair.difference if left_worse else _turned(pair.difference)
        return (
            f"Error rates separate {both}: that of {worse} is {_points(higher.value)} points "
            f"higher than that of {better} ({_evidence(pair, higher, pairs)}); {differ}"
        )
    return (
        f"Error rates cannot separate {both} (difference {_points(pair.difference.value)} points, "
        f"{_evidence(pair, pair.difference, pairs)}); {differ}"
    )


def _turned(interval: Interval) -> Interval:
    return Interval(-interval.value, -interval.high, -interval.low)


def _evidence(pair: Pair, difference: Interval, pairs: int) -> str:
    test = "McNemar" if pair.wilcoxon is None else "Wilcoxon"
    after = f" after Holm's correction for {pairs} pairs" if pairs > 1 else ""
    said = (
        f"95 % {_points(difference.low)} to {_points(difference.high)}; "
        f"{test} {p_value(pair.p)}{after}"
    )
    if pair.t_corrected is not None and (pair.t_corrected < _ALPHA) != pair.separated:
        said += f", though the paired t test has {p_value(pair.t_corrected)}"
    return said


# --- the whole study --------------------------------------------------------------------------


def headline(routes: Sequence[RouteSummary], pairs: Sequence[Pair], runs: int) -> str:
    """The result in one line."""
    counted = many(runs, "run")
    if not pairs:
        rate = f"{routes[0].error.value:.2f} % errors"
        return f"{counted} of one route, {routes[0].route}: {rate}"
    separated = sum(pair.separated for pair in pairs)
    differing = sum(pair.differing_runs > 0 for pair in pairs)
    of = f"of {len(pairs)} pairs of routes" if len(pairs) > 1 else "of the two routes"
    told = f"error rates separate {separated or 'none'} {of}"
    if len(pairs) == 1:
        told = f"error rates {'separate' if separated else 'cannot separate'} the two routes"
        return f"{counted}: {told}; their predictions {'differ' if differing else 'are the same'}"
    return f"{counted}: {told}, predictions differ in {differing}"


def sentences(
    routes: Sequence[RouteSummary], pairs: Sequence[Pair], runs: int, samples: int
) -> tuple[str, ...]:
    """The most telling sentences, few enough for a terminal."""
    if not pairs:
        return _cautions(pairs, runs, samples)
    said = [pair for pair in pairs if {pair.left, pair.right} == set(QUESTION)]
    said += [pair for pair in pairs if runs in (pair.same_file_runs, pair.same_outputs_runs)][:2]
    told = sorted((p for p in pairs if p.separated), key=lambda p: -abs(p.difference.value))
    silent = sorted((p for p in pairs if not p.separated), key=lambda p: -p.differing)
    said += told[:1] + silent[:1]
    unique = {(pair.left, pair.right): pair for pair in said}.values()
    lines = [pair_sentence(pair, runs, len(pairs)) for pair in unique]
    return (*lines, *_cautions(pairs, runs, samples))


def _cautions(pairs: Sequence[Pair], runs: int, samples: int) -> tuple[str, ...]:
    """How far the data reach."""
    lines = []
    counted = f"With {runs} runs of {samples} samples" if runs > 1 else f"With {samples} samples"
    correction = f" and {len(pairs)} pairs" if len(pairs) > 1 else ""
    # A pair that never differs would need no difference to be seen at all.
    spans = [pair.detectable for pair in pairs if pair.detectable > 0]
    if spans and runs > 1 and np.median(spans) >= _ALL:
        lines.append(f"{counted}{correction}, no difference in error rate would be seen reliably.")
    elif spans and runs > 1:
        lines.append(
            f"{counted}{correction}, a difference in error rate below about "
            f"{_points(float(np.median(spans)))} points would not have been seen between two "
            f"typical routes ({_points(min(spans))} between the most alike, "
            f"{_points(max(spans))} between the least)."
        )
    elif spans:
        lines.append(
            f"{counted} in one run{correction}, a difference in error rate below "
            f"{_points(spans[0])} points cannot be seen at all; more runs show more."
        )
    least = 2.0 ** (1 - runs) * len(pairs)
    if pairs and runs > 1 and least >= _ALPHA:
        lines.append(
            f"{runs} runs are few: over {len(pairs)} pairs, Wilcoxon's test cannot come below "
            f"p = {min(1.0, least):.2g}, whatever the difference."
        )
    tests = sum(len(pair.mcnemar) for pair in pairs)
    if runs > 1 and tests:
        told = sum(p < _ALPHA for pair in pairs for p in pair.mcnemar_corrected)
        lines.append(
            f"Within single runs, McNemar's test (Holm over the runs) separates two routes in "
            f"{told} of {tests} comparisons."
        )
    return tuple(lines)


def device_sentence(device: DeviceSummary) -> str:
    """What the board did, and how."""
    where = f"{device.conditions.board} (engine {device.conditions.engine})"
    work = f"{many(device.models, 'model')}, {many(device.inferences, 'inference')}"
    if device.loaded:
        work += f", {device.loaded} of them sent to the one image while it ran"
    if device.match:
        return f"{where} computes byte for byte what TFLM on the host computes: {work}."
    worst = ", ".join(
        f"seed {seed} {route} ({count} samples)" for seed, route, count in device.differing[:5]
    )
    more = f" and {len(device.differing) - 5} more" if len(device.differing) > 5 else ""
    return (
        f"THE DEVICE DIFFERS: {where} computes something else than TFLM on the host for "
        f"{device.models - device.equal_models} of {device.models} models: {worst}{more}. "
        "Take such a model to flash-and-eval: it names the operator."
    )


# --- numbers ----------------------------------------------------------------------------------


def many(count: int, noun: str) -> str:
    """``1 run``, ``2,000 runs``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def p_value(p: float) -> str:
    """``p = 0.8``, ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _points(value: float) -> str:
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "−")


def _share(value: float) -> str:
    """A share 0..1 in percent; only exactly none reads 0 %, only exactly all 100 %."""
    percent = 100 * value
    if 0 < percent < 0.01:
        return "less than 0.01 %"
    if 99.99 < percent < 100:
        return "more than 99.99 %"
    return f"{percent:.2g} %" if percent < 10 else f"{percent:.4g} %"
