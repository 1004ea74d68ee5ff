// Operators that make images larger: RESIZE_BILINEAR, TRANSPOSE_CONV.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/convolution/convolution.h"

namespace aot {

// One axis of a resized image: output position p looks at input position p · scale + offset, in
// units of 1/1024.
struct ResizeAxis {
  int32_t input_size;
  int32_t output_size;
  int32_t scale;
  int32_t offset;
};

// Input and output share scale and zero point.
struct ResizeBilinear {
  int32_t batches;
  int32_t depth;
  ResizeAxis rows;
  ResizeAxis columns;
};
void resize_bilinear(const ResizeBilinear& params, const int8_t* input, int8_t* output);

// weights: [filter_height, filter_width, output_channels, input_channels]. offsets: for each row of
// them −input zero point · Σ weights; it is not in the bias, as how many taps meet an input differs
// from output to output. Strides and padding are those of the output, over which the filters are
// laid; there is no dilation.
struct TransposeConv {
  Window window;
  const int8_t* weights;
  const int32_t* offsets;
  const int32_t* bias;
  Requantization output;
};
void transpose_conv(const TransposeConv& params, const int8_t* input, int8_t* output);

}  // namespace aot
