// What generated code provides: one model, its memory and its constants. model.cc, rendered from
// firmware/templates/aot_model.cc.j2, defines all of it.
#pragma once

#include <cstdint>

namespace model {

constexpr int kMaxRank = 6;

// An input or output. `data` lies in the arena; `type` is the schema's code.
struct Tensor {
  uint8_t* data;
  uint32_t bytes;
  uint8_t type;
  uint8_t rank;
  uint32_t shape[kMaxRank];
  float scale;
  int32_t zero_point;
};

// A table in flash: weights, biases, multipliers.
struct Constant {
  const void* data;
  uint32_t bytes;
};

// Called for every output of every operator, in the order of execution, when the operator is done;
// with the number of the call, and the output as it lies in the arena.
using Hook = void (*)(void* context, uint16_t position, const uint8_t* output, uint32_t bytes);

extern const char kEngineVersion[];
// SHA-256 of the .tflite file that the model was compiled from.
extern const uint8_t kTfliteSha256[32];

extern const uint32_t kArenaBytes;
extern uint8_t arena[];
template <typename T>
T* at(uint32_t offset) {
  return reinterpret_cast<T*>(arena + offset);
}

extern const uint8_t kInputCount;
extern const Tensor kInputs[];
extern const uint8_t kOutputCount;
extern const Tensor kOutputs[];

extern const uint32_t kConstantCount;
extern const Constant kConstants[];

// Calls of the hook in one run().
extern const uint16_t kHookCount;

// Runs the model on what the inputs hold, and may overwrite them. `hook` may be null.
void run(Hook hook, void* context);

}  // namespace model
