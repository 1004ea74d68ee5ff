#include <cstdint>
#include <limits>

#include "flash_and_eval/engines/aot/kernels/fixed_point.h"
#include "flash_and_eval/engines/aot/kernels/reduction/reduction.h"
#include "flash_and_eval/engines/aot/kernels/reduction/strides.h"

namespace aot {
namespace {

template <typename T>
void sum_up(const Sum& params, const T* input, T* output) {
  for_offsets(params.kept, [&](int32_t kept) {
    int32_t sum = 0;
    for_offsets(params.reduced,
                [&](int32_t reduced) { sum = wrapping_add(sum, input[kept + reduced]); });
    const int32_t scaled =
        scale(wrapping_add(sum, -params.zero_points_sum), params.multiplier, params.shift);
    const int32_t value = wrapping_add(scaled, params.output_zero_point);
    *output++ =
        static_cast<T>(clamp(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  });
}

}  // namespace

void sum(const Sum& params, const int8_t* input, int8_t* output) { sum_up(params, input, output); }

void sum(const Sum& params, const int16_t* input, int16_t* output) {
  sum_up(params, input, output);
}

}  // namespace aot
