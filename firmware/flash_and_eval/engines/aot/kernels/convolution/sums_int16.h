// Sums of products of int16 inputs and int8 weights, and how they become outputs.
#pragma once

#include <cstdint>
#include <type_traits>

#include "flash_and_eval/engines/aot/kernels/convolution/convolution_int16.h"
#include "flash_and_eval/engines/aot/kernels/fixed_point.h"

namespace aot {

// A product is at most 2^22, so that so many of them fit an int32: 64 bits cost little then.
constexpr int32_t kProductsInInt32 = 511;

// Where the next operand lies: that of the next product, and that of the next sum.
struct Pitch {
  int32_t product;
  int32_t sum;
};

// kSums accumulators of neighbouring output channels. They wrap around, as TFLite's do.
template <int kSums, typename Accumulator>
struct Sums {
  std::make_unsigned_t<Accumulator> values[kSums] = {};

  // Adds `count` products to each. Inlined, so that pitches known to the caller cost nothing.
  [[gnu::always_inline]] void add(const int16_t* x, Pitch x_pitch, const int8_t* weights,
                                  Pitch pitch, int32_t count) {
    while (count > 0) {
      const int32_t block = count < kProductsInInt32 ? count : kProductsInInt32;
      int32_t partial[kSums] = {};
      for (int32_t i = 0; i < block; ++i) {
#pragma GCC unroll 4
        for (int s = 0; s < kSums; ++s) {
          partial[s] += x[s * x_pitch.sum] * weights[s * pitch.sum];
        }
        x += x_pitch.product;
        weights += pitch.product;
      }
#pragma GCC unroll 4
      for (int s = 0; s < kSums; ++s) {
        values[s] += static_cast<std::make_unsigned_t<Accumulator>>(Accumulator{partial[s]});
      }
      count -= block;
    }
  }

  // Writes the outputs of the channels from `channel` on.
  void finish(const Channels<Accumulator>& p, int32_t channel, int16_t* output) const {
    for (int s = 0; s < kSums; ++s) {
      const int32_t c = channel + s;
      const auto biased = values[s] + static_cast<std::make_unsigned_t<Accumulator>>(p.bias[c]);
      const int32_t index = c * p.step;
      const int32_t scaled =
          requantized(static_cast<Accumulator>(biased), p.multipliers[index], p.shifts[index]);
      output[c] = static_cast<int16_t>(clamp(scaled, p.minimum, p.maximum));
    }
  }

 private:
  static int32_t requantized(int32_t sum, int32_t multiplier, int32_t shift) {
    return scale(sum, multiplier, shift);
  }

  static int32_t requantized(int64_t sum, int32_t multiplier, int32_t shift) {
    return scale_wide(sum, multiplier, shift);
  }
};

}  // namespace aot
