"""Multipliers, clamps, and the C++ arithmetic that uses them."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from host.engines.aot.core.quantization import (
    Clamp,
    Multiplier,
    activation_clamp,
    mean_multiplier,
    quantize_multiplier,
    softmax_scale,
)
from tests.fixtures import native

reals = st.floats(-31, 29).map(lambda e: 2.0**e)
NONE, RELU, RELU_N1_TO_1, RELU6, TANH = range(5)


def value(multiplier: Multiplier) -> Fraction:
    return Fraction(multiplier.mantissa) * Fraction(2) ** (multiplier.shift - 31)


@given(reals)
@example(1.0)
@example(0.5)
@example(1 - 2.0**-40)
def test_multiplier_is_the_nearest_with_31_bits(real: float) -> None:
    multiplier = quantize_multiplier(real)
    assert 2**30 <= multiplier.mantissa < 2**31
    assert abs(value(multiplier) - Fraction(real)) <= Fraction(real) * Fraction(1, 2**31)


@given(reals, reals)
def test_multiplier_is_monotone(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert value(quantize_multiplier(low)) <= value(quantize_multiplier(high))


def test_multiplier_that_rounds_up_to_a_power_of_two() -> None:
    assert quantize_multiplier(1 - 2.0**-50) == Multiplier(2**30, 1)


@pytest.mark.parametrize("real", [0.0, 2.0**-33, 1e-300])
def test_what_is_too_small_becomes_zero(real: float) -> None:
    assert quantize_multiplier(real) == Multiplier(0, 0)


@pytest.mark.parametrize("real", [-1.0, math.inf, math.nan, 2.0**30])
def test_what_no_kernel_multiplies_by_is_refused(real: float) -> None:
    with pytest.raises(ValueError, match="scale ratio"):
        quantize_multiplier(real)


@given(st.floats(-20, 10).map(lambda e: 2.0**e), st.integers(1, 10_000))
def test_mean_multiplier_divides_by_the_count(ratio: float, count: int) -> None:
    multiplier = mean_multiplier(ratio, 1.0, count)
    exact = Fraction(ratio) / count
    assert 0 <= multiplier.mantissa < 2**31
    assert -31 <= multiplier.shift <= 30
    # The integer division loses up to one unit of a mantissa that may have a bit less.
    assert abs(value(multiplier) - exact) <= exact * Fraction(1, 2**28) + Fraction(1, 2**61)


@pytest.mark.parametrize(
    ("activation", "scale", "zero_point", "expected"),
    [
        (NONE, 0.1, 5, Clamp(-128, 127)),
        (RELU, 0.1, 5, Clamp(5, 127)),
        (RELU, 0.1, -128, Clamp(-128, 127)),
        (RELU6, 0.1, -128, Clamp(-128, -68)),
        (RELU6, 0.01, 0, Clamp(0, 127)),
        (RELU_N1_TO_1, 0.1, 0, Clamp(-10, 10)),
        (RELU_N1_TO_1, 0.1, 127, Clamp(117, 127)),
        (RELU6, 0.1, 127, Clamp(127, 127)),
        # 6 / 4 = 1.5 and −1 / 2 = −0.5: halves away from zero.
        (RELU6, 4.0, 0, Clamp(0, 2)),
        (RELU_N1_TO_1, 2.0, 0, Clamp(-1, 1)),
    ],
)
def test_clamp(activation: int, scale: float, zero_point: int, expected: Clamp) -> None:
    assert activation_clamp(activation, float(np.float32(scale)), zero_point) == expected


def test_clamps_that_kernels_do_not_have() -> None:
    with pytest.raises(ValueError, match="fused activation 4"):
        activation_clamp(TANH, 0.1, 0)
    with pytest.raises(ValueError, match="too small"):
        activation_clamp(RELU6, 1e-10, 0)


@given(st.floats(2.0**-20, 30.0), st.sampled_from([0.5, 1.0, 3.0]))
def test_softmax_keeps_differences_that_fit(scale: float, beta: float) -> None:
    multiplier, least = softmax_scale(beta, scale)
    # In Q5.26: the least difference that counts is above −31, and one more may be below it.
    real = value(multiplier) / 2**26
    assert abs(least) * real <= 32
    assert (abs(least) + 1) * real >= Fraction(31, 2)


def test_softmax_without_a_usable_scale_is_refused() -> None:
    for beta in (0.0, -1.0):
        with pytest.raises(ValueError, match="beta"):
            softmax_scale(beta, 0.1)


_MAIN = r"""
#include <cstdio>
#include "flash_and_eval/engines/aot/kernels/fixed_point.h"
int main() {
  int32_t v[3];
  while (std::fread(v, sizeof v, 1, stdin) == 1) {
    const int32_t out[3] = {aot::rounding_doubling_high_multiply(v[0], v[1]),
                            aot::rounding_shift_right(v[0], v[2] < 0 ? -v[2] : v[2]),
                            aot::scale(v[0], v[1], v[2])};
    std::fwrite(out, sizeof out, 1, stdout);
  }
  return 0;
}
"""


def _wrap(x: int) -> int:
    return (x + 2**31) % 2**32 - 2**31


def _multiply(a: int, b: int) -> int:
    """a · b / 2^31, halves towards plus infinity, saturated."""
    return min(math.floor(Fraction(a * b, 2**31) + Fraction(1, 2)), 2**31 - 1)


def _shift_right(x: int, bits: int) -> int:
    """x / 2^bits, halves away from zero."""
    magnitude = math.floor(Fraction(abs(x), 2**bits) + Fraction(1, 2))
    return magnitude if x >= 0 else -magnitude


def _scale(x: int, multiplier: int, shift: int) -> int:
    if shift > 0:
        return _multiply(_wrap(x << shift), multiplier)
    return _shift_right(_multiply(x, multiplier), -shift)


@pytest.mark.skipif(native.COMPILER is None, reason="g++ is not installed")
def test_fixed_point_arithmetic_is_exact(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    edges = [-(2**31), -(2**31) + 1, -(2**30), -3, -2, -1, 0, 1, 2, 3, 2**30, 2**31 - 1]
    triples = [(a, b, s) for a in edges for b in edges for s in range(-31, 31)]
    count = 20_000
    triples += zip(
        (rng.integers(-(2**31), 2**31, count) >> rng.integers(0, 31, count)).tolist(),
        rng.integers(2**30, 2**31, count).tolist(),
        rng.integers(-31, 31, count).tolist(),
        strict=True,
    )
    # Products and quotients that are exactly halfway.
    triples += [
        (sign * (2 * n + 1), 2**30, s) for sign in (1, -1) for n in range(50) for s in (0, -3)
    ]
    program = native.compile_program(_MAIN, tmp_path)
    got = np.frombuffer(
        native.run_program(program, np.array(triples, np.int32).tobytes()), np.int32
    ).reshape(-1, 3)
    expected = [(_multiply(a, b), _shift_right(a, abs(s)), _scale(a, b, s)) for a, b, s in triples]
    np.testing.assert_array_equal(got, np.array(expected))


_SOURCE = r"""
#include <cstdio>

#include "flash_and_eval/engines/aot/kernels/fixed_point.h"

// Accumulators around every multiple of half an output step, and at the ends of what is allowed.
int main() {
  const int32_t multipliers[] = {0, 1, 1 << 30, (1 << 30) + 1, 1518500250, INT32_MAX};
  const int32_t bound = (1 << 30) - 1;
  long count = 0;
  for (int32_t shift = -22; shift <= -1; ++shift) {
    for (int32_t multiplier : multipliers) {
      for (int32_t zero_point = -128; zero_point <= 127; zero_point += 51) {
        const auto check = [&](int64_t wide) {
          if (wide < -bound || wide > bound) return true;
          const int32_t x = static_cast<int32_t>(wide);
          const int32_t sum = aot::scale(x, multiplier, shift) + zero_point;
          const int32_t exact = aot::clamp(sum, -128, 127);
          const int32_t addend = (2 * zero_point + 1) * (1 << (-shift - 1));
          const int32_t found = aot::scale_to_int8(x, multiplier, -shift - 1, addend);
          ++count;
          if (found == exact) return true;
          std::printf("%d * %d >> %d + %d: %d, not %d\n", x, multiplier, shift, zero_point, found,
                      exact);
          return false;
        };
        for (int64_t half = -600; half <= 600; ++half) {
          const int64_t middle =
              multiplier == 0 ? half : half * (int64_t{1} << (30 - shift)) / multiplier;
          for (int64_t x = middle - 3; x <= middle + 3; ++x) {
            if (!check(x)) return 1;
          }
        }
        for (int64_t x = 0; x < 100; ++x) {
          if (!check(bound - x) || !check(x - bound)) return 1;
        }
      }
    }
  }
  std::printf("%ld\n", count);
  return 0;
}
"""


@pytest.mark.skipif(native.COMPILER is None, reason="g++ is not installed")
def test_scaling_to_int8_equals_scaling_adding_and_clamping(tmp_path: Path) -> None:
    program = native.compile_program(_SOURCE, tmp_path)
    assert int(native.run_program(program, b"")) > 1_000_000
