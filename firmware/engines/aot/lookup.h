// Operators that make each int8 of one input something that its value alone decides.
#pragma once

#include <cstdint>

namespace aot {

// table: what each input, taken as a uint8, becomes.
struct Lookup {
  int32_t size;
  const int8_t* table;
};
void lookup(const Lookup& params, const int8_t* input, int8_t* output);

}  // namespace aot
