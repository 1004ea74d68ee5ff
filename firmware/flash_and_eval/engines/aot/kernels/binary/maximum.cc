#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/binary/binary.h"
#include "flash_and_eval/engines/aot/kernels/binary/broadcast.h"

namespace aot {
namespace {

template <typename T>
T larger(T a, T b) {
  return a < b ? b : a;
}

template <typename T>
T smaller(T a, T b) {
  return b < a ? b : a;
}

}  // namespace

void maximum(const Broadcast& broadcast, const int8_t* left, const int8_t* right, int8_t* output) {
  combine(broadcast, left, right, output, larger<int8_t>);
}

void maximum(const Broadcast& broadcast, const int16_t* left, const int16_t* right,
             int16_t* output) {
  combine(broadcast, left, right, output, larger<int16_t>);
}

void minimum(const Broadcast& broadcast, const int8_t* left, const int8_t* right, int8_t* output) {
  combine(broadcast, left, right, output, smaller<int8_t>);
}

void minimum(const Broadcast& broadcast, const int16_t* left, const int16_t* right,
             int16_t* output) {
  combine(broadcast, left, right, output, smaller<int16_t>);
}

}  // namespace aot
