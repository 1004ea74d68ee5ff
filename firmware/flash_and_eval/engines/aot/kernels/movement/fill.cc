#include <cstdint>
#include <cstring>

#include "flash_and_eval/engines/aot/kernels/movement/movement.h"

namespace aot {

void fill(const Fill& params, void* output) {
  uint8_t* to = static_cast<uint8_t*>(output);
  if (params.width == 1) {
    std::memset(to, params.value, static_cast<uint32_t>(params.bytes));
    return;
  }
  // Little-endian, as all Cortex-M cores are run.
  std::memcpy(to, &params.value, static_cast<uint32_t>(params.width));
  // What is filled already is copied to the place after it, twice as much each time.
  for (int32_t done = params.width; done < params.bytes; done *= 2) {
    const int32_t rest = params.bytes - done;
    std::memcpy(to + done, to, static_cast<uint32_t>(done < rest ? done : rest));
  }
}

}  // namespace aot
