// How kernels see tensors: dense, row-major, NHWC.
#pragma once

#include <cstdint>

namespace aot {

// Dimensions that kernels go over, after the host has fused those that it can.
constexpr int kMaxDims = 5;

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

}  // namespace aot
