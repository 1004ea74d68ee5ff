// The kernels: what generated code calls. Each takes its parameters, then tensors as bare pointers.
// Tensors are dense, row-major and NHWC. Parameters are computed by host/engines/aot; nothing is
// checked here, since the host refuses what a kernel cannot do.
#pragma once

#include <cstdint>

namespace aot {

// Dimensions that ADD and PAD can walk, after the host has fused those that it can.
constexpr int kMaxDims = 5;
// Dimensions that MEAN keeps, and that it reduces, after fusing.
constexpr int kMaxMeanDims = 4;

// A window that slides over an image: convolution and pooling.
struct Window {
  int32_t batches;
  int32_t input_height;
  int32_t input_width;
  int32_t input_channels;
  int32_t output_height;
  int32_t output_width;
  int32_t output_channels;
  int32_t filter_height;
  int32_t filter_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t pad_top;
  int32_t pad_left;
};

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

// Input and output share scale and zero point.
struct Pool2D {
  Window window;
  int32_t minimum;
  int32_t maximum;
};
void average_pool_2d(const Pool2D& params, const int8_t* input, int8_t* output);
void max_pool_2d(const Pool2D& params, const int8_t* input, int8_t* output);

// Sizes, and strides in the input, of the dimensions that stay and of those that are reduced.
// Unused dimensions come first, with size 1. The multiplier includes 1 / count.
struct Mean {
  int32_t kept_sizes[kMaxMeanDims];
  int32_t kept_strides[kMaxMeanDims];
  int32_t reduced_sizes[kMaxMeanDims];
  int32_t reduced_strides[kMaxMeanDims];
  int32_t zero_points_sum;  // input zero point · count
  int32_t multiplier;
  int32_t shift;
  int32_t output_zero_point;
};
void mean(const Mean& params, const int8_t* input, int8_t* output);

// An operand of ADD. A stride of 0 broadcasts.
struct Addend {
  int32_t strides[kMaxDims];
  int32_t zero_point;
  int32_t multiplier;
  int32_t shift;
};
// sizes: of the output, unused dimensions first, with size 1.
struct Add {
  int32_t sizes[kMaxDims];
  Addend left;
  Addend right;
  int32_t multiplier;
  int32_t shift;
  int32_t zero_point;
  int32_t minimum;
  int32_t maximum;
};
void add(const Add& params, const int8_t* left, const int8_t* right, int8_t* output);

// sizes: of the input, unused dimensions first, with size 1.
struct Pad {
  int32_t sizes[kMaxDims];
  int32_t before[kMaxDims];
  int32_t after[kMaxDims];
  int32_t value;
};
void pad(const Pad& params, const int8_t* input, int8_t* output);

// Over the last dimension. A difference from the row's maximum that is below minimum_difference is
// as good as minus infinity.
struct Softmax {
  int32_t rows;
  int32_t depth;
  int32_t multiplier;
  int32_t shift;
  int32_t minimum_difference;
};
void softmax(const Softmax& params, const int8_t* input, int8_t* output);

struct Quantize {
  int32_t size;
  int32_t input_zero_point;
  int32_t multiplier;
  int32_t shift;
  int32_t output_zero_point;
};
void quantize(const Quantize& params, const int8_t* input, int8_t* output);

}  // namespace aot
