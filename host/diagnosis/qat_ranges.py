"""Suspects among ranges: quantization-aware training that has not converged."""

from __future__ import annotations

import numpy as np

from host.diagnosis.case import Case, Suspect, as_percent, factor, share_of
from host.diagnosis.differing import CLIPS, DifferingRange, parts_of
from host.diagnosis.metadata import trained_quantized
from host.models.tflite import Graph, Tensor

# tfmot: MovingAverageQuantizer starts at ±6 and keeps 0.999 of the old value at each step.
_QAT_START, _QAT_DECAY = 6.0, 0.999
# Codes below zero after a ReLU from which on a range has not converged; data gives none at all.
_WASTED_CODES = 4
_RELU = (1, 3)  # the schema's ActivationFunctionType: RELU, RELU6


def unconverged(case: Case, ranges: list[DifferingRange]) -> Suspect | None:
    """Ranges after ReLUs that begin below zero, in A or in B; None where there are few or none."""
    wasted = {"A": _wasted(case.a), "B": _wasted(case.b)}
    graphs = {"A": case.a, "B": case.b}
    bad = {
        who: [t for t, codes in found if codes >= _WASTED_CODES] for who, found in wasted.items()
    }
    who = max(bad, key=lambda w: sum(codes for _, codes in wasted[w]))
    least = 1 if trained_quantized(graphs[who]) else 2
    if len(bad[who]) < max(least, len(wasted[who]) / 2):
        return None
    lows = [
        -(t.quantization.zero_point + 128) * t.quantization.scale
        for t in bad[who]
        if t.quantization
    ]
    evidence = [
        f"After a ReLU no value is below zero, yet {share_of(len(bad[who]), len(wasted[who]))} "
        f"such ranges in {who} begin at {factor(min(lows))} to {factor(max(lows))} (zero points "
        f"{_points(bad[who])} instead of −128): those codes are never used.",
    ]
    steps = np.log(np.abs(lows) / _QAT_START) / np.log(_QAT_DECAY)
    if min(steps) > -1 and max(steps) - min(steps) < 0.2 * max(steps) + 20:
        evidence.append(
            f"{factor(float(np.median(lows)))} is what is left of tfmot's −6 after about "
            f"{max(0, round(float(np.median(steps))))} steps of its moving average "
            "(−6 · 0.999ⁿ)."
        )
    clipped = [r for r in ranges if (r.outside_a if who == "A" else r.outside_b) > CLIPS]
    if clipped:
        most = max(clipped, key=lambda r: max(r.outside_a, r.outside_b))
        share = most.outside_a if who == "A" else most.outside_b
        evidence.append(
            f"{share_of(len(clipped), len(ranges))} ranges of {who} clip: "
            f"{case.title(most.operator)} {as_percent(share)} of its values."
        )
    if trained_quantized(graphs[who]):
        evidence.append(
            f"{who}'s file says that it comes from quantization-aware training: the converter "
            "ignored the representative data set, which would have given other ranges."
        )
    return Suspect("qat-ranges-unconverged", parts_of(ranges), None, None, tuple(evidence))


def _points(tensors: list[Tensor]) -> str:
    points = sorted(t.quantization.zero_point for t in tensors if t.quantization)
    return f"{points[0]}" if points[0] == points[-1] else f"{points[0]} to {points[-1]}"


def _wasted(graph: Graph) -> list[tuple[Tensor, int]]:
    """The int8 outputs of ReLUs, with the codes that each has for values below zero."""
    found = []
    for operator in graph.operators:
        relu = operator.name in ("RELU", "RELU6") or (
            operator.options.get("fusedActivationFunction") in _RELU
        )
        tensor = graph.tensors[operator.outputs[0]] if operator.outputs else None
        if relu and tensor and tensor.dtype == "int8" and tensor.quantization is not None:
            found.append((tensor, tensor.quantization.zero_point + 128))
    return found
