// The engine for models that were compiled ahead of time. There is nothing to interpret: everything
// that core/engine.h asks for is a constant of the generated model.
#include "flash_and_eval/core/engine.h"

#include <cstdint>

#include "flash_and_eval/engines/aot/model.h"

namespace engine {
namespace {

static_assert(model::kMaxRank == wire::kMaxRank);

TensorInfo info(const model::Tensor& tensor) {
  TensorInfo result = {
      static_cast<wire::TensorType>(tensor.type), tensor.rank, {}, tensor.scale, tensor.zero_point};
  for (uint8_t i = 0; i < tensor.rank; ++i) result.shape[i] = tensor.shape[i];
  return result;
}

}  // namespace

const char* const kName = "aot";
const char* const kVersion = model::kEngineVersion;

wire::Status init() { return wire::Status::kOk; }

uint32_t arena_reserved() { return model::kArenaBytes; }
uint32_t arena_used() { return model::kArenaBytes; }
uint32_t arena_planned() { return model::kArenaBytes; }

const char* message() { return ""; }
Bytes model_slot() { return {nullptr, 0}; }
wire::Status load_model(uint32_t) { return wire::Status::kModelUnfit; }

uint16_t operator_count() { return model::kHookCount; }

uint8_t input_count() { return model::kInputCount; }
uint8_t output_count() { return model::kOutputCount; }
TensorInfo input_info(uint8_t index) { return info(model::kInputs[index]); }
TensorInfo output_info(uint8_t index) { return info(model::kOutputs[index]); }
Bytes input(uint8_t index) { return {model::kInputs[index].data, model::kInputs[index].bytes}; }
Bytes output(uint8_t index) { return {model::kOutputs[index].data, model::kOutputs[index].bytes}; }

wire::Status invoke(OperatorHook hook, void* context) {
  model::run(hook, context);
  return wire::Status::kOk;
}

void digest_model(Sha256& hash) {
  hash.update(model::kTfliteSha256, sizeof(model::kTfliteSha256));
  for (uint32_t i = 0; i < model::kConstantCount; ++i) {
    hash.update(model::kConstants[i].data, model::kConstants[i].bytes);
  }
}

}  // namespace engine
