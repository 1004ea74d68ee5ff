"""The short way from an accumulator to an int8 gives what the long one gives."""

from pathlib import Path

import pytest

from tests.fixtures import native

_SOURCE = r"""
#include <cstdio>

#include "kernels/fixed_point.h"

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
