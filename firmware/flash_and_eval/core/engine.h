// The seam between the core and whatever runs the model. An engine is one .cc file that defines
// these functions; the core knows nothing else of it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "flash_and_eval/core/sha256.h"
#include "flash_and_eval/core/wire_spec.h"

namespace engine {

// A piece of memory. The engine owns it.
struct Bytes {
  uint8_t* data;
  uint32_t size;
};

struct TensorInfo {
  wire::TensorType type;
  uint8_t rank;
  uint32_t shape[wire::kMaxRank];
  float scale;
  int32_t zero_point;
};

// Called for every output of every operator, in the order of execution, when the operator is done.
// `position` numbers the calls of one run from 0.
using OperatorHook = void (*)(void* context, uint16_t position, const uint8_t* output,
                              uint32_t output_bytes);

extern const char* const kName;
extern const char* const kVersion;

// Makes the model ready. Called once, before anything else. kArenaTooSmall where it does not fit.
wire::Status init();

// The arena in bytes: what the image reserves; what the model needs, less would fail; and the part
// of that which is planned by tensor lifetimes, the rest being allocated for good.
uint32_t arena_reserved();
uint32_t arena_used();
uint32_t arena_planned();

// Number of times that the hook is called in one run.
uint16_t operator_count();

uint8_t input_count();
uint8_t output_count();
TensorInfo input_info(uint8_t index);
TensorInfo output_info(uint8_t index);
Bytes input(uint8_t index);
Bytes output(uint8_t index);

// Runs the model once on what the inputs hold. `hook` may be null. The inputs' memory may be
// overwritten.
wire::Status invoke(OperatorHook hook, void* context);

// What the engine has to say about a status other than kOk; may be empty.
const char* message();

// Where another model can be put; empty where the engine cannot change models. The model that runs
// is not there.
Bytes model_slot();

// Changes to the model of `size` bytes in the slot. On a status other than kOk the old model runs
// on.
wire::Status load_model(uint32_t size);

// Feeds the model as it lies in memory to `hash`; what comes out identifies it to the host.
void digest_model(Sha256& hash);

}  // namespace engine
