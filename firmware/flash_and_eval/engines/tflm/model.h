// What the host generates for one model and one library.
#pragma once

#include <cstdint>

#include "flash_and_eval/tflm_options.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

namespace model {

// The library's name and version.
extern const char kLibrary[];

// The .tflite file.
extern const uint8_t kFile[];
extern const uint32_t kFileBytes;

// Adds the operators that the model uses, and no others.
using Resolver = tflite::MicroMutableOpResolver<kOperatorKinds>;
bool add_operators(Resolver& resolver);

}  // namespace model
