// ADD and SUB: both operands are brought to a common scale with more bits than their type has,
// combined, and brought to the output's scale.
#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/binary/binary.h"
#include "flash_and_eval/engines/aot/kernels/binary/broadcast.h"
#include "flash_and_eval/engines/aot/kernels/fixed_point.h"

namespace aot {
namespace {

// Head room for rounding. A difference of two int16, so shifted and halved, still fits an int32.
template <typename T>
constexpr int32_t kLeftShift = sizeof(T) == 1 ? 20 : 15;

// What scale() computes, for multipliers below 1 and |x| ≤ 2^30: nothing can overflow.
class Shrink {
 public:
  Shrink(int32_t multiplier, int32_t right_shift)
      : multiplier_(multiplier),
        shift_(right_shift),
        half_(static_cast<int32_t>((uint32_t{1} << right_shift) >> 1)),
        down_(right_shift == 0 ? 0 : -1) {}

  int32_t operator()(int32_t x) const {
    const int32_t product = rounded_high_product(x * 2, multiplier_);
    // What is just half goes away from zero.
    return (product + ((product >> 31) & down_) + half_) >> shift_;
  }

 private:
  int32_t multiplier_;
  int32_t shift_;
  int32_t half_;
  int32_t down_;
};

// kSign: 1 for a sum, −1 for a difference.
template <int kSign, typename T>
void combine_scaled(const Addition& p, const T* left, const T* right, T* output) {
  const Shrink shrink_left(p.left.multiplier, p.left.right_shift);
  const Shrink shrink_right(p.right.multiplier, p.right.right_shift);
  const Shrink shrink(p.multiplier, p.right_shift);
  combine(p.broadcast, left, right, output, [&](T a, T b) {
    const int32_t scaled_left = shrink_left((a - p.left.zero_point) * (1 << kLeftShift<T>));
    const int32_t scaled_right = shrink_right((b - p.right.zero_point) * (1 << kLeftShift<T>));
    const int32_t value = shrink(scaled_left + kSign * scaled_right) + p.zero_point;
    return static_cast<T>(clamp(value, p.minimum, p.maximum));
  });
}

// What is most common, and worth a loop of its own: operands of one shape, nothing but int8's own
// limits. Says whether it was that, and is done then.
bool add_alike(const Addition& p, const int8_t* left, const int8_t* right, int8_t* output) {
  const Broadcast& loops = p.broadcast;
  const bool row = loops.sizes[3] == 1 && loops.left_strides[4] == 1 && loops.right_strides[4] == 1;
  const bool plain = p.minimum == INT8_MIN && p.maximum == INT8_MAX;
  const int32_t shift = p.right_shift - 1;
  if (!row || !plain || shift < 0 || shift > 21) return false;
  const Shrink shrink_left(p.left.multiplier, p.left.right_shift);
  const Shrink shrink_right(p.right.multiplier, p.right.right_shift);
  const int32_t left_zero_point = p.left.zero_point;
  const int32_t right_zero_point = p.right.zero_point;
  const int32_t multiplier = p.multiplier;
  const int32_t zero_point = (2 * p.zero_point + 1) * (1 << shift);
  for (const int8_t* end = left + loops.sizes[4]; left != end;) {
    const int32_t a = shrink_left((*left++ - left_zero_point) * (1 << kLeftShift<int8_t>));
    const int32_t b = shrink_right((*right++ - right_zero_point) * (1 << kLeftShift<int8_t>));
    *output++ = scale_to_int8(a + b, multiplier, shift, zero_point);
  }
  return true;
}

}  // namespace

void add(const Addition& params, const int8_t* left, const int8_t* right, int8_t* output) {
  if (add_alike(params, left, right, output)) return;
  combine_scaled<1>(params, left, right, output);
}

void add(const Addition& params, const int16_t* left, const int16_t* right, int16_t* output) {
  combine_scaled<1>(params, left, right, output);
}

void sub(const Addition& params, const int8_t* left, const int8_t* right, int8_t* output) {
  combine_scaled<-1>(params, left, right, output);
}

void sub(const Addition& params, const int16_t* left, const int16_t* right, int16_t* output) {
  combine_scaled<-1>(params, left, right, output);
}

}  // namespace aot
