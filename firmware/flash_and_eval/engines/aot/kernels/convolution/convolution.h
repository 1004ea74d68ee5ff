// CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/shapes.h"

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
// inputs are multiplied as they are; padding then counts as input_zero_point. Where `small` is set
// no accumulator reaches 2^30, and `output.shifts` are what scale_to_int8() takes. `output.step` is
// 1 in the first two.

// Rows of rows.h, [filter_height, filter_width, input_channels / groups] for each output channel;
// where rows_each is 1 every output channel has a pair of rows of its own, of which one is zero.
// scratch: two columns of int16, and one of int8 where the channels are not a multiple of four.
struct Conv2D {
  Window window;
  int32_t groups;
  int32_t input_zero_point;
  int32_t rows_each;
  const int16_t* weights;
  const int32_t* bias;
  int32_t small;
  Requantization output;
};
void conv_2d(const Conv2D& params, const int8_t* input, int8_t* output, int8_t* scratch);

// One filter for each channel. weights: for every four channels, for every two taps of the filter
// (the last may be missing, the fourth channel too, and are zero): those of two channels at both
// taps, then those of the other two. scratch: a pointer for each of these taps, of 8 bytes; and a
// pixel.
struct DepthwiseConv2D {
  Window window;
  int32_t input_zero_point;
  const int8_t* weights;
  const int32_t* bias;
  int32_t small;
  Requantization output;
};
void depthwise_conv_2d(const DepthwiseConv2D& params, const int8_t* input, int8_t* output,
                       int8_t* scratch);

// Rows of rows.h, as for Conv2D.
struct FullyConnected {
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int32_t rows_each;
  const int16_t* weights;
  const int32_t* bias;
  int32_t small;
  Requantization output;
};
void fully_connected(const FullyConnected& params, const int8_t* input, int8_t* output);

}  // namespace aot
