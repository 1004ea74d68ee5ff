// CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED.
#pragma once

#include <cstdint>

#include "shapes.h"

namespace aot {

// From an int32 accumulator to an int8 output. Channel c uses element c · step of both tables, so
// that one element serves all channels where step is 0.
struct Requantization {
  const int32_t* multipliers;
  const int8_t* shifts;
  int32_t step;
  int32_t zero_point;
  int32_t minimum;
  int32_t maximum;
};

// In these three `bias` holds bias − input_zero_point · Σ weights of the output channel, so that
// inputs are multiplied as they are; padding then counts as input_zero_point.

// weights: [output_channels, filter_height, filter_width, input_channels / groups].
struct Conv2D {
  Window window;
  int32_t groups;
  int32_t input_zero_point;
  const int8_t* weights;
  const int32_t* bias;
  Requantization output;
};
void conv_2d(const Conv2D& params, const int8_t* input, int8_t* output);

// weights: [filter_height, filter_width, output_channels]; output channel c reads input channel
// c / depth_multiplier.
struct DepthwiseConv2D {
  Window window;
  int32_t depth_multiplier;
  int32_t input_zero_point;
  const int8_t* weights;
  const int32_t* bias;
  Requantization output;
};
void depthwise_conv_2d(const DepthwiseConv2D& params, const int8_t* input, int8_t* output);

// weights: [output_depth, input_depth].
struct FullyConnected {
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  const int8_t* weights;
  const int32_t* bias;
  Requantization output;
};
void fully_connected(const FullyConnected& params, const int8_t* input, int8_t* output);

}  // namespace aot
