// Operators that take their operands element by element.
#pragma once

#include <cstdint>

#include "shapes.h"

namespace aot {

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

struct Quantize {
  int32_t size;
  int32_t input_zero_point;
  int32_t multiplier;
  int32_t shift;
  int32_t output_zero_point;
};
void quantize(const Quantize& params, const int8_t* input, int8_t* output);

}  // namespace aot
