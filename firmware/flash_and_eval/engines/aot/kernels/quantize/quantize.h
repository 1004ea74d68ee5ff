// QUANTIZE and DEQUANTIZE: between floats and integers, and between integers of different scales.
#pragma once

#include <cstdint>

namespace aot {

// Between integers: multiplier and shift are the ratio of the input's scale to the output's.
struct Requantize {
  int32_t size;
  int32_t input_zero_point;
  int32_t multiplier;
  int32_t shift;
  int32_t output_zero_point;
};
void quantize(const Requantize& params, const int8_t* input, int8_t* output);
void quantize(const Requantize& params, const int8_t* input, uint8_t* output);
void quantize(const Requantize& params, const int8_t* input, int16_t* output);
void quantize(const Requantize& params, const int8_t* input, int32_t* output);
void quantize(const Requantize& params, const uint8_t* input, int8_t* output);
void quantize(const Requantize& params, const int16_t* input, int8_t* output);
void quantize(const Requantize& params, const int16_t* input, int16_t* output);
void quantize(const Requantize& params, const int16_t* input, int32_t* output);
void quantize(const Requantize& params, const int32_t* input, int8_t* output);
void quantize(const Requantize& params, const int32_t* input, int16_t* output);

// From and to floats. Halves are rounded away from zero. What no int32 holds saturates, and NaN
// counts as minus infinity; C++ leaves both open, and TFLite-Micro's answer is the processor's.
struct Affine {
  int32_t size;
  float scale;
  int32_t zero_point;
};
void quantize(const Affine& params, const float* input, int8_t* output);
void quantize(const Affine& params, const float* input, int16_t* output);
void dequantize(const Affine& params, const int8_t* input, float* output);
void dequantize(const Affine& params, const uint8_t* input, float* output);
void dequantize(const Affine& params, const int16_t* input, float* output);

}  // namespace aot
