// Operators that only move elements. They know bytes, not types: sizes count steps, and strides,
// offsets and runs are in bytes. Unused dimensions come first, with size 1.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/shapes.h"

namespace aot {

// At each step, a run of bytes that lie together in both tensors. Steps are taken in
// order, the last dimension fastest, and each reads its run before it writes it.
struct Copy {
  int32_t sizes[kMaxDims];
  int32_t input_strides[kMaxDims];
  int32_t output_strides[kMaxDims];
  int32_t input_offset;
  int32_t output_offset;
  int32_t run;
};
void copy(const Copy& params, const void* input, void* output);

// Writes the output in its own order. The run of step (i0, i1, …) begins in the input at the sum of
// offsets[i0] of the first dimension's offsets, offsets[i1] of the second's, …, which follow each
// other in the table.
struct Gather {
  int32_t sizes[kMaxDims];
  const int32_t* offsets;
  int32_t run;
};
void gather(const Gather& params, const void* input, void* output);

// The first `width` bytes of `value`, over and over.
struct Fill {
  int32_t bytes;
  int32_t width;
  int32_t value;
};
void fill(const Fill& params, void* output);

}  // namespace aot
