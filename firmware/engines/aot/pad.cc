#include <cstdint>

#include "movement.h"

namespace aot {
namespace {

static_assert(kMaxDims == 5, "the walk below goes down to the fifth dimension");

// Writes `slabs` slabs of padding along dimension `dim`.
int8_t* fill(const Pad& p, int dim, int32_t slabs, int8_t* output) {
  int32_t count = slabs;
  for (int i = dim + 1; i < kMaxDims; ++i) count *= p.before[i] + p.sizes[i] + p.after[i];
  for (int32_t i = 0; i < count; ++i) *output++ = static_cast<int8_t>(p.value);
  return output;
}

// Copies dimension kDim of the input with its padding; templates, for recursion has a fixed depth.
template <int kDim>
void copy(const Pad& p, const int8_t*& input, int8_t*& output) {
  output = fill(p, kDim, p.before[kDim], output);
  for (int32_t i = 0; i < p.sizes[kDim]; ++i) {
    if constexpr (kDim + 1 < kMaxDims) {
      copy<kDim + 1>(p, input, output);
    } else {
      *output++ = *input++;
    }
  }
  output = fill(p, kDim, p.after[kDim], output);
}

}  // namespace

void pad(const Pad& params, const int8_t* input, int8_t* output) { copy<0>(params, input, output); }

}  // namespace aot
