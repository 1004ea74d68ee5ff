#include <cstdint>

#include "fixed_point.h"
#include "reduction.h"

namespace aot {
namespace {

static_assert(kMaxMeanDims == 4, "the loops below are four deep");

// Calls visit(offset) for every index of a four-dimensional walk, the last dimension fastest.
template <typename Function>
void walk(const int32_t* sizes, const int32_t* strides, Function visit) {
  for (int32_t a = 0; a < sizes[0]; ++a) {
    for (int32_t b = 0; b < sizes[1]; ++b) {
      for (int32_t c = 0; c < sizes[2]; ++c) {
        const int32_t start = a * strides[0] + b * strides[1] + c * strides[2];
        for (int32_t d = 0; d < sizes[3]; ++d) visit(start + d * strides[3]);
      }
    }
  }
}

}  // namespace

void mean(const Mean& params, const int8_t* input, int8_t* output) {
  walk(params.kept_sizes, params.kept_strides, [&](int32_t kept) {
    int32_t sum = 0;
    walk(params.reduced_sizes, params.reduced_strides,
         [&](int32_t reduced) { sum += input[kept + reduced]; });
    const int32_t scaled = scale(sum - params.zero_points_sum, params.multiplier, params.shift);
    const int32_t value = wrapping_add(scaled, params.output_zero_point);
    *output++ = static_cast<int8_t>(clamp(value, INT8_MIN, INT8_MAX));
  });
}

}  // namespace aot
