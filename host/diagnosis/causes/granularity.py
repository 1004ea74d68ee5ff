"""The rule on grids: the same real weights, rounded per tensor in one model, per channel in the
other."""

import numpy as np

from host.base.arrays import Array
from host.diagnosis.causes.inquiry import Inquiry, Suspect
from host.diagnosis.comparison.case import Case, Side
from host.diagnosis.comparison.parameters import rounding_ratio
from host.models.tflite import Tensor
from host.report.formats import percent

# A channel whose largest code is below this was rounded on a grid made for another channel.
_FULL_CODES = 120


def other_granularity(inquiry: Inquiry) -> list[Suspect]:
    """The same real weights on grids of another granularity."""
    case = inquiry.case
    same = [i for i in inquiry.open("weights") if case.parts[i].same_value]
    coarse = {i: side for i in same if (side := _coarse(case, i)) is not None}
    if not coarse:
        return []
    operators = sorted({case.operator(i).index for i in coarse})
    worst = max(rounding_ratio(*case.tensors(i)) for i in coarse)
    some = next(iter(coarse))
    (detail,) = case.parts[some].differences
    used_a, used_b = (int(np.median(_largest_codes(case, some, t))) for t in case.tensors(some))
    sides = set(coarse.values())
    evidence = (
        f"{'A and B each' if len(sides) > 1 else sides.pop()} rounded the weights of operators "
        f"{', '.join(map(str, operators))} per tensor, the other model per channel; the real "
        f"weights are the same up to rounding (worst {worst:.2f} of what rounding allows).",
        f"In {case.title(case.operator(some).index)}, {percent(detail.codes)} of the weights' "
        f"codes differ, by up to {detail.largest}; channels use codes up to {used_a} (A) and "
        f"{used_b} (B) of 127 (median).",
    )
    return [Suspect(frozenset(same), evidence, operators[0] if len(operators) == 1 else None)]


def _coarse(case: Case, part: int) -> Side | None:
    """Which of the two models has the coarser grid, or None where they are alike."""
    fine_a, fine_b = (
        float((_largest_codes(case, part, tensor) >= _FULL_CODES).mean())
        for tensor in case.tensors(part)
    )
    if abs(fine_a - fine_b) < 0.25:
        return None
    return "A" if fine_a < fine_b else "B"


def _largest_codes(case: Case, part: int, tensor: Tensor) -> Array:
    """The largest code of each output channel."""
    assert tensor.data is not None
    codes = np.abs(tensor.data.astype(np.int64))
    return np.asarray(case.operator(part).by_channel(codes).max(axis=1))
