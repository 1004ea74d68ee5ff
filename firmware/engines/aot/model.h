// What generated code provides: one model, its memory and its constants. model.cc, rendered from
// firmware/templates/aot_model.cc.j2, defines all of it.
#pragma once

#include <cstdint>

namespace model {

constexpr int kMaxRank = 6;

// An input or output. All are int8; `data` lies in the arena.
struct Tensor {
  uint8_t* data;
  uint32_t bytes;
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

// Called after every operator with its position, and its output as it lies in the arena.
using Hook = void (*)(void* context, uint16_t position, const uint8_t* output, uint32_t bytes);

extern const char kEngineVersion[];
// SHA-256 of the .tflite file that the model was compiled from.
extern const uint8_t kTfliteSha256[32];

extern const uint32_t kArenaBytes;
extern uint8_t arena[];
inline int8_t* at(uint32_t offset) { return reinterpret_cast<int8_t*>(arena + offset); }

extern const uint8_t kInputCount;
extern const Tensor kInputs[];
extern const uint8_t kOutputCount;
extern const Tensor kOutputs[];

extern const uint32_t kConstantCount;
extern const Constant kConstants[];

// Operators that run() executes, and so calls of the hook.
extern const uint16_t kOperatorCount;

// Runs the model on what the inputs hold, and may overwrite them. `hook` may be null.
void run(Hook hook, void* context);

}  // namespace model
