#include <cstdint>
#include <cstring>

#include "flash_and_eval/engines/aot/kernels/movement/movement.h"

namespace aot {
namespace {

static_assert(kMaxDims == 5, "the loops below are five deep");

// Moves `count` runs of a size that the compiler knows.
template <int kRun>
void move_runs(const uint8_t* from, int32_t from_stride, uint8_t* to, int32_t to_stride,
               int32_t count) {
  for (int32_t i = 0; i < count; ++i) {
    uint8_t run[kRun];
    std::memcpy(run, from, kRun);
    std::memcpy(to, run, kRun);
    from += from_stride;
    to += to_stride;
  }
}

void move_runs(const Copy& p, const uint8_t* from, uint8_t* to) {
  const int32_t count = p.sizes[4];
  const int32_t from_stride = p.input_strides[4];
  const int32_t to_stride = p.output_strides[4];
  switch (p.run) {
    case 1:
      return move_runs<1>(from, from_stride, to, to_stride, count);
    case 2:
      return move_runs<2>(from, from_stride, to, to_stride, count);
    case 4:
      return move_runs<4>(from, from_stride, to, to_stride, count);
    default:
      for (int32_t i = 0; i < count; ++i) {
        // The output may lie over the input.
        std::memmove(to, from, static_cast<uint32_t>(p.run));
        from += from_stride;
        to += to_stride;
      }
  }
}

int32_t offset(const int32_t* strides, int32_t i0, int32_t i1, int32_t i2, int32_t i3) {
  return i0 * strides[0] + i1 * strides[1] + i2 * strides[2] + i3 * strides[3];
}

}  // namespace

void copy(const Copy& params, const void* input, void* output) {
  const uint8_t* from = static_cast<const uint8_t*>(input) + params.input_offset;
  uint8_t* to = static_cast<uint8_t*>(output) + params.output_offset;
  const int32_t* n = params.sizes;
  for (int32_t i0 = 0; i0 < n[0]; ++i0) {
    for (int32_t i1 = 0; i1 < n[1]; ++i1) {
      for (int32_t i2 = 0; i2 < n[2]; ++i2) {
        for (int32_t i3 = 0; i3 < n[3]; ++i3) {
          move_runs(params, from + offset(params.input_strides, i0, i1, i2, i3),
                    to + offset(params.output_strides, i0, i1, i2, i3));
        }
      }
    }
  }
}

}  // namespace aot
