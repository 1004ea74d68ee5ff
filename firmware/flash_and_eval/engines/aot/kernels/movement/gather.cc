#include <cstdint>
#include <cstring>

#include "flash_and_eval/engines/aot/kernels/movement/movement.h"

namespace aot {
namespace {

static_assert(kMaxDims == 5, "the loops below are five deep");

// Copies the runs of the last dimension.
uint8_t* gather_row(const Gather& p, const int32_t* offsets, const uint8_t* from, uint8_t* to) {
  const int32_t run = p.run;
  if (run == 1) {
    for (int32_t i = 0; i < p.sizes[4]; ++i) *to++ = from[offsets[i]];
    return to;
  }
  for (int32_t i = 0; i < p.sizes[4]; ++i) {
    std::memcpy(to, from + offsets[i], static_cast<uint32_t>(run));
    to += run;
  }
  return to;
}

}  // namespace

void gather(const Gather& params, const void* input, void* output) {
  const uint8_t* from = static_cast<const uint8_t*>(input);
  uint8_t* to = static_cast<uint8_t*>(output);
  const int32_t* n = params.sizes;
  const int32_t* offsets0 = params.offsets;
  const int32_t* offsets1 = offsets0 + n[0];
  const int32_t* offsets2 = offsets1 + n[1];
  const int32_t* offsets3 = offsets2 + n[2];
  const int32_t* offsets4 = offsets3 + n[3];
  for (int32_t i0 = 0; i0 < n[0]; ++i0) {
    for (int32_t i1 = 0; i1 < n[1]; ++i1) {
      for (int32_t i2 = 0; i2 < n[2]; ++i2) {
        const uint8_t* start = from + offsets0[i0] + offsets1[i1] + offsets2[i2];
        for (int32_t i3 = 0; i3 < n[3]; ++i3) {
          to = gather_row(params, offsets4, start + offsets3[i3], to);
        }
      }
    }
  }
}

}  // namespace aot
