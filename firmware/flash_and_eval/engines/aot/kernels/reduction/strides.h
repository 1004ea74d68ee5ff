// Loops over some dimensions of a tensor: what reductions are made of.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/reduction/reduction.h"

namespace aot {

static_assert(kMaxReductionDims == 4, "the loops below are four deep");

// Calls visit(offset) for every index, the last dimension fastest.
template <typename Function>
void for_offsets(const Strides& w, Function visit) {
  for (int32_t a = 0; a < w.sizes[0]; ++a) {
    for (int32_t b = 0; b < w.sizes[1]; ++b) {
      for (int32_t c = 0; c < w.sizes[2]; ++c) {
        const int32_t start = a * w.strides[0] + b * w.strides[1] + c * w.strides[2];
        for (int32_t d = 0; d < w.sizes[3]; ++d) visit(start + d * w.strides[3]);
      }
    }
  }
}

}  // namespace aot
