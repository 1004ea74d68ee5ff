// The integer arithmetic of TFLite's quantization: a real multiplier is a 31-bit mantissa and a
// power of two, and a product is rounded twice. Every kernel's bit-exactness rests on this file.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/simd.h"

namespace aot {

// TFLite's accumulators wrap around; signed overflow would be undefined here.
inline int32_t wrapping_add(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}

inline int32_t wrapping_shift_left(int32_t x, int32_t bits) {
  return static_cast<int32_t>(static_cast<uint32_t>(x) << bits);
}

inline int32_t clamp(int32_t x, int32_t minimum, int32_t maximum) {
  return x < minimum ? minimum : (x > maximum ? maximum : x);
}

// round(a · b / 2^31), halves towards plus infinity. Only the product of the two smallest values
// does not fit.
inline int32_t rounding_doubling_high_multiply(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
  const int64_t product = static_cast<int64_t>(a) * b;
  return static_cast<int32_t>((product + (int64_t{1} << 30)) >> 31);
}

// round(x / 2^exponent), halves away from zero. 0 ≤ exponent ≤ 31.
inline int32_t rounding_shift_right(int32_t x, int32_t exponent) {
  const uint32_t mask = (uint32_t{1} << exponent) - 1;
  const uint32_t remainder = static_cast<uint32_t>(x) & mask;
  const uint32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

// x · multiplier · 2^(shift − 31). −31 ≤ shift ≤ 30; bits shifted out at the top are lost.
inline int32_t scale(int32_t x, int32_t multiplier, int32_t shift) {
  if (shift > 0) {
    return rounding_doubling_high_multiply(wrapping_shift_left(x, shift), multiplier);
  }
  return rounding_shift_right(rounding_doubling_high_multiply(x, multiplier), -shift);
}

// x · multiplier / 2^shift for 64-bit sums, halves towards plus infinity; shift ≥ 1. What does not
// fit an int32 loses its upper bits.
inline int32_t scale_wide(int64_t x, int32_t multiplier, int32_t shift) {
  const uint64_t half = uint64_t{1} << (shift - 1);
  const uint64_t product = static_cast<uint64_t>(x) * static_cast<uint64_t>(int64_t{multiplier});
  return static_cast<int32_t>(static_cast<int64_t>(product + half) >> shift);
}

// scale(), and a zero point added, as the nearest int8, where nothing can overflow: |x| < 2^30,
// −22 ≤ shift ≤ −1, multiplier ≥ 0. Takes −shift − 1, and (2 · zero point + 1) · 2^(−shift − 1).
inline int8_t scale_to_int8(int32_t x, int32_t multiplier, int32_t shift, int32_t zero_point) {
  const int32_t product = rounded_high_product(x * 2, multiplier);
  // What is just half goes down where the product is negative, and up elsewhere.
  const int32_t rounded = product + (product >> 31) + zero_point;
  return half_as_int8(rounded >> shift);
}

}  // namespace aot
