"""What the data can and cannot tell, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from host.quantize.routes import QUESTION
from host.report.formats import fixed, many, p_value, percent
from host.verdict.statistics import ALPHA, Interval

if TYPE_CHECKING:
    from host.commands.study.values import Comparison, DeviceSummary, Pair

# Points: what no error rate can differ by.
_ALL = 100.0
# Models that differ on the board, of which a sentence names no more.
_NAMED = 5


def pair_sentence(pair: Pair) -> str:
    """What can be said about two routes, in one or two sentences."""
    both, runs = f"{pair.left} and {pair.right}", pair.runs
    every = {1: "in the one run", 2: "in both runs"}.get(runs, f"in all {runs} runs")
    if pair.same_file_runs == runs:
        return f"{both} are the same .tflite file, byte for byte, {every}."
    if pair.same_outputs_runs == runs:
        return f"{both} compute the same int8 outputs, byte for byte, for every sample {every}."
    outputs = ""
    if pair.equal_int8_outputs is not None:
        outputs = f"; {percent(pair.equal_int8_outputs, 2)} of their int8 output values are equal"
    if pair.differing_runs == 0:
        return f"{both} predict the same class for every sample {every}{outputs}."
    where = f", in {pair.differing_runs} of {runs} runs" if runs > 1 else ""
    share = percent(pair.differing_predictions, 2)
    differ = f"their predictions differ on {share} of samples{where}{outputs}."
    if not pair.separated:
        points = fixed(pair.difference.value)
        return (
            f"Error rates cannot separate {both} (difference {points} points, "
            f"{_evidence(pair, pair.difference)}); {differ}"
        )
    worse, better, higher = pair.left, pair.right, pair.difference
    if higher.value < 0:
        worse, better = better, worse
        higher = Interval(-higher.value, -higher.high, -higher.low)
    return (
        f"Error rates separate {both}: that of {worse} is {fixed(higher.value)} points "
        f"higher than that of {better} ({_evidence(pair, higher)}); {differ}"
    )


def _evidence(pair: Pair, difference: Interval) -> str:
    test = "McNemar" if pair.wilcoxon_p is None else "Wilcoxon"
    after = f" after Holm's correction for {pair.pairs} pairs" if pair.pairs > 1 else ""
    said = (
        f"95 % {fixed(difference.low)} to {fixed(difference.high)}; {test} {p_value(pair.p)}{after}"
    )
    if pair.t_p_corrected is not None and (pair.t_p_corrected < ALPHA) != pair.separated:
        said += f", though the paired t test has {p_value(pair.t_p_corrected)}"
    return said


def headline(comparison: Comparison) -> str:
    """The result in one line."""
    counted, pairs = many(comparison.runs, "run"), comparison.pairs
    if not pairs:
        (route,) = comparison.routes
        return f"{counted} of one route, {route.name}: {fixed(route.error.value)} % errors"
    separated = sum(pair.separated for pair in pairs)
    differing = sum(pair.differing_runs > 0 for pair in pairs)
    if len(pairs) == 1:
        same = "their predictions differ" if differing else "their predictions are the same"
        told = "One" if separated else "Neither"
        return f"{told} route is measurably better in {counted}; {same}"
    told = f"{separated} of {len(pairs)} pairs of routes measurably differ in their errors"
    if not separated:
        told = "No route is measurably better"
    return f"{told} in {counted}; predictions differ in {differing} of {len(pairs)} pairs"


def sentences(comparison: Comparison) -> tuple[str, ...]:
    """The most telling sentences, few enough for a terminal."""
    pairs, device = comparison.pairs, comparison.device
    telling = [p for p in pairs if {p.left, p.right} == set(QUESTION)]
    telling += [p for p in pairs if p.runs in (p.same_file_runs, p.same_outputs_runs)][:2]
    separated = [p for p in pairs if p.separated]
    telling += sorted(separated, key=lambda p: -abs(p.difference.value))[:1]
    others = [p for p in pairs if not p.separated]
    telling += sorted(others, key=lambda p: -p.differing_predictions)[:1]
    return (
        *([device_sentence(device)] if device else []),
        *dict.fromkeys(pair.sentence for pair in telling),
        *_cautions(comparison),
    )


def _cautions(comparison: Comparison) -> list[str]:
    """How far the data reach."""
    pairs, runs, samples = comparison.pairs, comparison.runs, comparison.samples
    lines = []
    counted = f"With {runs} runs of {samples} samples" if runs > 1 else f"With {samples} samples"
    correction = f" and {len(pairs)} pairs" if len(pairs) > 1 else ""
    # A pair that never differs would need no difference to be seen at all.
    spans = [pair.detectable_points for pair in pairs if pair.detectable_points > 0]
    if spans and runs == 1:
        lines.append(
            f"{counted} in one run{correction}, a difference in error rate below "
            f"{fixed(spans[0])} points cannot be seen at all; more runs show more."
        )
    elif spans and np.median(spans) >= _ALL:
        lines.append(f"{counted}{correction}, no difference in error rate would be seen reliably.")
    elif spans:
        lines.append(
            f"{counted}{correction}, a difference in error rate below about "
            f"{fixed(float(np.median(spans)))} points would not have been seen between two "
            f"typical routes ({fixed(min(spans))} between the most alike, "
            f"{fixed(max(spans))} between the least)."
        )
    if runs == 1 or not pairs:
        return lines
    least = 2.0 ** (1 - runs) * len(pairs)
    if least >= ALPHA:
        lines.append(
            f"{runs} runs are few: over {len(pairs)} pairs, Wilcoxon's test cannot come below "
            f"{p_value(min(1.0, least))}, whatever the difference."
        )
    told = sum(pair.mcnemar_runs for pair in pairs)
    lines.append(
        "Within single runs, McNemar's test (Holm over the runs) separates two routes in "
        f"{told} of {sum(pair.runs for pair in pairs)} comparisons."
    )
    return lines


def device_sentence(device: DeviceSummary) -> str:
    """What the board did, and how."""
    where = f"{device.board} (engine {device.engine})"
    if device.match:
        work = f"{many(device.models, 'model')}, {many(device.inferences, 'inference')}"
        if device.models_loaded:
            work += f", {device.models_loaded} of them sent to the one image while it ran"
        return f"{where} computes byte for byte what TFLM on the host computes: {work}."
    worst = ", ".join(
        f"seed {model.seed} {model.route} ({many(model.samples, 'sample')})"
        for model in device.differing[:_NAMED]
    )
    rest = len(device.differing) - _NAMED
    return (
        f"THE DEVICE DIFFERS: {where} computes something else than TFLM on the host for "
        f"{len(device.differing)} of {device.models} models: {worst}"
        f"{f' and {rest} more' if rest > 0 else ''}. "
        "Run such a model with flash-and-eval: it names the operator."
    )
