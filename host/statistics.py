"""Intervals and tests, all by SciPy. Every interval is a 95 % one.

SciPy's statistics take more than a second to import, so they are imported when they are used.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from host.records import Interval

_LEVEL = 0.95

BoolArray = npt.NDArray[np.bool_]


def share(successes: int, n: int) -> Interval:
    """A share with its two-sided Wilson score interval (Wilson 1927), for accuracies; n ≥ 1."""
    from scipy.stats import binomtest

    found = binomtest(successes, n).proportion_ci(_LEVEL, method="wilson")
    return Interval(successes / n, float(found.low), float(found.high))


def upper_bound(events: int, n: int) -> float:
    """One-sided upper bound of a rate, exact (Clopper and Pearson 1934); n ≥ 1.

    For no events it is 1 − 0.05^(1/n), which the "rule of three" rounds to 3/n.
    """
    from scipy.stats import binomtest

    test = binomtest(events, n, alternative="less")
    return float(test.proportion_ci(_LEVEL, method="exact").high)


def mcnemar(left_right: BoolArray, right_right: BoolArray) -> float:
    """p of the exact McNemar test (1947): are two executors equally often right?

    Args:
        left_right, right_right: bool [n], whether each is right on a sample.

    Returns:
        Two-sided binomial p over the samples where one is right and the other wrong; 1 where there
        is no such sample.
    """
    from scipy.stats import binomtest

    only_left = int(np.count_nonzero(left_right & ~right_right))
    only_right = int(np.count_nonzero(~left_right & right_right))
    if only_left + only_right == 0:
        return 1.0
    return float(binomtest(only_left, only_left + only_right).pvalue)


def mean(values: npt.NDArray[np.float64]) -> Interval:
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
