// σ and tanh of 16-bit numbers, interpolated from one table, which the host computes.
#pragma once

#include <cstdint>

namespace aot {

// |x| / 2^bits, between the table's entries: entry · 2^bits. Beyond the table, `beyond`.
inline int32_t interpolate(const uint16_t* table, int32_t x, int32_t bits, int32_t beyond) {
  const uint32_t magnitude = static_cast<uint32_t>(x < 0 ? -x : x);
  const uint32_t index = magnitude >> bits;
  if (index >= 255) return beyond;
  const uint32_t fraction = magnitude & ((uint32_t{1} << bits) - 1);
  const uint32_t step = uint32_t{table[index + 1]} - table[index];
  return static_cast<int32_t>((uint32_t{table[index]} << bits) + fraction * step);
}

// σ in Q0.15 of x in units of 1 / (24 · 2^9): three times a number in Q3.12.
inline int16_t sigmoid(const uint16_t* table, int32_t x) {
  constexpr int32_t kHalf = 1 << 9;
  const int32_t value = interpolate(table, x, 9, 0x7fff << 10);
  const int32_t result = x >= 0 ? value + kHalf : (1 << 25) - value + kHalf - 1;
  return static_cast<int16_t>(result >> 10);
}

// tanh(x) = 2·σ(2x) − 1 in Q0.15 of x in the same units.
inline int16_t hyperbolic_tangent(const uint16_t* table, int32_t x) {
  constexpr int32_t kHalf = 1 << 7;
  const int32_t value = interpolate(table, x, 8, 0xffff << 8) - (1 << 23);
  return static_cast<int16_t>((x >= 0 ? value + kHalf : kHalf - 1 - value) >> 8);
}

}  // namespace aot
