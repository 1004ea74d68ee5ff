#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/binary/binary.h"
#include "flash_and_eval/engines/aot/kernels/binary/broadcast.h"
#include "flash_and_eval/engines/aot/kernels/fixed_point.h"

namespace aot {
namespace {

template <typename T>
void mul_all(const Product& p, const T* left, const T* right, T* output) {
  combine(p.broadcast, left, right, output, [&p](T a, T b) {
    const int32_t product = (a - p.left_zero_point) * (b - p.right_zero_point);
    const int32_t value = wrapping_add(scale(product, p.multiplier, p.shift), p.zero_point);
    return static_cast<T>(clamp(value, p.minimum, p.maximum));
  });
}

}  // namespace

void mul(const Product& params, const int8_t* left, const int8_t* right, int8_t* output) {
  mul_all(params, left, right, output);
}

void mul(const Product& params, const int16_t* left, const int16_t* right, int16_t* output) {
  mul_all(params, left, right, output);
}

}  // namespace aot
