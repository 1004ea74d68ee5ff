// Pooling and reductions.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/shapes.h"

namespace aot {

// Dimensions that a reduction keeps, and that it reduces, after fusing.
constexpr int kMaxReductionDims = 4;

// Input and output share scale and zero point.
struct Pool2D {
  Window window;
  int32_t minimum;
  int32_t maximum;
};
void average_pool_2d(const Pool2D& params, const int8_t* input, int8_t* output);
void average_pool_2d(const Pool2D& params, const int16_t* input, int16_t* output);
void max_pool_2d(const Pool2D& params, const int8_t* input, int8_t* output);
void max_pool_2d(const Pool2D& params, const int16_t* input, int16_t* output);

// Some dimensions of a tensor, after fusing: sizes, and strides in elements. Unused ones come
// first, with size 1.
struct Strides {
  int32_t sizes[kMaxReductionDims];
  int32_t strides[kMaxReductionDims];
};

// Reductions read every element that an output depends on before they write it, and outputs in the
// order of their first elements: the output may be laid over the input.

// MEAN and SUM; the multiplier of a mean includes 1 / count.
struct Sum {
  Strides kept;
  Strides reduced;
  int32_t zero_points_sum;  // input zero point · count
  int32_t multiplier;
  int32_t shift;
  int32_t output_zero_point;
};
void sum(const Sum& params, const int8_t* input, int8_t* output);
void sum(const Sum& params, const int16_t* input, int16_t* output);

// Input and output share scale and zero point.
struct Extreme {
  Strides kept;
  Strides reduced;
};
void reduce_max(const Extreme& params, const int8_t* input, int8_t* output);
void reduce_min(const Extreme& params, const int8_t* input, int8_t* output);

// input: [outer, size, inner]; output: [outer, inner], the index of the greatest or least value.
struct ExtremePosition {
  int32_t outer;
  int32_t size;
  int32_t inner;
};
void arg_max(const ExtremePosition& params, const int8_t* input, int32_t* output);
void arg_min(const ExtremePosition& params, const int8_t* input, int32_t* output);

}  // namespace aot
