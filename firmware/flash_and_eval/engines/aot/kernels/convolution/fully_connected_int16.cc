#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/convolution/sums_int16.h"

namespace aot {
namespace {

template <int kSums, typename Accumulator>
void multiply(const FullyConnectedInt16<Accumulator>& p, const int16_t* input, int32_t channel,
              int16_t* output) {
  const int32_t depth = p.input_depth;
  Sums<kSums, Accumulator> sums;
  sums.add(input, {1, 0}, p.weights + channel * depth, {1, depth}, depth);
  sums.finish(p.output, channel, output);
}

template <typename Accumulator>
void multiply_rows(const FullyConnectedInt16<Accumulator>& p, const int16_t* input,
                   int16_t* output) {
  for (int32_t batch = 0; batch < p.batches; ++batch) {
    int32_t channel = 0;
    for (; channel + 4 <= p.output_depth; channel += 4) multiply<4>(p, input, channel, output);
    for (; channel < p.output_depth; ++channel) multiply<1>(p, input, channel, output);
    input += p.input_depth;
    output += p.output_depth;
  }
}

}  // namespace

void fully_connected(const FullyConnectedInt16<int64_t>& params, const int16_t* input,
                     int16_t* output) {
  multiply_rows(params, input, output);
}

void fully_connected(const FullyConnectedInt16<int32_t>& params, const int16_t* input,
                     int16_t* output) {
  multiply_rows(params, input, output);
}

}  // namespace aot
