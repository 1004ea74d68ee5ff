// CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED of int16 activations, whose zero point is 0, with
// int8 weights. Accumulator is the type of the bias and of the accumulators: int64_t, or int32_t
// where the converter was told so; DEPTHWISE_CONV_2D has int64_t only.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/shapes.h"

namespace aot {

// From accumulators to int16 outputs. Channel c uses element c · step of multipliers and shifts.
//
// int64_t: a multiplier of 15 bits, then a right shift that rounds once, halves towards plus
// infinity. int32_t: 31 bits and two roundings, as in Requantization.
template <typename Accumulator>
struct Channels {
  const Accumulator* bias;
  const int32_t* multipliers;
  const int8_t* shifts;
  int32_t step;
  int32_t minimum;
  int32_t maximum;
};

// weights: [output_channels, filter_height, filter_width, input_channels / groups].
template <typename Accumulator>
struct Conv2DInt16 {
  Window window;
  int32_t groups;
  const int8_t* weights;
  Channels<Accumulator> output;
};
void conv_2d(const Conv2DInt16<int64_t>& params, const int16_t* input, int16_t* output);
void conv_2d(const Conv2DInt16<int32_t>& params, const int16_t* input, int16_t* output);

// weights: [filter_height, filter_width, output_channels]; output channel c reads input channel
// c / depth_multiplier.
struct DepthwiseConv2DInt16 {
  Window window;
  int32_t depth_multiplier;
  const int8_t* weights;
  Channels<int64_t> output;
};
void depthwise_conv_2d(const DepthwiseConv2DInt16& params, const int16_t* input, int16_t* output);

// weights: [output_depth, input_depth].
template <typename Accumulator>
struct FullyConnectedInt16 {
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  const int8_t* weights;
  Channels<Accumulator> output;
};
void fully_connected(const FullyConnectedInt16<int64_t>& params, const int16_t* input,
                     int16_t* output);
void fully_connected(const FullyConnectedInt16<int32_t>& params, const int16_t* input,
                     int16_t* output);

}  // namespace aot
