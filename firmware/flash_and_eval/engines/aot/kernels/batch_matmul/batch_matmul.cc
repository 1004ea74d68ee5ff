#include "flash_and_eval/engines/aot/kernels/batch_matmul/batch_matmul.h"

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/fixed_point.h"

namespace aot {
namespace {

int8_t element(const BatchMatMul& p, const int8_t* left, const int8_t* right) {
  uint32_t sum = 0;
  for (int32_t k = 0; k < p.depth; ++k) {
    sum += static_cast<uint32_t>((*left - p.left.zero_point) * (*right - p.right.zero_point));
    left += p.left.depth_stride;
    right += p.right.depth_stride;
  }
  const int32_t scaled = scale(static_cast<int32_t>(sum), p.multiplier, p.shift);
  return static_cast<int8_t>(clamp(wrapping_add(scaled, p.zero_point), INT8_MIN, INT8_MAX));
}

int16_t element(const BatchMatMul& p, const int16_t* left, const int16_t* right) {
  int64_t sum = 0;
  for (int32_t k = 0; k < p.depth; ++k) {
    sum += *left * *right;
    left += p.left.depth_stride;
    right += p.right.depth_stride;
  }
  return static_cast<int16_t>(clamp(scale_wide(sum, p.multiplier, p.shift), INT16_MIN, INT16_MAX));
}

template <typename T>
T* multiply(const BatchMatMul& p, const T* left, const T* right, T* output) {
  for (int32_t row = 0; row < p.rows; ++row) {
    for (int32_t column = 0; column < p.columns; ++column) {
      *output++ =
          element(p, left + row * p.left.outer_stride, right + column * p.right.outer_stride);
    }
  }
  return output;
}

int32_t offset(const MatrixOperand& operand, const int32_t indices[kBatchDims]) {
  int32_t sum = 0;
  for (int i = 0; i < kBatchDims; ++i) sum += indices[i] * operand.batch_strides[i];
  return sum;
}

template <typename T>
void multiply_all(const BatchMatMul& p, const T* left, const T* right, T* output) {
  static_assert(kBatchDims == 3, "the loops below are three deep");
  for (int32_t a = 0; a < p.batch_sizes[0]; ++a) {
    for (int32_t b = 0; b < p.batch_sizes[1]; ++b) {
      for (int32_t c = 0; c < p.batch_sizes[2]; ++c) {
        const int32_t indices[] = {a, b, c};
        output =
            multiply(p, left + offset(p.left, indices), right + offset(p.right, indices), output);
      }
    }
  }
}

}  // namespace

void batch_matmul(const BatchMatMul& params, const int8_t* left, const int8_t* right,
                  int8_t* output) {
  multiply_all(params, left, right, output);
}

void batch_matmul(const BatchMatMul& params, const int16_t* left, const int16_t* right,
                  int16_t* output) {
  multiply_all(params, left, right, output);
}

}  // namespace aot
