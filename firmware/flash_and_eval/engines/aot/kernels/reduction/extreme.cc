#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/reduction/reduction.h"
#include "flash_and_eval/engines/aot/kernels/reduction/strides.h"

namespace aot {
namespace {

template <typename Better>
void extreme(const Extreme& params, const int8_t* input, int8_t* output, Better better) {
  for_offsets(params.kept, [&](int32_t kept) {
    int8_t best = input[kept];
    for_offsets(params.reduced, [&](int32_t reduced) {
      const int8_t value = input[kept + reduced];
      if (better(value, best)) best = value;
    });
    *output++ = best;
  });
}

// Of equal values the first counts.
template <typename Better>
void position(const ExtremePosition& p, const int8_t* input, int32_t* output, Better better) {
  for (int32_t outer = 0; outer < p.outer; ++outer) {
    for (int32_t inner = 0; inner < p.inner; ++inner) {
      const int8_t* values = input + inner;
      int32_t best = 0;
      for (int32_t i = 1; i < p.size; ++i) {
        if (better(values[i * p.inner], values[best * p.inner])) best = i;
      }
      *output++ = best;
    }
    input += p.size * p.inner;
  }
}

bool greater(int8_t a, int8_t b) { return a > b; }
bool less(int8_t a, int8_t b) { return a < b; }

}  // namespace

void reduce_max(const Extreme& params, const int8_t* input, int8_t* output) {
  extreme(params, input, output, greater);
}

void reduce_min(const Extreme& params, const int8_t* input, int8_t* output) {
  extreme(params, input, output, less);
}

void arg_max(const ExtremePosition& params, const int8_t* input, int32_t* output) {
  position(params, input, output, greater);
}

void arg_min(const ExtremePosition& params, const int8_t* input, int32_t* output) {
  position(params, input, output, less);
}

}  // namespace aot
