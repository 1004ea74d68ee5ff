#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/activations/activations.h"

namespace aot {

void lookup(const Lookup& params, const int8_t* input, int8_t* output) {
  const int8_t* table = params.table;
  for (int32_t i = 0; i < params.size; ++i) output[i] = table[static_cast<uint8_t>(input[i])];
}

}  // namespace aot
