#include "flash_and_eval/engines/aot/kernels/convolution/requantize.h"

namespace aot {

int8_t requantize(const Requantization& r, bool small, const ChannelScale& scale,
                  uint32_t accumulator) {
  const int32_t sum = static_cast<int32_t>(scale.bias + accumulator);
  if (small) {
    const int32_t zero_point = (2 * r.zero_point + 1) * (1 << scale.shift);
    const int8_t value = scale_to_int8(sum, scale.multiplier, scale.shift, zero_point);
    return static_cast<int8_t>(clamp(value, r.minimum, r.maximum));
  }
  const int32_t scaled = aot::scale(sum, scale.multiplier, scale.shift);
  return static_cast<int8_t>(clamp(wrapping_add(scaled, r.zero_point), r.minimum, r.maximum));
}

}  // namespace aot
