// Dot products of int8 vectors for kernels that read their weights one output at a time; those
// of convolution and dense layers are in rows.h. Sums are modulo 2^32, as TFLite's are.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/simd.h"

namespace aot {

inline uint32_t product(int32_t a, int32_t b) { return static_cast<uint32_t>(a * b); }

inline uint32_t dot(const int8_t* x, const int8_t* weights, int32_t size) {
  uint32_t sum = 0;
#if defined(AOT_DSP)
  for (; size >= 4; size -= 4) {
    const uint32_t values = load_word(x);
    const uint32_t row = load_word(weights);
    sum = multiply_add(widen_even(values), widen_even(row), sum);
    sum = multiply_add(widen_odd(values), widen_odd(row), sum);
    x += 4;
    weights += 4;
  }
#endif
  for (int32_t i = 0; i < size; ++i) sum += product(x[i], weights[i]);
  return sum;
}

// Adds to sums[r] the dot product of x and row r, which starts at weights + r · size: four rows
// share every load of x. Not inlined: its five pointers and four sums need all registers, and spill
// where a caller wants some too.
[[gnu::noinline]] inline void dot_four(const int8_t* x, const int8_t* weights, int32_t size,
                                       uint32_t sums[4]) {
  const int8_t* row0 = weights;
  const int8_t* row1 = row0 + size;
  const int8_t* row2 = row1 + size;
  const int8_t* row3 = row2 + size;
  uint32_t sum0 = sums[0];
  uint32_t sum1 = sums[1];
  uint32_t sum2 = sums[2];
  uint32_t sum3 = sums[3];
  int32_t i = 0;
#if defined(AOT_DSP)
  for (; i + 4 <= size; i += 4) {
    const uint32_t values = load_word(x + i);
    const uint32_t even = widen_even(values);
    const uint32_t odd = widen_odd(values);
    const auto add = [&](const int8_t* row, uint32_t sum) {
      const uint32_t word = load_word(row + i);
      return multiply_add(widen_odd(word), odd, multiply_add(widen_even(word), even, sum));
    };
    sum0 = add(row0, sum0);
    sum1 = add(row1, sum1);
    sum2 = add(row2, sum2);
    sum3 = add(row3, sum3);
  }
#endif
  for (; i < size; ++i) {
    const int32_t value = x[i];
    sum0 += product(value, row0[i]);
    sum1 += product(value, row1[i]);
    sum2 += product(value, row2[i]);
    sum3 += product(value, row3[i]);
  }
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
}

}  // namespace aot
