// The instructions of Arm's DSP extension that kernels use: Cortex-M4, M7, M33, M55. AOT_DSP says
// that they are to be used. AOT_PORTABLE forbids them; AOT_DSP_EMULATED writes them out in C++, so
// that the kernels' use of them can be tested on any machine.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(AOT_DSP_EMULATED)
#define AOT_DSP 1
#elif defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(AOT_PORTABLE)
#define AOT_DSP 1
#endif

namespace aot {

#if defined(AOT_DSP) && !defined(AOT_DSP_EMULATED)

// In assembly, here and below: PlatformIO's compiler for the Nano 33 BLE is GCC 7.2.1, whose
// <arm_acle.h> does not compile as C++ (GCC bug 81497) and knows too few of these.

// round(a · b / 2^32), halves upwards.
inline int32_t rounded_high_product(int32_t a, int32_t b) {
  int32_t result;
  asm("smmulr %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  return result;
}

// x / 2, rounded down, as the nearest int8.
inline int8_t half_as_int8(int32_t x) {
  int32_t result;
  asm("ssat %0, #8, %1, asr #1" : "=r"(result) : "r"(x));
  return static_cast<int8_t>(result);
}

#else

inline int32_t rounded_high_product(int32_t a, int32_t b) {
  const int64_t product = static_cast<int64_t>(a) * b;
  const uint32_t half = static_cast<uint32_t>(product) >> 31;
  return static_cast<int32_t>(product >> 32) + static_cast<int32_t>(half);
}

inline int8_t half_as_int8(int32_t x) {
  const int32_t half = x >> 1;
  return static_cast<int8_t>(half < INT8_MIN ? INT8_MIN : (half > INT8_MAX ? INT8_MAX : half));
}

#endif

#if defined(AOT_DSP)

// Four bytes, from any address.
inline uint32_t load_word(const int8_t* from) {
  uint32_t word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

#if defined(AOT_DSP_EMULATED)

inline int32_t low_half(uint32_t word) { return static_cast<int16_t>(word & 0xffff); }
inline int32_t high_half(uint32_t word) { return static_cast<int16_t>(word >> 16); }

inline uint32_t halves(int32_t low, int32_t high) {
  return (static_cast<uint32_t>(low) & 0xffff) | static_cast<uint32_t>(high) << 16;
}

// Bytes 0 and 2, as two int16.
inline uint32_t widen_even(uint32_t word) {
  return halves(static_cast<int8_t>(word & 0xff), static_cast<int8_t>(word >> 16 & 0xff));
}

// Bytes 1 and 3, as two int16.
inline uint32_t widen_odd(uint32_t word) { return widen_even(word >> 8); }

// The lower halves of a and of b; the upper halves.
inline uint32_t lower_halves(uint32_t a, uint32_t b) { return (a & 0xffff) | b << 16; }
inline uint32_t upper_halves(uint32_t a, uint32_t b) { return a >> 16 | (b & 0xffff0000); }

// sum + a₀·b₀ + a₁·b₁ of int16, modulo 2^32.
inline uint32_t multiply_add(uint32_t a, uint32_t b, uint32_t sum) {
  return sum + static_cast<uint32_t>(low_half(a) * low_half(b)) +
         static_cast<uint32_t>(high_half(a) * high_half(b));
}

// Two words from an address that is a multiple of four, which moves on.
template <typename T>
void load_words(const T*& from, uint32_t& first, uint32_t& second) {
  if (reinterpret_cast<uintptr_t>(from) % sizeof(first) != 0) __builtin_trap();
  std::memcpy(&first, from, sizeof(first));
  std::memcpy(&second, reinterpret_cast<const int8_t*>(from) + sizeof(first), sizeof(second));
  from += 8 / sizeof(T);
}

// Stores two words at an address that is a multiple of four, which moves on by kStep bytes.
template <int kStep, typename T>
void store_words(T*& to, uint32_t first, uint32_t second) {
  std::memcpy(to, &first, sizeof(first));
  std::memcpy(reinterpret_cast<int8_t*>(to) + sizeof(first), &second, sizeof(second));
  to += kStep / static_cast<int>(sizeof(T));
}

#else

inline uint32_t widen_even(uint32_t word) {
  uint32_t result;
  asm("sxtb16 %0, %1" : "=r"(result) : "r"(word));
  return result;
}

inline uint32_t widen_odd(uint32_t word) {
  uint32_t result;
  asm("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(word));
  return result;
}

inline uint32_t lower_halves(uint32_t a, uint32_t b) {
  uint32_t result;
  asm("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(a), "r"(b));
  return result;
}

inline uint32_t upper_halves(uint32_t a, uint32_t b) {
  uint32_t result;
  asm("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(b), "r"(a));
  return result;
}

inline uint32_t multiply_add(uint32_t a, uint32_t b, uint32_t sum) {
  // Volatile: in the order that the kernels have, for which there are registers enough.
  asm volatile("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
  return sum;
}

template <typename T>
void load_words(const T*& from, uint32_t& first, uint32_t& second) {
  using Words = const T[8 / sizeof(T)];
  asm("ldrd %0, %1, [%2], #8"
      : "=&r"(first), "=&r"(second), "+r"(from)
      : "m"(*reinterpret_cast<Words*>(from)));
}

template <int kStep, typename T>
void store_words(T*& to, uint32_t first, uint32_t second) {
  using Words = T[8 / sizeof(T)];
  asm("strd %2, %3, [%0], %4"
      : "+r"(to), "=m"(*reinterpret_cast<Words*>(to))
      : "r"(first), "r"(second), "i"(kStep));
}

#endif

#endif  // AOT_DSP

}  // namespace aot
