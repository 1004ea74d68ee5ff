// Operators of two operands, element by element: ADD, SUB, MUL, MAXIMUM, MINIMUM, PRELU. Outputs
// may lie over an operand of their own size: each element is read before it is written, and not
// again.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/shapes.h"

namespace aot {

// Loops over the output, and how far each operand goes on with it; a stride of 0 repeats an
// element. Unused dimensions come first, with size 1. Strides of the last dimension are 0 or 1.
struct Broadcast {
  int32_t sizes[kMaxDims];
  int32_t left_strides[kMaxDims];
  int32_t right_strides[kMaxDims];
};

// What brings an operand to the scale that both are added in. Multipliers are below 1 here, with a
// shift to the right.
struct Rescale {
  int32_t zero_point;
  int32_t multiplier;
  int32_t right_shift;
};
struct Addition {
  Broadcast broadcast;
  Rescale left;
  Rescale right;
  int32_t multiplier;
  int32_t right_shift;
  int32_t zero_point;
  int32_t minimum;
  int32_t maximum;
};
void add(const Addition& params, const int8_t* left, const int8_t* right, int8_t* output);
void add(const Addition& params, const int16_t* left, const int16_t* right, int16_t* output);
void sub(const Addition& params, const int8_t* left, const int8_t* right, int8_t* output);
void sub(const Addition& params, const int16_t* left, const int16_t* right, int16_t* output);

struct Product {
  Broadcast broadcast;
  int32_t left_zero_point;
  int32_t right_zero_point;
  int32_t multiplier;
  int32_t shift;
  int32_t zero_point;
  int32_t minimum;
  int32_t maximum;
};
void mul(const Product& params, const int8_t* left, const int8_t* right, int8_t* output);
void mul(const Product& params, const int16_t* left, const int16_t* right, int16_t* output);

// Of the numbers as they are stored.
void maximum(const Broadcast& broadcast, const int8_t* left, const int8_t* right, int8_t* output);
void maximum(const Broadcast& broadcast, const int16_t* left, const int16_t* right,
             int16_t* output);
void minimum(const Broadcast& broadcast, const int8_t* left, const int8_t* right, int8_t* output);
void minimum(const Broadcast& broadcast, const int16_t* left, const int16_t* right,
             int16_t* output);

// What is negative is multiplied by alpha; the rest only comes to the output's scale.
struct Prelu {
  Broadcast broadcast;
  int32_t input_zero_point;
  int32_t alpha_zero_point;
  int32_t multiplier;
  int32_t shift;
  int32_t alpha_multiplier;
  int32_t alpha_shift;
  int32_t zero_point;
};
void prelu(const Prelu& params, const int8_t* input, const int8_t* alpha, int8_t* output);

}  // namespace aot
