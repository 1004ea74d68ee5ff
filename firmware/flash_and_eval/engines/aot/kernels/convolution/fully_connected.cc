#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/convolution/convolution.h"
#include "flash_and_eval/engines/aot/kernels/convolution/requantize.h"
#include "flash_and_eval/engines/aot/kernels/convolution/rows.h"

namespace aot {
namespace {

// One vector with two pairs of rows.
Sums multiply(const int8_t* input, int32_t depth, const int16_t* first, const int16_t* second) {
  Sums sums = {};
  while (depth >= 4) {
    const int32_t size = depth < kMostPaired ? depth & ~3 : kMostPaired;
    sums += multiply_rows(input, first, second, size);
    input += size;
    first += size;
    second += size;
    depth -= size;
  }
  if (depth > 0) {
    int8_t rest[4] = {};
    for (int32_t i = 0; i < depth; ++i) rest[i] = input[i];
    sums += multiply_rows(rest, first, second, 4);
  }
  return sums;
}

}  // namespace

void fully_connected(const FullyConnected& params, const int8_t* input, int8_t* output) {
  const int32_t block = 2 * params.rows_each;  // units in two pairs of rows
  const int32_t pitch = row_pitch(params.input_depth);
  for (int32_t batch = 0; batch < params.batches; ++batch) {
    const int16_t* weights = params.weights;
    Outputs outputs(params.output, params.output.step, params.bias, params.small);
    for (int32_t left = params.output_depth; left > 0; left -= block) {
      // The last of the pairs may be the only one.
      const int16_t* second = left > params.rows_each ? weights + pitch : weights;
      const Sums sums = multiply(input, params.input_depth, weights, second);
      weights += 2 * pitch;
      if (left >= 4 && block == 4) {
        outputs.write<4, 1>({sums.w0, sums.v0, sums.w1, sums.v1}, output, 0);
        output += 4;
        continue;
      }
      const uint32_t rows[] = {sums.w0, block == 4 ? sums.v0 : sums.w1, sums.w1};
      for (int32_t i = 0; i < block && i < left; ++i) outputs.write<1, 1>({rows[i]}, output++, 0);
    }
    input += params.input_depth;
  }
}

}  // namespace aot
