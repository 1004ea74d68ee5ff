"""Intervals and tests, against published or hand-computed values."""

import numpy as np
import pytest

from host.verdict import statistics


def test_wilson_interval() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263.
    found = statistics.share(81, 263)
    assert found.value == pytest.approx(0.3080, abs=1e-4)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_wilson_interval_stays_inside_at_the_ends() -> None:
    assert statistics.share(20, 20).high == 1.0
    assert 0.8 < statistics.share(20, 20).low < 1.0
    assert statistics.share(0, 20).low == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("n", [1, 20, 360])
def test_no_event_bounds_the_rate_at_about_three_over_n(n: int) -> None:
    assert statistics.upper_bound(0, n) == pytest.approx(1 - 0.05 ** (1 / n))
    if n > 100:
        assert statistics.upper_bound(0, n) == pytest.approx(3 / n, rel=0.01)


def test_upper_bound_grows_with_events_and_ends_at_one() -> None:
    bounds = [statistics.upper_bound(k, 10) for k in range(11)]
    assert bounds == sorted(bounds)
    assert bounds[-1] == 1.0


def test_mcnemar_counts_only_discordant_samples() -> None:
    left = np.array([True] * 50 + [True] * 5 + [False] * 1)
    right = np.array([True] * 50 + [False] * 5 + [True] * 1)
    # Two-sided binomial for 1 of 6: 2 · (1 + 6) / 64.
    assert statistics.mcnemar(left, right) == pytest.approx(14 / 64)
    assert statistics.mcnemar(left, left) == 1.0


def test_mean_with_t_interval() -> None:
    found = statistics.mean(np.array([1.0, 2.0, 3.0]))
    # t(0.975, 2) = 4.3027, standard error 1/√3.
    assert found.value == 2.0
    assert found.high - found.value == pytest.approx(4.3027 / np.sqrt(3), rel=1e-4)


def test_bootstrap_interval_of_a_mean() -> None:
    values = np.random.default_rng(3).normal(5.0, 2.0, 50)
    found = statistics.bootstrap_mean(values)
    # Where there is no skew, it is the normal interval, a little tighter than Student's.
    half = 1.96 * values.std() / np.sqrt(50)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert statistics.bootstrap_mean(values) == found


@pytest.mark.parametrize("count", [1, 3, 9])
def test_without_spread_a_mean_has_no_width(count: int) -> None:
    for interval in (statistics.mean, statistics.bootstrap_mean):
        found = interval(np.full(count, 2.5))
        assert (found.low, found.value, found.high) == (2.5, 2.5, 2.5)


def test_wilcoxon_signed_rank() -> None:
    # All of five the same way: two of the 2^5 sign patterns are as extreme.
    assert statistics.wilcoxon(np.array([1.0, 2, 3, 4, 5])) == pytest.approx(2 / 32)
    # Rank sum 1 of the only negative one: patterns with W ≤ 1 are none and the first: 2 · 2 / 32.
    assert statistics.wilcoxon(np.array([-1.0, 2, 3, 4, 5])) == pytest.approx(4 / 32)
    assert statistics.wilcoxon(np.array([0.0, 0, 1, 2, 3, 4, 5])) == pytest.approx(2 / 32)
    assert statistics.wilcoxon(np.zeros(7)) == 1.0


def test_paired_t() -> None:
    # Mean 2, standard error 1/√3: t = 3.4641 with 2 degrees of freedom; for those,
    # p = 1 − t/√(2 + t²).
    t = 2 * np.sqrt(3)
    found = statistics.paired_t(np.array([1.0, 2.0, 3.0]))
    assert found == pytest.approx(1 - t / np.sqrt(2 + t * t))
    assert statistics.paired_t(np.zeros(4)) == 1.0
    assert statistics.paired_t(np.full(4, 0.5)) == 0.0


def test_holm_by_hand() -> None:
    # 3 · 0.01, then 2 · 0.03, then 1 · 0.04 but no less than the one before.
    assert statistics.holm([0.04, 0.01, 0.03]) == pytest.approx((0.06, 0.03, 0.06))
    assert statistics.holm([0.5, 0.9]) == pytest.approx((1.0, 1.0))
    assert statistics.holm([]) == ()


def test_a_detectable_difference_is_detected_four_times_of_five() -> None:
    random = np.random.default_rng(5)
    spread = random.normal(0.0, 1.0, 20)
    effect = statistics.detectable_mean(spread, 1) / spread.std(ddof=1)
    trials = random.normal(effect, 1.0, (2000, 20))
    seen = np.mean([statistics.paired_t(trial) < 0.05 for trial in trials])
    assert seen == pytest.approx(0.8, abs=0.04)
    assert statistics.detectable_mean(spread, 28) > statistics.detectable_mean(spread, 1)


@pytest.mark.parametrize("comparisons", [1, 28])
def test_the_least_share_that_mcnemar_can_see(comparisons: int) -> None:
    k = round(360 * statistics.detectable_share(360, comparisons))
    p = [
        statistics.mcnemar(np.arange(360) >= count, np.ones(360, bool)) * comparisons
        for count in (k - 1, k)
    ]
    assert p[0] >= 0.05 > p[1]
