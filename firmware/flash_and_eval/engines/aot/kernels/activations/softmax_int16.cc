#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/activations/activations.h"
#include "flash_and_eval/engines/aot/kernels/fixed_point.h"

namespace aot {
namespace {

int32_t to_int16(int32_t x) { return clamp(x, INT16_MIN, INT16_MAX); }

// The table's value at x, an int16: its upper 9 bits choose an entry, the others interpolate.
int32_t look_up(const int16_t* table, int32_t x) {
  const int32_t index = 256 + (x >> 7);
  const int32_t slope = static_cast<int16_t>(table[index + 1] - table[index]);
  return static_cast<int16_t>(table[index] + ((slope * (x & 0x7f) + 64) >> 7));
}

// The place of the leading one of a positive number.
int32_t top_bit(int32_t x) {
  int32_t bit = 0;
  while (x >> (bit + 1) != 0) ++bit;
  return bit;
}

void softmax_row(const SoftmaxInt16& p, const int16_t* input, int16_t* output) {
  int32_t maximum = INT16_MIN;
  for (int32_t i = 0; i < p.depth; ++i) {
    if (input[i] > maximum) maximum = input[i];
  }
  // The output holds the exponentials, Q0.15, until their sum is known.
  int32_t sum = 0;
  for (int32_t i = 0; i < p.depth; ++i) {
    const int32_t difference = scale(input[i] - maximum, p.multiplier, p.shift);
    const int32_t power = look_up(p.exponential, to_int16(wrapping_add(difference, INT16_MAX)));
    output[i] = static_cast<int16_t>(power);
    sum = wrapping_add(sum, power);
  }
  // sum = 2^shift · (1 + fraction); the fraction has 16 bits here, and is moved into an int16.
  const int32_t shift = top_bit(sum);
  const int64_t normalized = int64_t{sum} << (30 - shift);
  const int32_t fraction = static_cast<int32_t>((normalized + (1 << 13)) >> 14) - (1 << 16);
  const int32_t reciprocal = look_up(p.reciprocal, to_int16(fraction - (1 << 15)));
  for (int32_t i = 0; i < p.depth; ++i) {
    const int32_t product = output[i] * reciprocal + (1 << (shift - 1));
    output[i] = static_cast<int16_t>(clamp(product >> shift, 0, INT16_MAX));
  }
}

}  // namespace

void softmax(const SoftmaxInt16& params, const int16_t* input, int16_t* output) {
  for (int32_t row = 0; row < params.rows; ++row) {
    softmax_row(params, input + row * params.depth, output + row * params.depth);
  }
}

}  // namespace aot
