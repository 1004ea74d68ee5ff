// From accumulators to outputs, channel by channel: after the multiplications, the second largest
// cost of a convolution.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/convolution/convolution.h"
#include "flash_and_eval/engines/aot/kernels/fixed_point.h"

namespace aot {

// What one channel's accumulators are scaled by.
struct ChannelScale {
  uint32_t bias;
  int32_t multiplier;
  int32_t shift;
};

// Any accumulator, any range of outputs.
int8_t requantize(const Requantization& r, bool small, const ChannelScale& scale,
                  uint32_t accumulator);

// Writes the outputs of neighbouring channels, one block of channels after the other.
class Outputs {
 public:
  // Begins with channel `first`. `step` is r.step, which the compiler may know.
  Outputs(const Requantization& r, int32_t step, const int32_t* bias, bool small, int32_t first = 0)
      : r_(r),
        small_(small),
        plain_(small && r.minimum == INT8_MIN && r.maximum == INT8_MAX),
        zero_point_(2 * r.zero_point + 1),
        step_(step),
        bias_(bias + first),
        multipliers_(r.multipliers + first * step_),
        shifts_(r.shifts + first * step_) {}

  // Takes the sums of kChannels at kPositions, whose outputs are `pitch` apart: all of the first
  // channel, then all of the second.
  template <int kChannels, int kPositions>
  void write(const uint32_t (&sums)[kChannels * kPositions], int8_t* output, int32_t pitch) {
    if (plain_) {
#pragma GCC unroll 4
      for (int c = 0; c < kChannels; ++c) {
        const ChannelScale scale = next();
        const int32_t zero_point = zero_point_ * (1 << scale.shift);
#pragma GCC unroll 4
        for (int p = 0; p < kPositions; ++p) {
          const uint32_t sum = scale.bias + sums[c * kPositions + p];
          output[c + p * pitch] =
              scale_to_int8(static_cast<int32_t>(sum), scale.multiplier, scale.shift, zero_point);
        }
      }
      return;
    }
    // A copy, so that the sums above can stay in registers.
    uint32_t copy[kChannels * kPositions];
    for (int i = 0; i < kChannels * kPositions; ++i) copy[i] = sums[i];
    for (int c = 0; c < kChannels; ++c) {
      const ChannelScale scale = next();
      for (int p = 0; p < kPositions; ++p) {
        output[c + p * pitch] = requantize(r_, small_, scale, copy[c * kPositions + p]);
      }
    }
  }

 private:
  ChannelScale next() {
    const ChannelScale scale = {static_cast<uint32_t>(*bias_), *multipliers_, *shifts_};
    ++bias_;
    multipliers_ += step_;
    shifts_ += step_;
    return scale;
  }

  const Requantization& r_;
  const bool small_;
  const bool plain_;  // what is most common, and fastest
  const int32_t zero_point_;
  const int32_t step_;
  const int32_t* bias_;
  const int32_t* multipliers_;
  const int8_t* shifts_;
};

}  // namespace aot
