// Dot products of int8: what convolution and dense layers spend their time on. Sums are modulo
// 2^32, as TFLite's are.
//
// Weights are rows, one for each output channel, two rows to a pair: an element is w + 256·v, of
// row w and of row v. One multiplication with x then serves both, for Σ x·(w + 256·v) and Σ x·w,
// which comes from the elements' lower bytes, give Σ x·v, as long as that fits 24 bits. In every
// four elements the order is 0 2 1 3: the one in which the DSP extension widens four bytes. Rows
// are filled up with zeros to a multiple of eight.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/simd.h"

namespace aot {

// So many elements' sum does fit: 504 · 128 · 128 < 2^23.
constexpr int32_t kMostPaired = 504;

// The elements of a row of `size` weights.
inline int32_t row_pitch(int32_t size) { return (size + 7) & ~7; }

// Σ x·w and Σ x·v, of two vectors x with one pair of rows, or of one with two pairs.
struct Sums {
  uint32_t w0;
  uint32_t v0;
  uint32_t w1;
  uint32_t v1;

  Sums& operator+=(const Sums& other) {
    w0 += other.w0;
    v0 += other.v0;
    w1 += other.w1;
    v1 += other.v1;
    return *this;
  }
};

// Σ x·v from Σ x·(w + 256·v) and Σ x·w.
inline uint32_t separate(uint32_t both, uint32_t w) {
  return static_cast<uint32_t>(static_cast<int32_t>(both - w) >> 8);
}

inline Sums make_sums(uint32_t both0, uint32_t w0, uint32_t both1, uint32_t w1) {
  return {w0, separate(both0, w0), w1, separate(both1, w1)};
}

// Two columns of int16, in the order of the weights: what a filter sees at two positions of an
// image. They are interleaved, so that one pointer walks both, in runs of so many elements.
constexpr int32_t kColumns = 2;
#if defined(AOT_DSP)
constexpr int32_t kRun = 4;
#else
constexpr int32_t kRun = 1;
#endif

#if defined(AOT_DSP)

// Puts size bytes, a multiple of four, into the column that begins here.
inline void widen(const int8_t* x, int32_t size, int16_t* column) {
  const int8_t* end = x + size;
  for (; x != end; x += 4) {
    const uint32_t word = load_word(x);
    store_words<8 * kColumns>(column, widen_even(word), widen_odd(word));
  }
}

// Multiplies both columns with a pair of rows. 0 < size ≤ kMostPaired, a multiple of
// eight.
inline Sums multiply_columns(const int16_t* columns, const int16_t* weights, int32_t size) {
  uint32_t both0 = 0;
  uint32_t both1 = 0;
  uint32_t w0 = 0;
  uint32_t w1 = 0;
  const int16_t* end = weights + size;
  const auto step = [&] {
    uint32_t even, odd, even0, odd0, even1, odd1;
    load_words(weights, even, odd);
    load_words(columns, even0, odd0);
    load_words(columns, even1, odd1);
    both0 = multiply_add(even, even0, both0);
    both1 = multiply_add(even, even1, both1);
    both0 = multiply_add(odd, odd0, both0);
    both1 = multiply_add(odd, odd1, both1);
    even = widen_even(even);
    odd = widen_even(odd);
    w0 = multiply_add(even, even0, w0);
    w1 = multiply_add(even, even1, w1);
    w0 = multiply_add(odd, odd0, w0);
    w1 = multiply_add(odd, odd1, w1);
  };
  do {
    step();
    step();
  } while (weights != end);
  return make_sums(both0, w0, both1, w1);
}

// Multiplies x, as it is, with two pairs of rows. 0 ≤ size ≤ kMostPaired, a multiple of four.
inline Sums multiply_rows(const int8_t* x, const int16_t* first, const int16_t* second,
                          int32_t size) {
  uint32_t both0 = 0;
  uint32_t both1 = 0;
  uint32_t w0 = 0;
  uint32_t w1 = 0;
  const int8_t* end = x + size;
  for (; x != end; x += 4) {
    const uint32_t word = load_word(x);
    const uint32_t even = widen_even(word);
    const uint32_t odd = widen_odd(word);
    uint32_t even0, odd0, even1, odd1;
    load_words(first, even0, odd0);
    both0 = multiply_add(even0, even, both0);
    both0 = multiply_add(odd0, odd, both0);
    w0 = multiply_add(widen_even(even0), even, w0);
    w0 = multiply_add(widen_even(odd0), odd, w0);
    load_words(second, even1, odd1);
    both1 = multiply_add(even1, even, both1);
    both1 = multiply_add(odd1, odd, both1);
    w1 = multiply_add(widen_even(even1), even, w1);
    w1 = multiply_add(widen_even(odd1), odd, w1);
  }
  return make_sums(both0, w0, both1, w1);
}

#else

// The place of each of four elements.
constexpr int32_t kOrder[4] = {0, 2, 1, 3};

inline int32_t lower_byte(int16_t element) { return static_cast<int8_t>(element & 0xff); }

inline void widen(const int8_t* x, int32_t size, int16_t* column) {
  for (const int8_t* end = x + size; x != end; x += 4) {
    for (int32_t i = 0; i < 4; ++i) column[i * kColumns] = x[kOrder[i]];
    column += 4 * kColumns;
  }
}

inline Sums multiply_columns(const int16_t* columns, const int16_t* weights, int32_t size) {
  // No sum of so few elements overflows. GCC reorders unsigned additions, until it runs out of
  // registers; these it leaves as they are.
  int32_t both0 = 0;
  int32_t both1 = 0;
  int32_t w0 = 0;
  int32_t w1 = 0;
  for (const int16_t* end = weights + size; weights != end; weights += 4) {
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; ++i) {
      const int32_t x0 = columns[i * kColumns];
      const int32_t x1 = columns[i * kColumns + 1];
      const int32_t w = lower_byte(weights[i]);
      both0 += x0 * weights[i];
      both1 += x1 * weights[i];
      w0 += x0 * w;
      w1 += x1 * w;
    }
    columns += 4 * kColumns;
  }
  return make_sums(static_cast<uint32_t>(both0), static_cast<uint32_t>(w0),
                   static_cast<uint32_t>(both1), static_cast<uint32_t>(w1));
}

inline Sums multiply_rows(const int8_t* x, const int16_t* first, const int16_t* second,
                          int32_t size) {
  int32_t both0 = 0;
  int32_t both1 = 0;
  int32_t w0 = 0;
  int32_t w1 = 0;
  for (const int8_t* end = x + size; x != end; x += 4) {
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; ++i) {
      const int32_t value = x[kOrder[i]];
      both0 += value * first[i];
      both1 += value * second[i];
      w0 += value * lower_byte(first[i]);
      w1 += value * lower_byte(second[i]);
    }
    first += 4;
    second += 4;
  }
  return make_sums(static_cast<uint32_t>(both0), static_cast<uint32_t>(w0),
                   static_cast<uint32_t>(both1), static_cast<uint32_t>(w1));
}

#endif  // AOT_DSP

// As many elements of one value.
inline void fill(int32_t value, int32_t size, int16_t* column) {
  for (; size > 0; size -= kRun) {
    for (int32_t i = 0; i < kRun; ++i) column[i] = static_cast<int16_t>(value);
    column += kRun * kColumns;
  }
}

}  // namespace aot
