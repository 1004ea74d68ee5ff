#include <cstdint>

#include "convolution.h"
#include "dot.h"
#include "window.h"

namespace aot {

void fully_connected(const FullyConnected& params, const int8_t* input, int8_t* output) {
  const int32_t depth = params.input_depth;
  for (int32_t batch = 0; batch < params.batches; ++batch) {
    int32_t channel = 0;
    for (; channel + 4 <= params.output_depth; channel += 4) {
      uint32_t sums[4] = {0, 0, 0, 0};
      dot_four(input, params.weights + channel * depth, depth, depth, sums);
      for (int32_t i = 0; i < 4; ++i) {
        const uint32_t bias = static_cast<uint32_t>(params.bias[channel + i]);
        output[channel + i] = requantize(params.output, channel + i, bias + sums[i]);
      }
    }
    for (; channel < params.output_depth; ++channel) {
      const uint32_t bias = static_cast<uint32_t>(params.bias[channel]);
      const uint32_t sum = dot(input, params.weights + channel * depth, depth);
      output[channel] = requantize(params.output, channel, bias + sum);
    }
    input += depth;
    output += params.output_depth;
  }
}

}  // namespace aot
