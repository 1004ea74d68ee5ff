// The loops that all operators of two operands take.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/binary/binary.h"

namespace aot {

static_assert(kMaxDims == 5, "the loops below are five deep");

// One row of the last dimension, in straight loops.
template <typename T, typename Operation>
T* combine_row(int32_t size, const T* left, int32_t left_stride, const T* right,
               int32_t right_stride, T* output, Operation operation) {
  if (left_stride == right_stride) {
    for (int32_t i = 0; i < size; ++i) *output++ = operation(*left++, *right++);
    return output;
  }
  for (int32_t i = 0; i < size; ++i) {
    *output++ = operation(*left, *right);
    left += left_stride;
    right += right_stride;
  }
  return output;
}

// output = operation(left, right), for every element.
template <typename T, typename Operation>
void combine(const Broadcast& broadcast, const T* left, const T* right, T* output,
             Operation operation) {
  const int32_t* n = broadcast.sizes;
  const int32_t* l = broadcast.left_strides;
  const int32_t* r = broadcast.right_strides;
  for (int32_t i0 = 0; i0 < n[0]; ++i0) {
    for (int32_t i1 = 0; i1 < n[1]; ++i1) {
      for (int32_t i2 = 0; i2 < n[2]; ++i2) {
        const T* a = left + (i0 * l[0] + i1 * l[1] + i2 * l[2]);
        const T* b = right + (i0 * r[0] + i1 * r[1] + i2 * r[2]);
        for (int32_t i3 = 0; i3 < n[3]; ++i3) {
          output = combine_row(n[4], a, l[4], b, r[4], output, operation);
          a += l[3];
          b += r[3];
        }
      }
    }
  }
}

}  // namespace aot
