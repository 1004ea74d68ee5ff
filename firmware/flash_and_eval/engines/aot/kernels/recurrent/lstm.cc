#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/dot.h"
#include "flash_and_eval/engines/aot/kernels/fixed_point.h"
#include "flash_and_eval/engines/aot/kernels/recurrent/recurrent.h"
#include "flash_and_eval/engines/aot/kernels/sigmoid.h"

namespace aot {
namespace {

constexpr int kInput = 0;
constexpr int kForget = 1;
constexpr int kCell = 2;
constexpr int kOutput = 3;

int32_t to_int16(int32_t x) { return clamp(x, INT16_MIN, INT16_MAX); }

// Adds to the gates of one unit what x gives them. Each addend, and the sum, is clamped to int16.
void add(const GateSums& p, int32_t unit, const int8_t* x, int32_t gates[kGates]) {
  static_assert(kGates == 4, "one call of dot_four");
  uint32_t sums[kGates];
  for (int g = 0; g < kGates; ++g) sums[g] = static_cast<uint32_t>(p.bias[unit * kGates + g]);
  dot_four(x, p.weights + unit * kGates * p.depth, p.depth, sums);
  for (int g = 0; g < kGates; ++g) {
    const int32_t scaled = scale(static_cast<int32_t>(sums[g]), p.multipliers[g], p.shifts[g]);
    gates[g] = to_int16(gates[g] + to_int16(scaled));
  }
}

// x in the sigmoid table's steps, halves towards plus infinity.
int32_t table_steps(int32_t x, int32_t multiplier, int32_t shift) {
  const int32_t half = shift > 0 ? 1 << (shift - 1) : 0;
  return (x * multiplier + half) >> shift;
}

int8_t step(const Lstm& p, const int32_t gates[kGates], int16_t* cell) {
  const auto sigmoid_of = [&](int gate) { return sigmoid(p.sigmoid, 3 * gates[gate]); };
  const int32_t candidate = hyperbolic_tangent(p.sigmoid, 3 * gates[kCell]);
  const int32_t kept =
      to_int16(scale(sigmoid_of(kForget) * *cell, p.keep_multiplier, p.keep_shift));
  const int32_t added =
      to_int16(scale(sigmoid_of(kInput) * candidate, p.add_multiplier, p.add_shift));
  *cell = static_cast<int16_t>(clamp(to_int16(kept + added), -p.cell_clip, p.cell_clip));
  const int32_t activated =
      hyperbolic_tangent(p.sigmoid, table_steps(*cell, p.tanh_multiplier, p.tanh_shift));
  const int32_t scaled =
      scale(activated * sigmoid_of(kOutput), p.output_multiplier, p.output_shift);
  return static_cast<int8_t>(clamp(wrapping_add(scaled, p.output_zero_point), INT8_MIN, INT8_MAX));
}

}  // namespace

void lstm(const Lstm& p, const int8_t* input, int8_t* output, int8_t* scratch) {
  int16_t* cells = reinterpret_cast<int16_t*>(scratch);
  for (int32_t batch = 0; batch < p.batches; ++batch) {
    const int8_t* x = input + batch * p.input_batch_stride;
    int8_t* y = output + batch * p.output_batch_stride;
    for (int32_t t = 0; t < p.steps; ++t) {
      for (int32_t unit = 0; unit < p.units; ++unit) {
        int32_t gates[kGates] = {0, 0, 0, 0};
        add(p.from_input, unit, x, gates);
        // Before the first step, output and cells are zero.
        if (t > 0) add(p.from_output, unit, y - p.output_step_stride, gates);
        if (t == 0) cells[unit] = 0;
        y[unit] = step(p, gates, cells + unit);
      }
      x += p.input_step_stride;
      y += p.output_step_stride;
    }
  }
}

}  // namespace aot
