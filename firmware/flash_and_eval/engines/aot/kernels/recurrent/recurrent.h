// Operators with a state: UNIDIRECTIONAL_SEQUENCE_LSTM, SVDF. Every inference begins with the state
// at zero, as the host's oracles do; a sequence that is one input carries it from step to step.
#pragma once

#include <cstdint>

namespace aot {

constexpr int kGates = 4;  // in this order: input, forget, cell, output

// What one operand, the input or the last step's output, gives to the gates of all units.
// weights: [units, kGates, depth]; bias: [units, kGates], with − zero point · Σ weights folded in.
struct GateSums {
  int32_t depth;
  const int8_t* weights;
  const int32_t* bias;
  int32_t multipliers[kGates];
  int32_t shifts[kGates];
};

// Gates before their activations are Q3.12, after them Q0.15; cell states are int16. `scratch`
// holds `units` of them. input: [batches, steps, depth] and output: [batches, steps, units], or the
// first two dimensions the other way round; strides in elements.
struct Lstm {
  int32_t batches;
  int32_t steps;
  int32_t units;
  int32_t input_batch_stride;
  int32_t input_step_stride;
  int32_t output_batch_stride;
  int32_t output_step_stride;
  GateSums from_input;
  GateSums from_output;
  // Old cell state · forget gate, and input gate · cell gate, to the cell state's scale.
  int32_t keep_multiplier;
  int32_t keep_shift;
  int32_t add_multiplier;
  int32_t add_shift;
  int32_t cell_clip;  // the greatest magnitude
  // A cell state to the steps of the sigmoid table, and output gate · tanh(cell) to the output.
  int32_t tanh_multiplier;
  int32_t tanh_shift;
  int32_t output_multiplier;
  int32_t output_shift;
  int32_t output_zero_point;
  const uint16_t* sigmoid;
};
void lstm(const Lstm& params, const int8_t* input, int8_t* output, int8_t* scratch);

// With a state of zero, one step uses only the time weights of the newest activation.
// feature_weights: [units, rank, depth]; time_weights: [units, rank]; feature_bias: [units, rank],
// − input zero point · Σ weights.
struct Svdf {
  int32_t batches;
  int32_t depth;
  int32_t units;
  int32_t rank;
  const int8_t* feature_weights;
  const int32_t* feature_bias;
  const int16_t* time_weights;
  const int32_t* bias;
  int32_t feature_multiplier;
  int32_t feature_shift;
  int32_t feature_minimum;
  int32_t feature_maximum;
  int32_t output_multiplier;
  int32_t output_shift;
  int32_t output_zero_point;
};
void svdf(const Svdf& params, const int8_t* input, int8_t* output);

}  // namespace aot
