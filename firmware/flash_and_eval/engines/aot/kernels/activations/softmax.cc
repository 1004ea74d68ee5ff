// Softmax in fixed point. Qi.f below is an int32 with i integer and f = 31 − i fraction bits. The
// polynomial, the constants and every rounding step are those that TFLite's results depend on.
#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/activations/activations.h"
#include "flash_and_eval/engines/aot/kernels/fixed_point.h"

namespace aot {
namespace {

constexpr int32_t kDifferenceBits = 5;  // differences from the maximum are Q5.26
constexpr int32_t kSumBits = 12;        // sums of exponentials are Q12.19
constexpr int32_t kOne = INT32_MAX;     // 1 in Q0.31, as near as it gets

int32_t multiply(int32_t a, int32_t b) { return rounding_doubling_high_multiply(a, b); }

int32_t saturating_shift_left(int32_t x, int32_t bits) {
  const int64_t shifted = static_cast<int64_t>(x) * (int64_t{1} << bits);
  if (shifted > INT32_MAX) return INT32_MAX;
  if (shifted < INT32_MIN) return INT32_MIN;
  return static_cast<int32_t>(shifted);
}

// e^x in Q0.31 for x in Q0.31, −1/4 ≤ x < 0: Taylor's polynomial around −1/8.
int32_t exponential_near_zero(int32_t x) {
  constexpr int32_t kExpMinusEighth = 1895147668;
  constexpr int32_t kThird = 715827883;
  const int32_t t = x + (1 << 28);
  const int32_t t2 = multiply(t, t);
  const int32_t t3 = multiply(t2, t);
  const int32_t t4 = multiply(t2, t2);
  const int32_t quarter = rounding_shift_right(t4, 2);
  // t²/2 + t³/6 + t⁴/24
  const int32_t tail = rounding_shift_right(multiply(quarter + t3, kThird) + t2, 1);
  return kExpMinusEighth + multiply(kExpMinusEighth, t + tail);
}

// e^x in Q0.31 for x ≤ 0 in Q5.26: a remainder in [−1/4, 0), and one factor for each bit above.
int32_t exponential(int32_t x) {
  constexpr int32_t kFractionBits = 31 - kDifferenceBits;
  constexpr int32_t kQuarter = 1 << (kFractionBits - 2);
  // e^(−2^i) in Q0.31 for i = −2 … 4.
  static constexpr int32_t kFactors[] = {1672461947, 1302514674, 790015084, 290630308,
                                         39332535,   720401,     242};
  if (x == 0) return kOne;
  const int32_t near_zero = (x & (kQuarter - 1)) - kQuarter;
  int32_t result = exponential_near_zero(saturating_shift_left(near_zero, kDifferenceBits));
  const int32_t rest = near_zero - x;
  for (int32_t i = 0; i < 7; ++i) {
    if ((rest & (kQuarter << i)) != 0) result = multiply(result, kFactors[i]);
  }
  return result;
}

// 1 / (1 + x) in Q0.31 for x in Q0.31, 0 ≤ x < 1: three steps of Newton's method in Q2.29 on
// half the denominator.
int32_t reciprocal_of_one_plus(int32_t x) {
  constexpr int32_t k48Over17 = 1515870810;
  constexpr int32_t kMinus32Over17 = -1010580540;
  constexpr int32_t kOneQ2 = 1 << 29;
  const int32_t half = static_cast<int32_t>((int64_t{x} + kOne + 1) / 2);
  int32_t y = k48Over17 + multiply(half, kMinus32Over17);
  for (int i = 0; i < 3; ++i) {
    const int32_t error = kOneQ2 - multiply(half, y);
    y = wrapping_add(y, saturating_shift_left(multiply(y, error), 2));
  }
  return saturating_shift_left(y, 1);
}

int32_t leading_zeros(uint32_t x) {
  int32_t count = 0;
  while (count < 32 && (x & (uint32_t{1} << (31 - count))) == 0) ++count;
  return count;
}

void softmax_row(const Softmax& p, const int8_t* input, int8_t* output) {
  int32_t maximum = INT8_MIN;
  for (int32_t i = 0; i < p.depth; ++i) {
    if (input[i] > maximum) maximum = input[i];
  }
  const auto exponential_of = [&](int32_t difference) {
    return exponential(scale(difference, p.multiplier, p.shift));
  };

  int32_t sum = 0;
  for (int32_t i = 0; i < p.depth; ++i) {
    const int32_t difference = input[i] - maximum;
    if (difference < p.minimum_difference) continue;
    sum = wrapping_add(sum, rounding_shift_right(exponential_of(difference), kSumBits));
  }

  // sum = 2^integer_bits · (1 + fraction), with the fraction in Q0.31.
  const int32_t zeros = leading_zeros(static_cast<uint32_t>(sum));
  const int32_t integer_bits = kSumBits - zeros;
  const uint32_t fraction = (static_cast<uint32_t>(sum) << zeros) - (uint32_t{1} << 31);
  const int32_t reciprocal = reciprocal_of_one_plus(static_cast<int32_t>(fraction));
  const int32_t to_int8 = integer_bits + 31 - 8;

  for (int32_t i = 0; i < p.depth; ++i) {
    const int32_t difference = input[i] - maximum;
    int32_t value = INT8_MIN;
    // A sum of 512 or more leaves nothing to round: TFLite-Micro aborts there, this gives 0.
    if (difference >= p.minimum_difference && to_int8 <= 31) {
      const int32_t probability = multiply(reciprocal, exponential_of(difference));
      value += rounding_shift_right(probability, to_int8);
    }
    output[i] = static_cast<int8_t>(clamp(value, INT8_MIN, INT8_MAX));
  }
}

}  // namespace

void softmax(const Softmax& params, const int8_t* input, int8_t* output) {
  for (int32_t row = 0; row < params.rows; ++row) {
    softmax_row(params, input + row * params.depth, output + row * params.depth);
  }
}

}  // namespace aot
