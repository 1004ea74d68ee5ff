"""Suspects among weights: the same real numbers, rounded on grids of another granularity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from host.diagnosis.case import Case, Suspect, as_percent
from host.diagnosis.parameters import rounding_ratio
from host.models.tflite import Tensor

# A channel whose largest code is below this was rounded on a grid made for another channel.
_FULL_CODES = 120


def suspects_of_granularity(case: Case) -> list[Suspect]:
    """The same real weights on grids of another granularity."""
    same = [i for i in case.of_kind("weights") if case.parts[i].same_value]
    apart = [i for i in same if _coarse(case, i) is not None]
    if not apart:
        return []
    coarse = {_coarse(case, i) for i in apart}
    who = "A and B each" if len(coarse) > 1 else f"{coarse.pop()}"
    operators = sorted({case.operator(i).index for i in apart})
    some = apart[0]
    left, right = case.tensors(some)
    detail = case.parts[some].difference
    one = operators[0] if len(operators) == 1 else None
    evidence = (
        f"{who} rounded the weights of operators {', '.join(map(str, operators))} per tensor, the "
        "other model per channel; the real weights are the same up to rounding "
        f"(worst {max(rounding_ratio(*case.tensors(i)) for i in apart):.2f} of what rounding "
        "allows).",
        f"In {case.title(case.operator(some).index)}, {as_percent(detail.codes)} of the weights' "
        f"codes differ, by up to {detail.largest}; channels use codes up to "
        f"{_used(case, some, left)} (A) and {_used(case, some, right)} (B) of 127 (median).",
    )
    return [Suspect("weight-granularity", frozenset(same), one, None, evidence)]


def _coarse(case: Case, part: int) -> str | None:
    """Which of the two models has the coarser grid, or None where they are alike."""
    left, right = case.tensors(part)
    fine_a, fine_b = (_full_channels(case, part, tensor) for tensor in (left, right))
    if abs(fine_a - fine_b) < 0.25:
        return None
    return "A" if fine_a < fine_b else "B"


def _largest_codes(case: Case, part: int, tensor: Tensor) -> npt.NDArray[np.int64]:
    """The largest code of each output channel."""
    assert tensor.data is not None
    codes = np.abs(tensor.data.astype(np.int64))
    return np.asarray(case.operator(part).by_channel(codes).max(axis=1))


def _full_channels(case: Case, part: int, tensor: Tensor) -> float:
    return float((_largest_codes(case, part, tensor) >= _FULL_CODES).mean())


def _used(case: Case, part: int, tensor: Tensor) -> int:
    return int(np.median(_largest_codes(case, part, tensor)))
