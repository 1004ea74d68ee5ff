"""Intervals and tests, all by SciPy. Every interval is a 95 % one.

SciPy's statistics take more than a second to import, so they are imported when they are used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


_LEVEL = 0.95
_RESAMPLES = 9999
_BOOTSTRAP_SEED = 20261123
# Power at which a difference counts as one that would have been seen, and the usual 5 %.
_POWER, ALPHA = 0.8, 0.05

BoolArray = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]


def share(successes: int, n: int) -> Interval:
    """A share with its two-sided Wilson score interval (Wilson 1927), for accuracies; n ≥ 1."""
    from scipy.stats import binomtest

    ends = binomtest(successes, n).proportion_ci(_LEVEL, method="wilson")
    return Interval(successes / n, float(ends.low), float(ends.high))


def upper_bound(events: int, n: int) -> float:
    """One-sided upper bound of a rate, exact (Clopper and Pearson 1934); n ≥ 1.

    For no events it is 1 − 0.05^(1/n), which the "rule of three" rounds to 3/n.
    """
    from scipy.stats import binomtest

    test = binomtest(events, n, alternative="less")
    return float(test.proportion_ci(_LEVEL, method="exact").high)


def lower_bound(events: int, n: int) -> float:
    """One-sided lower bound of a rate, exact (Clopper and Pearson 1934); n ≥ 1."""
    from scipy.stats import binomtest

    test = binomtest(events, n, alternative="greater")
    return float(test.proportion_ci(_LEVEL, method="exact").low)


def mcnemar(left_right: BoolArray, right_right: BoolArray) -> float:
    """p of the exact McNemar test (1947): are two executors equally often right, bool [n] each?

    Two-sided binomial p over the samples where one is right and the other wrong; 1 where there
    is no such sample.
    """
    from scipy.stats import binomtest

    only_left = int(np.count_nonzero(left_right & ~right_right))
    only_right = int(np.count_nonzero(~left_right & right_right))
    if only_left + only_right == 0:
        return 1.0
    return float(binomtest(only_left, only_left + only_right).pvalue)


def mean(values: Values) -> Interval:
    """The mean of float64 [n], n ≥ 1, with Student's t interval.

    One sample, or equal ones, say nothing on the spread: the ends are then the value itself.
    """
    from scipy.stats import t

    center = float(values.mean())
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
    if error == 0.0:
        return Interval(center, center, center)
    low, high = t.interval(_LEVEL, len(values) - 1, center, error)
    return Interval(center, float(low), float(high))


def bootstrap_mean(values: Values) -> Interval:
    """The mean of float64 [n], n ≥ 1, with its bootstrap interval: BCa (Efron 1987), fixed seed.

    One value, or equal ones, say nothing on the spread: the ends are then the value itself.
    """
    from scipy.stats import bootstrap

    center = float(values.mean())
    if np.ptp(values) == 0.0:
        return Interval(center, center, center)
    # BCa corrects by the jackknife, which takes three values; two have their percentiles.
    ends = bootstrap(
        (values,),
        np.mean,
        n_resamples=_RESAMPLES,
        confidence_level=_LEVEL,
        method="BCa" if len(values) > 2 else "percentile",
        rng=np.random.default_rng(_BOOTSTRAP_SEED),
    ).confidence_interval
    return Interval(center, float(ends.low), float(ends.high))


def wilcoxon(differences: Values) -> float:
    """Two-sided p of the Wilcoxon signed-rank test (1945): are differences symmetric about zero?

    Zeros are left out; 1 where nothing else is there. Exact for few differences, with ties too.
    """
    from scipy.stats import wilcoxon as signed_rank

    left = differences[differences != 0]
    return float(signed_rank(left).pvalue) if len(left) else 1.0


def paired_t(differences: Values) -> float:
    """Two-sided p of the paired t test over differences [n], n ≥ 2; 1 where all are zero.

    Where all are equal and not zero, the test knows no doubt: 0.
    """
    from scipy.stats import ttest_1samp

    if np.ptp(differences) == 0.0:
        return 1.0 if differences[0] == 0.0 else 0.0
    return float(ttest_1samp(differences, 0.0).pvalue)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p values corrected for their number by the step-down method of Holm (1979), in order.

    The smallest of m is multiplied by m, the next by m − 1, and so on; none ends below a smaller
    one, and none above 1.
    """
    p, m = np.array(p_values, np.float64), len(p_values)
    order = np.argsort(p, kind="stable")
    corrected = np.empty(m)
    corrected[order] = np.maximum.accumulate(np.minimum((m - np.arange(m)) * p[order], 1.0))
    return tuple(corrected.tolist())


def detectable_mean(differences: Values, comparisons: int) -> float:
    """The mean difference that a paired t test would see with a probability of 80 %.

    (t(1 − α/2) + t(0.8)) · s / √n with n − 1 degrees of freedom, where α is 5 % divided by
    the number of comparisons (Bonferroni's, the first step of Holm's).

    ``differences`` are [n], n ≥ 2, whose spread s is taken.
    """
    from scipy.stats import t

    n = len(differences)
    factor = t.ppf(1 - ALPHA / comparisons / 2, n - 1) + t.ppf(_POWER, n - 1)
    return float(factor * differences.std(ddof=1) / np.sqrt(n))


def detectable_share(n: int, comparisons: int) -> float:
    """The least difference of two shares of n samples that McNemar's exact test can see at all.

    All k discordant samples on one side give p = 2 / 2^k; the least k with p below 5 % divided by
    the number of comparisons, over n.
    """
    k = int(np.floor(np.log2(2 * comparisons / ALPHA))) + 1
    return min(1.0, k / n)
