"""Rules on activation ranges: who chose them, from what, and do they fit.

A range that follows from other weights is no cause of its own: where an operator's weights differ
upstream and B's range fits what B computes, the range belongs to that suspect.
"""

from dataclasses import replace

import numpy as np

from host.diagnosis.causes.inquiry import Inquiry, Suspect, parts_of
from host.diagnosis.comparison.case import CLIPS, Case, DifferingRange, Side, samples_clipped
from host.models.tflite import Tensor
from host.report.formats import many, number, percent

# Two draws of representative data give ranges whose widths differ by less than this factor.
_NOTABLE = 1.25
# How much wider or narrower the input's range must be before its data counts as scaled.
_SCALED = 1.8
# Ranges this much wider than needed waste half of their codes.
_WIDE = 2.0
# Factors by which representative data is wrongly scaled, as a rule: full scales of integers of the
# usual widths, their halves, and plain ones.
_BITS = (4, 5, 6, 7, 8, 10, 12, 14, 15, 16)
_USUAL = (*(2.0**n for n in _BITS), *(2.0**n - 1 for n in _BITS), 127.5, 2.0, 10.0, 100.0, 1000.0)
# Share of samples with a clipped value from which on the data did not cover what the model sees:
# ranges from some hundred samples drawn at random clip a value in a few percent of new samples.
_MANY_SAMPLES = 0.10
# What a range that fits its own signal uses of its codes at least, and clips at most.
_FILLED = 0.4
_SATURATED = 0.02


def moved_input(inquiry: Inquiry, /, *, by_few: bool) -> list[Suspect]:
    """The input's range is far off, and later ranges are off in the same direction: because of a
    few representative samples that are far larger than the others, or of the scale of them all."""
    case, ranges, entry = inquiry.case, inquiry.open_ranges(), inquiry.open_input()
    if entry is None or entry.factor < _SCALED:
        return []
    # Only the later ranges tell whether data was scaled, or the input's scale alone is wrong.
    moved = [r for r in ranges if r is not entry and (r.ratio > 1) == (entry.ratio > 1)]
    if _other_constants(inquiry):  # else any other range that differs was calibrated again
        moved = [r for r in moved if r.factor >= _NOTABLE]
    if not moved:
        return []
    usual = next((f for f in _USUAL if abs(entry.factor / f - 1) < 0.03), None)
    wider, tensor = ("B", entry.b) if entry.ratio > 1 else ("A", entry.a)
    if entry.ratio < 1 and _lacks_large_samples(case):
        return []
    large, typical = _few_large_samples(case, tensor)
    # The large samples are there, or no usual factor explains the ranges. Narrower ranges would
    # clip the samples themselves.
    clipped = max(entry.outside("A"), entry.outside("B")) > CLIPS
    if by_few != (bool(large) or (usual is None and not clipped)):
        return []
    ratio = float(np.median([r.ratio for r in moved]))
    evidence = [
        f"The input's range is {number(entry.factor, 3)} times as wide in {wider} as in the other "
        f"model, and {len(moved)} of {len(ranges) - 1} other ranges are off in the same direction, "
        f"by {number(max(ratio, 1 / ratio), 3)} (median).",
        _covers(entry),
    ]
    if large:
        assert case.x_calibration is not None
        evidence.append(
            f"{len(large)} of {len(case.x_calibration)} representative samples are far larger than "
            f"the others, up to {number(max(large), 3)} against {number(typical, 3)} (median)."
        )
    elif usual is not None:
        evidence.append(f"{usual:g} is a usual factor of samples that were not normalized.")
    return [Suspect(parts_of(ranges), tuple(evidence))]


def _other_constants(inquiry: Inquiry) -> list[int]:
    """Positions, in ``inquiry.suspects``, of those to which other real weights or biases led."""
    parts = inquiry.case.parts
    return [
        k
        for k, suspect in enumerate(inquiry.suspects)
        if any(parts[i].kind in ("weights", "bias") for i in suspect.parts)
        and not all(parts[i].same_value for i in suspect.parts)
    ]


def _lacks_large_samples(case: Case) -> bool:
    """Whether B's input range is narrow because its representative data are the small ones among
    the samples: small samples are alike in both, which another scale would have changed."""
    data, samples = case.x_calibration, case.samples
    if data is None or samples.raw:
        return False
    low, high = case.b.input.ends
    made_it = max(abs(data.min() - low), abs(data.max() - high)) < 0.1 * (high - low)
    small_data, small = (
        float(np.quantile(np.abs(x.reshape(len(x), -1)).max(axis=1), 0.1))
        for x in (data, samples.meant)
    )
    return bool(made_it and small > 0 and 1 / _NOTABLE < small_data / small < _NOTABLE)


def _few_large_samples(case: Case, wide: Tensor) -> tuple[list[float], float]:
    """The magnitudes of the few representative samples that make a range wide, and the median one
    of all."""
    data = case.x_calibration
    if data is None or case.samples.raw:
        return [], 0.0
    most = np.abs(data.reshape(len(data), -1)).max(axis=1)
    typical = float(np.median(most))
    large = most > 3 * typical
    if large.mean() > 0.2 or max(map(abs, wide.ends)) < 3 * typical:
        return [], typical
    return [float(m) for m in most[large]], typical


def _covers(entry: DifferingRange) -> str:
    (low_a, high_a), (low_b, high_b) = entry.a.ends, entry.b.ends
    return (
        f"A's input covers {number(low_a, 3)} to {number(high_a, 3)}, B's {number(low_b, 3)} to "
        f"{number(high_b, 3)}; {percent(entry.outside('B'))} of the samples' values lie outside "
        "B's."
    )


def attribute_ranges(inquiry: Inquiry) -> None:
    """Hand the ranges that follow from other constants to the suspects that name those."""
    case, suspects = inquiry.case, inquiry.suspects
    operators = {
        k: {case.parts[i].operator for i in suspects[k].parts} for k in _other_constants(inquiry)
    }
    following: dict[int, set[int]] = {}
    for range_ in inquiry.open_ranges():
        if range_.operator is None:
            continue
        above = case.upstream[range_.operator]
        origins = [(max(above & own), k) for k, own in operators.items() if above & own]
        if origins and _fits(case, range_):
            following.setdefault(max(origins)[1], set()).add(range_.part)
    for k, parts in following.items():
        text = f"{len(parts)} activation ranges follow from it: they fit what B computes."
        blamed, evidence = suspects[k].parts | parts, (*suspects[k].evidence, text)
        suspects[k] = replace(suspects[k], parts=blamed, evidence=evidence)


def _fits(case: Case, range_: DifferingRange) -> bool:
    """Whether B's range is one that calibrating B itself would give."""
    codes = case.traces.b[range_.b.index]
    if codes.dtype.kind == "f":
        return False
    limits = np.iinfo(codes.dtype)
    clipped = float((codes == limits.max).mean())
    if range_.b.zero_point > limits.min:
        clipped += float((codes == limits.min).mean())
    span = (int(codes.max()) - int(codes.min())) / (int(limits.max) - int(limits.min))
    return clipped < _SATURATED and span > _FILLED


def input_range_shifted(inquiry: Inquiry) -> list[Suspect]:
    """The input's zero point is elsewhere, at the same scale."""
    entry = inquiry.open_input()
    if entry is None or not _shifted(entry):
        return []
    steps = abs(entry.shift)
    evidence = (
        f"The input's zero point is {entry.a.zero_point} in A and {entry.b.zero_point} in B, at "
        f"one scale: an offset of {many(steps, 'quantization step')} "
        f"({number(steps * entry.a.scale, 3)})."
    )
    return [Suspect(parts_of([entry]), (evidence,), tensor=entry.b.index)]


def input_range_scaled(inquiry: Inquiry) -> list[Suspect]:
    """The input's scale is off, and no other range is."""
    entry = inquiry.open_input()
    if entry is None or len(inquiry.open_ranges()) > 1 or entry.factor < _NOTABLE:
        return []
    evidence = (
        f"The input's scale in B is A's times {number(entry.ratio, 3)}, while the other ranges do "
        "not follow.",
        _covers(entry),
    )
    return [Suspect(parts_of([entry]), evidence, tensor=entry.b.index)]


def _shifted(range_: DifferingRange) -> bool:
    return abs(range_.ratio - 1) < 1e-3 and range_.shift != 0


def _notable(ranges: list[DifferingRange]) -> list[DifferingRange]:
    return [r for r in ranges if r.factor >= _NOTABLE or _shifted(r)]


def _wide(ranges: list[DifferingRange]) -> list[DifferingRange]:
    return [r for r in ranges if r.factor >= _WIDE]


def _changed_by_hand(inquiry: Inquiry, ranges: list[DifferingRange]) -> bool:
    """Whether notable ranges stand out: where nearly all others are equal to the last digit,
    somebody changed these."""
    case = inquiry.case
    count = sum(1 for t in case.b.activations if t.index in case.partner and t.quantization)
    equal = count - len(case.of_kind("range"))
    return bool(_notable(ranges)) and len(ranges) <= max(1, count // 4) and equal > 0


def calibrated_on_too_little(inquiry: Inquiry) -> list[Suspect]:
    """The representative data did not show what the model sees: ranges are too narrow."""
    case, ranges = inquiry.case, inquiry.open_ranges()
    in_a, in_b = samples_clipped(ranges, "A"), samples_clipped(ranges, "B")
    less, more = sorted((in_a, in_b))
    clipping = more > _MANY_SAMPLES and more > 2 * less
    for range_ in _notable(ranges):
        better, worse = sorted((range_.outside("A"), range_.outside("B")))
        clipping = clipping or (worse > CLIPS and worse > 3 * better)
    if len(ranges) < 2 or not clipping or _changed_by_hand(inquiry, ranges):
        return []
    sides: tuple[Side, Side] = ("A", "B") if in_a > in_b else ("B", "A")
    side, other = sides
    worst = max(ranges, key=lambda r: abs(r.outside("B") - r.outside("A")))
    narrower = sum(1 for r in ranges if (r.ratio < 1) == (side == "B"))
    evidence = (
        f"{side}'s ranges clip a value in {percent(more)} of the samples, the other "
        f"model's in {percent(less)}; {narrower} of {len(ranges)} that differ are "
        f"narrower in {side}.",
        f"The worst is {case.title(worst.operator)}: {percent(worst.outside(side))} of its values "
        f"are clipped, against {percent(worst.outside(other))}.",
    )
    return [Suspect(parts_of(ranges), evidence)]


def calibrated_with_outliers(inquiry: Inquiry) -> list[Suspect]:
    """Several ranges are too wide."""
    ranges = inquiry.open_ranges()
    wide = _wide(ranges)
    if len(wide) < 2 or _changed_by_hand(inquiry, ranges):
        return []
    side = "B" if float(np.median([r.ratio for r in wide])) > 1 else "A"
    most = max(r.ratio if side == "B" else 1 / r.ratio for r in wide)
    evidence = (
        f"{len(wide)} of {len(ranges)} differing ranges are at least {_WIDE:g} times as wide in "
        f"{side}, up to {number(most, 3)} times, with the same weights."
    )
    return [Suspect(parts_of(ranges), (evidence,))]


def single_range(inquiry: Inquiry) -> list[Suspect]:
    """Ranges that stand out from the others; leaves a note on those that do not."""
    ranges = inquiry.open_ranges()
    if not ranges:
        return []
    single = _notable(ranges) if _changed_by_hand(inquiry, ranges) else _wide(ranges)
    if not single:
        widest = max(r.factor for r in ranges)
        inquiry.notes.append(
            f"{len(ranges)} activation ranges differ, at most by a factor of {number(widest, 3)}, "
            f"and clip values in {percent(samples_clipped(ranges, 'B'))} of the samples in B, in "
            f"{percent(samples_clipped(ranges, 'A'))} in A: two draws of representative data "
            "differ as much. No finding."
        )
    return [_single(inquiry.case, range_) for range_ in single]


def _single(case: Case, range_: DifferingRange) -> Suspect:
    a, b = range_.a, range_.b
    which = "" if range_.operator is None else "the output of "
    evidence = [
        f"In B, {which}{case.title(range_.operator)} has scale {number(b.scale, 3)} and zero point "
        f"{b.zero_point}; in A {number(a.scale, 3)} and {a.zero_point}.",
    ]
    codes = case.traces.b[b.index]
    if range_.outside("B") > range_.outside("A"):
        evidence.append(f"B's range clips {percent(range_.outside('B'))} of the values.")
    elif codes.dtype.kind != "f":
        used_a = len(np.unique(case.traces.a[a.index]))
        evidence.append(f"{len(np.unique(codes))} of 256 codes are used in B, {used_a} in A.")
    return Suspect(parts_of([range_]), tuple(evidence), range_.operator, b.index)
