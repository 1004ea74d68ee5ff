#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/activations/activations.h"
#include "flash_and_eval/engines/aot/kernels/sigmoid.h"

namespace aot {
namespace {

// x in the table's steps, halves towards plus infinity.
int32_t rescale(const SigmoidInt16& p, int16_t x) {
  const int32_t half = p.shift > 0 ? 1 << (p.shift - 1) : 0;
  return (x * p.multiplier + half) >> p.shift;
}

}  // namespace

void logistic(const SigmoidInt16& params, const int16_t* input, int16_t* output) {
  for (int32_t i = 0; i < params.size; ++i) {
    output[i] = sigmoid(params.table, rescale(params, input[i]));
  }
}

void tanh(const SigmoidInt16& params, const int16_t* input, int16_t* output) {
  for (int32_t i = 0; i < params.size; ++i) {
    output[i] = hyperbolic_tangent(params.table, rescale(params, input[i]));
  }
}

}  // namespace aot
