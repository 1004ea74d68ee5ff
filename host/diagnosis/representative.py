"""Suspects among ranges: the representative data that they were chosen from."""

from __future__ import annotations

import numpy as np

from host.diagnosis.case import Case, Suspect, as_percent, factor, share_of
from host.diagnosis.differing import CLIPS, NOTABLE, DifferingRange, parts_of, samples_clipped
from host.models.tflite import Tensor

# How much wider or narrower the input's range must be before its data counts as scaled.
_SCALED = 1.8
# Factors by which representative data is wrongly scaled, as a rule: full scales of integers of the
# usual widths, their halves, and plain ones.
_BITS = (4, 5, 6, 7, 8, 10, 12, 14, 15, 16)
_USUAL = (*(2.0**n for n in _BITS), *(2.0**n - 1 for n in _BITS), 127.5, 2.0, 10.0, 100.0, 1000.0)
# Share of samples with a clipped value from which on the data did not cover what the model sees.
_MANY_SAMPLES = 0.10
# Ranges this much wider than needed waste half of their codes.
WIDE = 2.0


def scaled(case: Case, ranges: list[DifferingRange], alone: bool) -> Suspect | None:
    """Representative data on another scale: the input's range is off, and others with it.

    Args:
        case: the case.
        ranges: those that differ.
        alone: nothing but ranges differs, so any other range that differs was calibrated anew.
    """
    entry = [r for r in ranges if r.operator is None]
    if not entry or len(ranges) < 2:
        return None
    ratio = entry[0].ratio
    if 1 / _SCALED < ratio < _SCALED:
        return None
    # Only the later ranges tell whether data was scaled, or the input's scale alone is wrong.
    moved = [r for r in ranges if r.operator is not None and (r.ratio > 1) == (ratio > 1)]
    if not alone:
        moved = [r for r in moved if not 1 / NOTABLE < r.ratio < NOTABLE]
    if not moved:
        return None
    who = "B" if ratio > 1 else "A"
    larger = max(ratio, 1 / ratio)
    usual = [f for f in _USUAL if abs(larger / f - 1) < 0.03]
    few = _few_are_large(case, entry[0].b if who == "B" else entry[0].a)
    evidence = [
        f"The input's range is {factor(larger)} times as wide in {who} as in the other model, and "
        f"{share_of(len(moved), len(ranges) - 1)} other ranges are off in the same direction, by "
        f"{factor(_median(moved, ratio > 1))} (median).",
        input_range(entry[0]),
    ]
    if usual and few is None:
        evidence.append(f"{usual[0]:g} is a usual factor of samples that were not normalised.")
    clipped = entry[0].outside_b > CLIPS or entry[0].outside_a > CLIPS
    # A wider range that no usual factor explains, and that a few values alone reach, is outliers;
    # a narrower one clips the samples themselves.
    by_few = few is not None or (not usual and not clipped)
    if few is not None:
        evidence.append(few)
    cause = "representative-data-outliers" if by_few else "representative-data-scale"
    return Suspect(cause, parts_of(ranges), None, None, tuple(evidence))


def _median(ranges: list[DifferingRange], up: bool) -> float:
    value = float(np.median([r.ratio for r in ranges]))
    return value if up else 1 / value


def input_range(entry: DifferingRange) -> str:
    """A sentence on the input's range in A and in B."""
    (low_a, high_a), (low_b, high_b) = entry.a.ends, entry.b.ends
    return (
        f"A's input covers {factor(low_a)} to {factor(high_a)}, B's {factor(low_b)} to "
        f"{factor(high_b)}; {as_percent(entry.outside_b)} of the samples' values lie outside B's."
    )


def _few_are_large(case: Case, wide: Tensor) -> str | None:
    """Whether the data set's representative part itself has a few samples that make it wide."""
    data = case.x_calibration
    if data is None or case.raw:
        return None
    most = np.abs(data.reshape(len(data), -1)).max(axis=1)
    usual = float(np.median(most))
    large = most > 3 * usual
    if not large.any() or large.mean() > 0.2 or max(map(abs, wide.ends)) < 3 * usual:
        return None
    return (
        f"{share_of(int(large.sum()), len(data))} representative samples are far larger than the "
        f"others, up to {factor(float(most.max()))} against {factor(usual)} (median)."
    )


def clips_samples(ranges: list[DifferingRange]) -> bool:
    """Whether one model clips values in far more samples than the other.

    Ranges from some hundred samples drawn at random clip a value in a few per cent of new samples.
    """
    worse, better = sorted((samples_clipped(ranges, "A"), samples_clipped(ranges, "B")))[::-1]
    return worse > _MANY_SAMPLES and worse > 2 * better


def coverage(case: Case, ranges: list[DifferingRange]) -> Suspect:
    """Data that did not show what the model sees: ranges are too narrow."""
    in_a, in_b = samples_clipped(ranges, "A"), samples_clipped(ranges, "B")
    worst = max(ranges, key=lambda r: abs(r.outside_b - r.outside_a))
    who, share, other = "B", worst.outside_b, worst.outside_a
    if in_a > in_b:
        who, share, other = "A", other, share
    narrower = sum(1 for r in ranges if (r.ratio < 1) == (who == "B"))
    evidence = (
        f"{who}'s ranges clip a value in {as_percent(max(in_a, in_b))} of the samples, the other "
        f"model's in {as_percent(min(in_a, in_b))}; {share_of(narrower, len(ranges))} that differ "
        f"are narrower in {who}.",
        f"The worst is {case.title(worst.operator)}: {as_percent(share)} of its values are "
        f"clipped, against {as_percent(other)}.",
    )
    return Suspect("representative-data-coverage", parts_of(ranges), None, None, evidence)


def outliers(case: Case, ranges: list[DifferingRange], wide: list[DifferingRange]) -> Suspect:
    """Data with a few values far larger than the rest: ``wide`` of the ranges are too wide."""
    widths = [r.ratio for r in wide]
    who = "B" if float(np.median(widths)) > 1 else "A"
    larger = [w if who == "B" else 1 / w for w in widths]
    evidence = (
        f"{len(wide)} of {len(ranges)} differing ranges are at least {WIDE:g} times as wide in "
        f"{who}, up to {factor(max(larger))} times, with the same weights.",
    )
    return Suspect("representative-data-outliers", parts_of(ranges), None, None, evidence)
