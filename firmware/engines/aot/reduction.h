// Pooling, MEAN, SOFTMAX.
#pragma once

#include <cstdint>

#include "shapes.h"

namespace aot {

// Dimensions that MEAN keeps, and that it reduces, after fusing.
constexpr int kMaxMeanDims = 4;

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

}  // namespace aot
