#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/dot.h"
#include "flash_and_eval/engines/aot/kernels/fixed_point.h"
#include "flash_and_eval/engines/aot/kernels/recurrent/recurrent.h"

namespace aot {
namespace {

uint32_t unit_sum(const Svdf& p, int32_t unit, const int8_t* input) {
  uint32_t sum = static_cast<uint32_t>(p.bias[unit]);
  for (int32_t r = 0; r < p.rank; ++r) {
    const int32_t filter = unit * p.rank + r;
    const uint32_t feature = static_cast<uint32_t>(p.feature_bias[filter]) +
                             dot(input, p.feature_weights + filter * p.depth, p.depth);
    const int32_t scaled =
        scale(static_cast<int32_t>(feature), p.feature_multiplier, p.feature_shift);
    const int32_t activation = clamp(scaled, p.feature_minimum, p.feature_maximum);
    sum += static_cast<uint32_t>(activation * p.time_weights[filter]);
  }
  return sum;
}

}  // namespace

void svdf(const Svdf& p, const int8_t* input, int8_t* output) {
  for (int32_t batch = 0; batch < p.batches; ++batch) {
    for (int32_t unit = 0; unit < p.units; ++unit) {
      const int32_t sum = static_cast<int32_t>(unit_sum(p, unit, input));
      const int32_t scaled = scale(sum, p.output_multiplier, p.output_shift);
      *output++ =
          static_cast<int8_t>(clamp(wrapping_add(scaled, p.output_zero_point), INT8_MIN, INT8_MAX));
    }
    input += p.depth;
  }
}

}  // namespace aot
