// Operators that only move elements.
#pragma once

#include <cstdint>

#include "shapes.h"

namespace aot {

// sizes: of the input, unused dimensions first, with size 1.
struct Pad {
  int32_t sizes[kMaxDims];
  int32_t before[kMaxDims];
  int32_t after[kMaxDims];
  int32_t value;
};
void pad(const Pad& params, const int8_t* input, int8_t* output);

}  // namespace aot
