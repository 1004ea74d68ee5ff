// An engine for tests of the core: a model is a file of which the ninth byte is added to the input,
// twice; the second time in place. With 254 it fails between the two.
#include <cstring>

#include "flash_and_eval/core/engine.h"

namespace engine {
namespace {

constexpr uint32_t kSlotBytes = 64;
constexpr uint32_t kTensorBytes = 4;
const uint8_t kFlash[12] = {0, 0, 0, 0, 'T', 'F', 'L', '3', 1, 0, 0, 0};
uint8_t g_half[kSlotBytes];
uint8_t g_other_half[kSlotBytes];  // of its own, so that a sanitizer sees one run into the other
uint8_t* const g_slot[2] = {g_half, g_other_half};
uint8_t g_tensor[kTensorBytes];
const uint8_t* g_model = kFlash;
uint32_t g_size = sizeof(kFlash);
uint8_t g_next = 0;

}  // namespace

const char* const kName = "slot";
const char* const kVersion = "1";

wire::Status init() {
  g_model = kFlash;
  g_size = sizeof(kFlash);
  g_next = 0;
  return wire::Status::kOk;
}
uint32_t arena_reserved() { return kTensorBytes; }
uint32_t arena_used() { return kTensorBytes; }
uint32_t arena_planned() { return kTensorBytes; }
const char* message() { return "byte 9 is 255"; }
uint16_t operator_count() { return 2; }
uint8_t input_count() { return 1; }
uint8_t output_count() { return 1; }
TensorInfo input_info(uint8_t) { return {wire::TensorType::kInt8, 2, {1, kTensorBytes}, 0.5F, -3}; }
TensorInfo output_info(uint8_t) { return input_info(0); }
Bytes input(uint8_t) { return {g_tensor, kTensorBytes}; }
Bytes output(uint8_t) { return {g_tensor, kTensorBytes}; }

wire::Status invoke(OperatorHook hook, void* context) {
  for (uint16_t position = 0; position < operator_count(); ++position) {
    if (position > 0 && g_model[8] == 254) return wire::Status::kEngineFailed;
    for (uint8_t& value : g_tensor) value = static_cast<uint8_t>(value + g_model[8]);
    if (hook != nullptr) hook(context, position, g_tensor, kTensorBytes);
  }
  return wire::Status::kOk;
}

Bytes model_slot() { return {g_slot[g_next], kSlotBytes}; }

wire::Status load_model(uint32_t size) {
  if (size < 9 || std::memcmp(g_slot[g_next] + 4, "TFL3", 4) != 0) return wire::Status::kModelUnfit;
  if (g_slot[g_next][8] == 255) return wire::Status::kArenaTooSmall;
  g_model = g_slot[g_next];
  g_size = size;
  g_next ^= 1u;
  return wire::Status::kOk;
}

void digest_model(Sha256& hash) { hash.update(g_model, g_size); }

}  // namespace engine
