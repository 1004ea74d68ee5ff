#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/binary/binary.h"
#include "flash_and_eval/engines/aot/kernels/binary/broadcast.h"
#include "flash_and_eval/engines/aot/kernels/fixed_point.h"

namespace aot {

void prelu(const Prelu& params, const int8_t* input, const int8_t* alpha, int8_t* output) {
  const Prelu& p = params;
  combine(p.broadcast, input, alpha, output, [&p](int8_t x, int8_t a) {
    const int32_t value = x - p.input_zero_point;
    const int32_t scaled =
        value >= 0 ? scale(value, p.multiplier, p.shift)
                   : scale(value * (a - p.alpha_zero_point), p.alpha_multiplier, p.alpha_shift);
    return static_cast<int8_t>(clamp(wrapping_add(scaled, p.zero_point), INT8_MIN, INT8_MAX));
  });
}

}  // namespace aot
