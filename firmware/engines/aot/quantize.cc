#include <cstdint>

#include "elementwise.h"
#include "fixed_point.h"

namespace aot {

void quantize(const Quantize& params, const int8_t* input, int8_t* output) {
  for (int32_t i = 0; i < params.size; ++i) {
    const int32_t scaled =
        scale(input[i] - params.input_zero_point, params.multiplier, params.shift);
    const int32_t value = wrapping_add(scaled, params.output_zero_point);
    output[i] = static_cast<int8_t>(clamp(value, INT8_MIN, INT8_MAX));
  }
}

}  // namespace aot
