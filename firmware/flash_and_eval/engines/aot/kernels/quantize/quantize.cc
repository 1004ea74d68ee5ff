#include "flash_and_eval/engines/aot/kernels/quantize/quantize.h"

#include <cstdint>
#include <limits>

#include "flash_and_eval/engines/aot/kernels/fixed_point.h"

namespace aot {
namespace {

// The output may lie over the input, and compilers must not assume otherwise where types differ.
template <typename T>
struct [[gnu::may_alias]] Element {
  T value;
};

template <typename In, typename Out, typename Function>
void transform(int32_t size, const In* input, Out* output, Function function) {
  const auto* from = reinterpret_cast<const Element<In>*>(input);
  auto* to = reinterpret_cast<Element<Out>*>(output);
  for (int32_t i = 0; i < size; ++i) to[i].value = function(from[i].value);
}

template <typename T>
T saturate(int32_t x) {
  return static_cast<T>(clamp(x, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}

int32_t wrapping_subtract(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b));
}

template <typename In, typename Out>
void requantize(const Requantize& p, const In* input, Out* output) {
  transform(p.size, input, output, [&](In x) {
    const int32_t difference = wrapping_subtract(x, p.input_zero_point);
    const int32_t scaled = scale(difference, p.multiplier, p.shift);
    return saturate<Out>(wrapping_add(scaled, p.output_zero_point));
  });
}

// The nearest integer, halves away from zero. Beyond ±2^17, where int16 and every zero point are
// far away, it need not be exact.
int32_t nearest(float x) {
  constexpr float kFar = 131072.0f;
  if (x >= kFar) return static_cast<int32_t>(kFar);
  if (!(x > -kFar)) return -static_cast<int32_t>(kFar);  // and NaN
  const int32_t whole = static_cast<int32_t>(x);
  const float fraction = x - static_cast<float>(whole);  // exact
  return whole + (fraction >= 0.5f ? 1 : 0) - (fraction <= -0.5f ? 1 : 0);
}

template <typename Out>
void from_float(const Affine& p, const float* input, Out* output) {
  transform(p.size, input, output,
            [&](float x) { return saturate<Out>(nearest(x / p.scale) + p.zero_point); });
}

template <typename In>
void to_float(const Affine& p, const In* input, float* output) {
  transform(p.size, input, output,
            [&](In x) { return p.scale * static_cast<float>(x - p.zero_point); });
}

}  // namespace

void quantize(const Requantize& p, const int8_t* x, int8_t* y) { requantize(p, x, y); }
void quantize(const Requantize& p, const int8_t* x, uint8_t* y) { requantize(p, x, y); }
void quantize(const Requantize& p, const int8_t* x, int16_t* y) { requantize(p, x, y); }
void quantize(const Requantize& p, const int8_t* x, int32_t* y) { requantize(p, x, y); }
void quantize(const Requantize& p, const uint8_t* x, int8_t* y) { requantize(p, x, y); }
void quantize(const Requantize& p, const int16_t* x, int8_t* y) { requantize(p, x, y); }
void quantize(const Requantize& p, const int16_t* x, int16_t* y) { requantize(p, x, y); }
void quantize(const Requantize& p, const int16_t* x, int32_t* y) { requantize(p, x, y); }
void quantize(const Requantize& p, const int32_t* x, int8_t* y) { requantize(p, x, y); }
void quantize(const Requantize& p, const int32_t* x, int16_t* y) { requantize(p, x, y); }

void quantize(const Affine& p, const float* x, int8_t* y) { from_float(p, x, y); }
void quantize(const Affine& p, const float* x, int16_t* y) { from_float(p, x, y); }
void dequantize(const Affine& p, const int8_t* x, float* y) { to_float(p, x, y); }
void dequantize(const Affine& p, const uint8_t* x, float* y) { to_float(p, x, y); }
void dequantize(const Affine& p, const int16_t* x, float* y) { to_float(p, x, y); }

}  // namespace aot
