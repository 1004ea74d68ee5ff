// The engine TFLite-Micro: its interpreter, from the library that PlatformIO brings. Uses only what
// the library has had since 2022, in the form that all versions since share.
#include "flash_and_eval/core/engine.h"

#include <csetjmp>
#include <cstring>
#include <new>

#include "flash_and_eval/engines/tflm/messages.h"
#include "flash_and_eval/engines/tflm/model.h"
#include "tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h"
#include "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace engine {
namespace {

constexpr uint32_t kAlignment = 16;  // of the arena and of model files, as the library wants it
// How far above what the library says it used the least working arena is looked for: it needs some
// 400 bytes more while it allocates than when it is done.
constexpr uint32_t kSearchBytes = 4096;
constexpr uint32_t kSchemaVersion = 3;

alignas(kAlignment) uint8_t g_arena[model::kArenaBytes];
alignas(kAlignment) uint8_t g_slot[2][model::kSlotBytes == 0 ? 1 : model::kSlotBytes];

std::jmp_buf g_out_of_memory;

// Leaves the library where it asks for more than the arena has. Its callers do not all look at the
// null pointer that they would get, and at address 0 there is flash, or on some machines nothing.
class Allocator final : public tflite::SingleArenaBufferAllocator {
 public:
  using tflite::SingleArenaBufferAllocator::SingleArenaBufferAllocator;
  uint8_t* AllocatePersistentBuffer(size_t size, size_t alignment) override {
    return checked(SingleArenaBufferAllocator::AllocatePersistentBuffer(size, alignment));
  }
  uint8_t* AllocateTemp(size_t size, size_t alignment) override {
    return checked(SingleArenaBufferAllocator::AllocateTemp(size, alignment));
  }
  TfLiteStatus ResizeBuffer(uint8_t* buffer, size_t size, size_t alignment) override {
    const TfLiteStatus status = SingleArenaBufferAllocator::ResizeBuffer(buffer, size, alignment);
    if (status != kTfLiteOk) std::longjmp(g_out_of_memory, 1);
    return status;
  }
  static void operator delete(void*) {}  // lives in static memory

 private:
  static uint8_t* checked(uint8_t* memory) {
    if (memory == nullptr) std::longjmp(g_out_of_memory, 1);
    return memory;
  }
};

// Its notes on each buffer are in the arena, too: it refuses one only for want of room.
class Planner final : public tflite::GreedyMemoryPlanner {
 public:
  TfLiteStatus AddBuffer(int size, int first, int last) override {
    return checked(GreedyMemoryPlanner::AddBuffer(size, first, last));
  }
  TfLiteStatus AddBuffer(int size, int first, int last, int offset) override {
    return checked(GreedyMemoryPlanner::AddBuffer(size, first, last, offset));
  }
  static void operator delete(void*) {}  // lives in static memory

 private:
  static TfLiteStatus checked(TfLiteStatus status) {
    if (status != kTfLiteOk) std::longjmp(g_out_of_memory, 1);
    return status;
  }
};

// Tells operators apart by the order of their ends: the interpreter runs them as the file has them.
class Profiler final : public tflite::MicroProfilerInterface {
 public:
  uint32_t BeginEvent(const char*) override { return 0; }
  void EndEvent(uint32_t) override;
  static void operator delete(void*) {}  // lives in static memory

  OperatorHook hook = nullptr;
  void* context = nullptr;
  uint32_t operators = 0;  // that have ended
  uint16_t outputs = 0;    // of these
};

// Gives access to the context, through which tensors between operators are reached.
class Interpreter final : public tflite::MicroInterpreter {
 public:
  using tflite::MicroInterpreter::MicroInterpreter;
  TfLiteEvalTensor* tensor(int index) {
    const TfLiteContext& c = context();
    return c.GetEvalTensor(&c, index);
  }
};

struct File {
  const uint8_t* data;
  uint32_t size;
};

alignas(Interpreter) uint8_t g_interpreter_memory[sizeof(Interpreter)];
alignas(Allocator) uint8_t g_allocator_memory[sizeof(Allocator)];
alignas(Planner) uint8_t g_planner_memory[sizeof(Planner)];
alignas(model::Resolver) uint8_t g_resolver_memory[sizeof(model::Resolver)];
model::Resolver* g_resolver = nullptr;
Interpreter* g_interpreter = nullptr;
Allocator* g_allocator = nullptr;
Profiler g_profiler;
File g_file = {model::kFile, model::kFileBytes};
uint8_t g_next_slot = 0;
uint32_t g_arena_used = 0;
bool g_has_state = false;

const tflite::SubGraph& graph() { return *tflite::GetModel(g_file.data)->subgraphs()->Get(0); }

uint32_t element_bytes(TfLiteType type) {
  switch (type) {
    case kTfLiteInt8:
    case kTfLiteUInt8:
    case kTfLiteBool:
      return 1;
    case kTfLiteInt16:
    case kTfLiteFloat16:
      return 2;
    case kTfLiteInt64:
    case kTfLiteFloat64:
      return 8;
    default:
      return 4;
  }
}

uint32_t bytes(const TfLiteEvalTensor& tensor) {
  uint32_t count = element_bytes(tensor.type);
  for (int i = 0; i < tensor.dims->size; ++i) {
    count *= static_cast<uint32_t>(tensor.dims->data[i]);
  }
  return count;
}

void Profiler::EndEvent(uint32_t) {
  if (hook == nullptr) return;
  const tflite::Operator& op = *graph().operators()->Get(operators++);
  for (const int32_t index : *op.outputs()) {
    const TfLiteEvalTensor* output = g_interpreter->tensor(index);
    hook(context, outputs++, static_cast<const uint8_t*>(output->data.data), bytes(*output));
  }
}

// Makes an interpreter in the first `size` bytes of the arena.
TfLiteStatus build(uint32_t size) {
  g_allocator = new (g_allocator_memory) Allocator(g_arena, size);
  auto* planner = new (g_planner_memory) Planner();
  tflite::MicroAllocator* allocator = tflite::MicroAllocator::Create(g_allocator, planner);
  g_interpreter = new (g_interpreter_memory)
      Interpreter(tflite::GetModel(g_file.data), *g_resolver, allocator, nullptr, &g_profiler);
  return g_interpreter->AllocateTensors();
}

// kArenaTooSmall only where the library has asked for more than there is: what else it refuses, it
// would refuse in any arena.
wire::Status allocate(uint32_t size) {
  if (setjmp(g_out_of_memory) != 0) return wire::Status::kArenaTooSmall;
  return build(size) == kTfLiteOk ? wire::Status::kOk : wire::Status::kModelUnfit;
}

bool works(uint32_t size) { return allocate(size) == wire::Status::kOk; }

bool has_state() {
  for (const tflite::Tensor* tensor : *graph().tensors()) {
    if (tensor->is_variable()) return true;
  }
  return false;
}

// Allocates in the least arena that works, so that arena_used() is a size that has been tried.
wire::Status make_ready() {
  messages::clear();
  g_has_state = has_state();
  const wire::Status status = allocate(model::kArenaBytes);
  if (status != wire::Status::kOk) return status;
  const uint32_t used = static_cast<uint32_t>(g_interpreter->arena_used_bytes());
  uint32_t size = (used + kAlignment - 1) / kAlignment * kAlignment;
  const uint32_t limit = size + kSearchBytes;
  messages::ignore(true);
  while (size < model::kArenaBytes && size < limit && !works(size)) size += kAlignment;
  messages::ignore(false);
  g_arena_used = size;
  if (size < model::kArenaBytes && size < limit) return wire::Status::kOk;
  g_arena_used = model::kArenaBytes;
  return allocate(model::kArenaBytes);
}

TensorInfo info(const TfLiteTensor& tensor) {
  TensorInfo result = {static_cast<wire::TensorType>(0), 0, {}, 0, 0};
  switch (tensor.type) {
    case kTfLiteInt8:
      result.type = wire::TensorType::kInt8;
      break;
    case kTfLiteUInt8:
      result.type = wire::TensorType::kUint8;
      break;
    case kTfLiteInt16:
      result.type = wire::TensorType::kInt16;
      break;
    case kTfLiteInt32:
      result.type = wire::TensorType::kInt32;
      break;
    default:
      result.type = wire::TensorType::kFloat32;
      break;
  }
  for (int i = 0; i < tensor.dims->size && i < static_cast<int>(wire::kMaxRank); ++i) {
    result.shape[result.rank++] = static_cast<uint32_t>(tensor.dims->data[i]);
  }
  result.scale = tensor.params.scale;
  result.zero_point = tensor.params.zero_point;
  return result;
}

Bytes memory(const TfLiteTensor& tensor) {
  return {static_cast<uint8_t*>(tensor.data.data), static_cast<uint32_t>(tensor.bytes)};
}

}  // namespace

const char* const kName = "tflm";
const char* const kVersion = model::kLibrary;

wire::Status init() {
  g_resolver = new (g_resolver_memory) model::Resolver();
  if (!model::add_operators(*g_resolver)) return wire::Status::kEngineFailed;
  return make_ready();
}

uint32_t arena_reserved() { return model::kArenaBytes; }
uint32_t arena_used() { return g_arena_used; }
uint32_t arena_planned() { return static_cast<uint32_t>(g_allocator->GetNonPersistentUsedBytes()); }

uint16_t operator_count() {
  uint32_t outputs = 0;
  for (const tflite::Operator* op : *graph().operators()) outputs += op->outputs()->size();
  return static_cast<uint16_t>(outputs);
}

uint8_t input_count() { return static_cast<uint8_t>(graph().inputs()->size()); }
uint8_t output_count() { return static_cast<uint8_t>(graph().outputs()->size()); }
TensorInfo input_info(uint8_t index) { return info(*g_interpreter->input(index)); }
TensorInfo output_info(uint8_t index) { return info(*g_interpreter->output(index)); }
Bytes input(uint8_t index) { return memory(*g_interpreter->input(index)); }
Bytes output(uint8_t index) { return memory(*g_interpreter->output(index)); }

wire::Status invoke(OperatorHook hook, void* context) {
  messages::clear();
  g_profiler.hook = hook;
  g_profiler.context = context;
  g_profiler.operators = 0;
  g_profiler.outputs = 0;
  // A request may be repeated, so no inference knows of another.
  if (g_has_state && g_interpreter->Reset() != kTfLiteOk) return wire::Status::kEngineFailed;
  const TfLiteStatus status = g_interpreter->Invoke();
  g_profiler.hook = nullptr;
  return status == kTfLiteOk ? wire::Status::kOk : wire::Status::kEngineFailed;
}

const char* message() { return messages::text(); }

Bytes model_slot() { return {g_slot[g_next_slot], model::kSlotBytes}; }

wire::Status load_model(uint32_t size) {
  const File next = {g_slot[g_next_slot], size};
  if (size < 8 || size > model::kSlotBytes || std::memcmp(next.data + 4, "TFL3", 4) != 0 ||
      tflite::GetModel(next.data)->version() != kSchemaVersion) {
    return wire::Status::kModelUnfit;
  }
  const File old = g_file;
  g_file = next;
  const wire::Status status = make_ready();
  if (status == wire::Status::kOk) {
    g_next_slot ^= 1u;
    return status;
  }
  const messages::Kept reason = messages::keep();
  g_file = old;
  make_ready();
  messages::restore(reason);
  return status;
}

void digest_model(Sha256& hash) { hash.update(g_file.data, g_file.size); }

}  // namespace engine
