// Activations. Of int8, all but SOFTMAX look up each output in a table. Of int16, LOGISTIC, TANH
// and SOFTMAX interpolate between a table's entries. The host computes the tables.
#pragma once

#include <cstdint>

namespace aot {

// table: what each input, taken as a uint8, becomes.
struct Lookup {
  int32_t size;
  const int8_t* table;
};
void lookup(const Lookup& params, const int8_t* input, int8_t* output);

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
