"""Suspects among activation ranges: who chose them, from what, and do they fit.

A range that follows from other weights is no cause of its own: where an operator's weights differ
upstream and B's range fits what B computes, the range belongs to that suspect.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from host.diagnosis.case import Case, Suspect, as_percent, factor
from host.diagnosis.differing import (
    CLIPS,
    NOTABLE,
    DifferingRange,
    measure,
    parts_of,
    samples_clipped,
)
from host.diagnosis.qat_ranges import unconverged
from host.diagnosis.representative import (
    WIDE,
    clips_samples,
    coverage,
    input_range,
    outliers,
    scaled,
)

# What a range that fits its own signal uses of its codes at least, and clips at most.
_FILLED = 0.4
_SATURATED = 0.02
_GRID = "weight-granularity"  # the one suspect among constants from which no range follows


def suspects_of_ranges(case: Case, blamed: list[Suspect]) -> tuple[list[Suspect], list[str]]:
    """What the ranges point to.

    Args:
        case: the case.
        blamed: suspects among the constants.

    Returns:
        All suspects, those of ``blamed`` with the ranges that follow from them; and notes on
        ranges that differ and are no suspects.
    """
    ranges = [measure(case, i) for i in case.of_kind("range")]
    if not ranges:
        return blamed, []
    learned = unconverged(case, ranges)
    if learned is not None:
        return [*blamed, learned], []
    other = scaled(case, ranges, alone=all(s.cause == _GRID for s in blamed))
    if other is not None:
        return [*blamed, other], []
    entry = [r for r in ranges if r.operator is None]
    blamed, rest = _consequences(case, blamed, [r for r in ranges if r.operator is not None])
    found = _input(entry, alone=not rest)
    if not found:
        rest = [*entry, *rest]
    more, notes = _remaining(case, rest) if rest else ([], [])
    return [*blamed, *found, *more], notes


# --- what follows from other weights ----------------------------------------------------------


def _consequences(
    case: Case, blamed: list[Suspect], ranges: list[DifferingRange]
) -> tuple[list[Suspect], list[DifferingRange]]:
    """Hand ranges that follow from differing constants to those suspects."""
    value = [s for s in blamed if s.cause != _GRID]
    added: dict[int, set[int]] = {}
    rest = []
    for found in ranges:
        assert found.operator is not None
        above = case.upstream[found.operator]
        origins = [
            (max(o for o in _operators(case, s) if o in above), k)
            for k, s in enumerate(value)
            if _operators(case, s) & above
        ]
        if origins and _fits(case, found):
            added.setdefault(max(origins)[1], set()).add(found.part)
        else:
            rest.append(found)
    result = []
    for suspect in blamed:
        more = added.get(value.index(suspect), set()) if suspect in value else set()
        if more:
            suspect = replace(
                suspect,
                parts=suspect.parts | more,
                evidence=(
                    *suspect.evidence,
                    f"{len(more)} activation ranges follow from it: they fit what B computes.",
                ),
            )
        result.append(suspect)
    return result, rest


def _operators(case: Case, suspect: Suspect) -> frozenset[int]:
    found = {case.parts[i].operator for i in suspect.parts}
    return frozenset(o for o in found if o is not None)


def _fits(case: Case, found: DifferingRange) -> bool:
    """Whether B's range is one that calibrating B itself would give."""
    codes, q = case.traces.b[found.b.index], found.b.quantization
    if codes.dtype.kind == "f" or q is None:
        return False
    limits = np.iinfo(codes.dtype)
    clipped = float((codes == limits.max).mean())
    if q.zero_point > limits.min:
        clipped += float((codes == limits.min).mean())
    span = (int(codes.max()) - int(codes.min())) / (int(limits.max) - int(limits.min))
    return clipped < _SATURATED and span > _FILLED


# --- what is left -----------------------------------------------------------------------------


def _remaining(case: Case, ranges: list[DifferingRange]) -> tuple[list[Suspect], list[str]]:
    notable = [r for r in ranges if not 1 / NOTABLE < r.ratio < NOTABLE or _shifted(r)]
    clipping = [r for r in notable if _clips(r)]
    wide = [r for r in notable if not 1 / WIDE < r.ratio < WIDE]
    # Where all other ranges are equal to the last digit, somebody changed this one.
    equal = _count_ranges(case) - len(case.of_kind("range"))
    alone = len(ranges) <= max(1, _count_ranges(case) // 4) and equal > 0
    if notable and alone:
        return [_one(case, r) for r in notable], []
    if len(ranges) > 1 and (clipping or clips_samples(ranges)):
        return [coverage(case, ranges)], []
    if len(wide) > 1:
        return [outliers(case, ranges, wide)], []
    if wide:
        return [_one(case, r) for r in wide], []
    widest = max(max(r.ratio, 1 / r.ratio) for r in ranges)
    return [], [
        f"{len(ranges)} activation ranges differ, the most by a factor of {factor(widest)}, and "
        f"clip values in {as_percent(samples_clipped(ranges, 'B'))} of the samples in B, in "
        f"{as_percent(samples_clipped(ranges, 'A'))} in A: two draws of representative data differ "
        "as much. No finding.",
    ]


def _shifted(found: DifferingRange) -> bool:
    """A zero point that is elsewhere although the width is the same."""
    return abs(found.ratio - 1) < 1e-3 and abs(found.shift) >= 1


def _clips(found: DifferingRange) -> bool:
    worse, better = sorted((found.outside_a, found.outside_b), reverse=True)
    return worse > CLIPS and worse > 3 * better


def _count_ranges(case: Case) -> int:
    return sum(
        1
        for i in {*case.b.inputs, *(t for o in case.b.operators for t in o.outputs)}
        if i in case.partner and case.b.tensors[i].quantization is not None
    )


def _one(case: Case, found: DifferingRange) -> Suspect:
    codes = case.traces.b[found.b.index]
    qa, qb = found.a.quantization, found.b.quantization
    assert qa is not None and qb is not None
    evidence = [
        f"The output of {case.title(found.operator)} has scale {factor(qb.scale)} and zero point "
        f"{qb.zero_point} in B, {factor(qa.scale)} and {qa.zero_point} in A.",
    ]
    if found.outside_b > found.outside_a:
        evidence.append(f"B's range clips {as_percent(found.outside_b)} of the values.")
    elif codes.dtype.kind != "f":
        other = case.traces.a[found.a.index]
        evidence.append(
            f"{len(np.unique(codes))} of 256 codes are used in B, {len(np.unique(other))} in A."
        )
    return Suspect(
        "activation-range",
        frozenset({found.part}),
        found.operator,
        found.b.index,
        tuple(evidence),
    )


# --- the input alone ---------------------------------------------------------------------------


def _input(entry: list[DifferingRange], alone: bool) -> list[Suspect]:
    """The input's range: an offset, or, where no other range is off, a scale."""
    if not entry:
        return []
    found = entry[0]
    q = found.a.quantization
    assert q is not None
    if abs(found.ratio - 1) < 1e-3 and found.shift:
        evidence = (
            f"The input's zero point is {q.zero_point} in A and {q.zero_point + found.shift} in B, "
            f"at one scale: an offset of {abs(found.shift)} quantization step"
            f"{'s' if abs(found.shift) > 1 else ''} ({factor(abs(found.shift) * q.scale)}).",
        )
        return [Suspect("input-offset", parts_of(entry), None, found.b.index, evidence)]
    if alone and not 1 / NOTABLE < found.ratio < NOTABLE:
        said = (
            f"The input's scale in B is A's times {factor(found.ratio)}, while the other ranges "
            "do not follow.",
            input_range(found),
        )
        return [Suspect("input-scale", parts_of(entry), None, found.b.index, said)]
    return []
