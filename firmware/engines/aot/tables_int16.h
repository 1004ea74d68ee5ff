// LOGISTIC, TANH and SOFTMAX of int16: from tables that the host computes, with interpolation.
#pragma once

#include <cstdint>

namespace aot {

// Inputs are brought to the table's steps by a multiplier and a rounding right shift.
struct SigmoidInt16 {
  int32_t size;
  int32_t multiplier;
  int32_t shift;
  const uint16_t* table;
};
void logistic(const SigmoidInt16& params, const int16_t* input, int16_t* output);
void tanh(const SigmoidInt16& params, const int16_t* input, int16_t* output);

// Over the last dimension. Both tables have 513 values in Q0.15: e^x over [−10, 0], and 1 / (1 + x)
// over [0, 1].
struct SoftmaxInt16 {
  int32_t rows;
  int32_t depth;
  int32_t multiplier;
  int32_t shift;
  const int16_t* exponential;
  const int16_t* reciprocal;
};
void softmax(const SoftmaxInt16& params, const int16_t* input, int16_t* output);

}  // namespace aot
