// Dot products of int8 vectors. Four rows of weights at a time share every load of an input: that,
// not the multiplication, is what a small core spends its time on.
#pragma once

#include <cstdint>

namespace aot {

// Sums are modulo 2^32, as TFLite's are.
inline uint32_t product(int32_t a, int32_t b) { return static_cast<uint32_t>(a * b); }

inline uint32_t dot(const int8_t* x, const int8_t* weights, int32_t size) {
  uint32_t sum = 0;
  for (int32_t i = 0; i < size; ++i) sum += product(x[i], weights[i]);
  return sum;
}

// Adds to sums[r] the dot product of x and row r, which starts at weights + r · pitch. Not inlined:
// its five pointers and four sums need all registers, and spill where a caller wants some too.
[[gnu::noinline]] inline void dot_four(const int8_t* x, const int8_t* weights, int32_t pitch,
                                       int32_t size, uint32_t sums[4]) {
  const int8_t* row0 = weights;
  const int8_t* row1 = row0 + pitch;
  const int8_t* row2 = row1 + pitch;
  const int8_t* row3 = row2 + pitch;
  uint32_t sum0 = sums[0];
  uint32_t sum1 = sums[1];
  uint32_t sum2 = sums[2];
  uint32_t sum3 = sums[3];
  for (int32_t i = 0; i < size; ++i) {
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

inline uint32_t sum(const int8_t* weights, int32_t size) {
  uint32_t total = 0;
  for (int32_t i = 0; i < size; ++i) total += static_cast<uint32_t>(int32_t{weights[i]});
  return total;
}

}  // namespace aot
