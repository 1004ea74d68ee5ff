"""Intervals and tests, against published or hand-computed values."""

from __future__ import annotations

import numpy as np
import pytest

from host import statistics


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


@pytest.mark.parametrize("values", [[2.5], [2.5, 2.5, 2.5]])
def test_mean_without_spread_has_no_width(values: list[float]) -> None:
    found = statistics.mean(np.array(values))
    assert (found.low, found.value, found.high) == (2.5, 2.5, 2.5)
