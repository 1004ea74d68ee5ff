// BATCH_MATMUL: matrix products along the last two dimensions.
#pragma once

#include <cstdint>

namespace aot {

// Dimensions before the matrices.
constexpr int kBatchDims = 3;

// Strides in elements; 0 broadcasts.
struct MatrixOperand {
  int32_t batch_strides[kBatchDims];
  int32_t depth_stride;
  int32_t outer_stride;  // of the left operand's rows, of the right one's columns
  int32_t zero_point;
};

// batch_sizes: of the output, unused dimensions first, with size 1.
struct BatchMatMul {
  int32_t batch_sizes[kBatchDims];
  int32_t rows;
  int32_t depth;
  int32_t columns;
  MatrixOperand left;
  MatrixOperand right;
  int32_t multiplier;  // of scale(), or of scale_wide() where sums have 64 bits
  int32_t shift;
  int32_t zero_point;
};
void batch_matmul(const BatchMatMul& params, const int8_t* left, const int8_t* right,
                  int8_t* output);
// All zero points are 0.
void batch_matmul(const BatchMatMul& params, const int16_t* left, const int16_t* right,
                  int16_t* output);

}  // namespace aot
