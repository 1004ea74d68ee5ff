#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/upscaling/upscaling.h"

namespace aot {
namespace {

constexpr int32_t kFractionBits = 10;
constexpr int32_t kOne = 1 << kFractionBits;

// Two neighbouring input positions and their weights, whose sum is kOne. Before the first position
// and after the last the two are one.
struct Neighbours {
  int32_t first;
  int32_t second;
  int32_t first_weight;
  int32_t second_weight;
};

Neighbours neighbours(const ResizeAxis& axis, int32_t position) {
  const int32_t at = position * axis.scale + axis.offset;
  const int32_t first = at < 0 ? 0 : at / kOne;
  const int32_t next = at < 0 ? 0 : (at + kOne - 1) / kOne;
  const int32_t fraction = at - first * kOne;
  return {first, next < axis.input_size ? next : axis.input_size - 1, kOne - fraction, fraction};
}

// Halves away from zero.
int8_t round_off(int32_t sum) {
  constexpr int32_t kWhole = 1 << (2 * kFractionBits);
  return static_cast<int8_t>((sum > 0 ? sum + kWhole / 2 : sum - kWhole / 2) / kWhole);
}

}  // namespace

void resize_bilinear(const ResizeBilinear& p, const int8_t* input, int8_t* output) {
  const int32_t row_size = p.columns.input_size * p.depth;
  for (int32_t batch = 0; batch < p.batches; ++batch) {
    for (int32_t y = 0; y < p.rows.output_size; ++y) {
      const Neighbours rows = neighbours(p.rows, y);
      const int8_t* above = input + rows.first * row_size;
      const int8_t* below = input + rows.second * row_size;
      for (int32_t x = 0; x < p.columns.output_size; ++x) {
        const Neighbours columns = neighbours(p.columns, x);
        const int32_t left = columns.first * p.depth;
        const int32_t right = columns.second * p.depth;
        const int32_t above_left = rows.first_weight * columns.first_weight;
        const int32_t above_right = rows.first_weight * columns.second_weight;
        const int32_t below_left = rows.second_weight * columns.first_weight;
        const int32_t below_right = rows.second_weight * columns.second_weight;
        for (int32_t c = 0; c < p.depth; ++c) {
          *output++ = round_off(above[left + c] * above_left + above[right + c] * above_right +
                                below[left + c] * below_left + below[right + c] * below_right);
        }
      }
    }
    input += p.rows.input_size * row_size;
  }
}

}  // namespace aot
