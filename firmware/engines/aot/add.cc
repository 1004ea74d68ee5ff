#include <cstdint>

#include "elementwise.h"
#include "fixed_point.h"

namespace aot {
namespace {

static_assert(kMaxDims == 5, "the loops below are five deep");

// Head room: both operands are brought to a common scale with 20 more bits than an int8 has.
constexpr int32_t kLeftShift = 20;

int32_t rescale(const Addend& a, int8_t value) {
  return scale((value - a.zero_point) * (1 << kLeftShift), a.multiplier, a.shift);
}

int8_t add_one(const Add& p, int8_t left, int8_t right) {
  const int32_t sum = rescale(p.left, left) + rescale(p.right, right);
  const int32_t value = wrapping_add(scale(sum, p.multiplier, p.shift), p.zero_point);
  return static_cast<int8_t>(clamp(value, p.minimum, p.maximum));
}

int32_t offset(const Addend& a, int32_t i0, int32_t i1, int32_t i2, int32_t i3) {
  return i0 * a.strides[0] + i1 * a.strides[1] + i2 * a.strides[2] + i3 * a.strides[3];
}

}  // namespace

void add(const Add& params, const int8_t* left, const int8_t* right, int8_t* output) {
  const int32_t* n = params.sizes;
  const int32_t left_step = params.left.strides[4];
  const int32_t right_step = params.right.strides[4];
  for (int32_t i0 = 0; i0 < n[0]; ++i0) {
    for (int32_t i1 = 0; i1 < n[1]; ++i1) {
      for (int32_t i2 = 0; i2 < n[2]; ++i2) {
        for (int32_t i3 = 0; i3 < n[3]; ++i3) {
          const int8_t* a = left + offset(params.left, i0, i1, i2, i3);
          const int8_t* b = right + offset(params.right, i0, i1, i2, i3);
          for (int32_t i4 = 0; i4 < n[4]; ++i4) {
            *output++ = add_one(params, a[i4 * left_step], b[i4 * right_step]);
          }
        }
      }
    }
  }
}

}  // namespace aot
