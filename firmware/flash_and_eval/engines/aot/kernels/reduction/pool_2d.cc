#include <cstdint>
#include <limits>

#include "flash_and_eval/engines/aot/kernels/fixed_point.h"
#include "flash_and_eval/engines/aot/kernels/reduction/reduction.h"
#include "flash_and_eval/engines/aot/kernels/window.h"

namespace aot {
namespace {

// Sums of so many channels are held at once, on the stack.
constexpr int32_t kBlock = 16;

int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

// Calls pool(image, rows, columns, output) for every output position.
template <typename T, typename Function>
void slide(const Window& w, const T* input, T* output, Function pool) {
  for (int32_t batch = 0; batch < w.batches; ++batch) {
    for (int32_t y = 0; y < w.output_height; ++y) {
      const Taps rows = rows_inside(w, y);
      for (int32_t x = 0; x < w.output_width; ++x) {
        pool(input, rows, columns_inside(w, x), output);
        output += w.input_channels;
      }
    }
    input += w.input_height * w.input_width * w.input_channels;
  }
}

// Calls visit(pixel) for every pixel of the window.
template <typename T, typename Function>
void for_pixels(const Window& w, const T* image, const Taps& rows, const Taps& columns,
                Function visit) {
  for (int32_t y = rows.first; y < rows.last; ++y) {
    const int32_t start = (rows.origin + y) * w.input_width + columns.origin;
    for (int32_t x = columns.first; x < columns.last; ++x) {
      visit(image + (start + x) * w.input_channels);
    }
  }
}

// Halves away from zero. Padding does not count, so `count` differs at the edges.
int32_t rounded_mean(int32_t sum, int32_t count) {
  return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

template <typename T>
void average(const Pool2D& params, const T* input, T* output) {
  const Window& w = params.window;
  slide(w, input, output, [&](const T* image, const Taps& rows, const Taps& columns, T* out) {
    const int32_t count = (rows.last - rows.first) * (columns.last - columns.first);
    for (int32_t start = 0; start < w.input_channels; start += kBlock) {
      const int32_t channels = smaller(kBlock, w.input_channels - start);
      int32_t sums[kBlock] = {};
      for_pixels(w, image, rows, columns, [&](const T* pixel) {
        for (int32_t c = 0; c < channels; ++c) sums[c] += pixel[start + c];
      });
      for (int32_t c = 0; c < channels; ++c) {
        const int32_t mean = rounded_mean(sums[c], count);
        out[start + c] = static_cast<T>(clamp(mean, params.minimum, params.maximum));
      }
    }
  });
}

template <typename T>
void maximum(const Pool2D& params, const T* input, T* output) {
  const Window& w = params.window;
  slide(w, input, output, [&](const T* image, const Taps& rows, const Taps& columns, T* out) {
    for (int32_t c = 0; c < w.input_channels; ++c) out[c] = std::numeric_limits<T>::min();
    for_pixels(w, image, rows, columns, [&](const T* pixel) {
      for (int32_t c = 0; c < w.input_channels; ++c) {
        if (pixel[c] > out[c]) out[c] = pixel[c];
      }
    });
    for (int32_t c = 0; c < w.input_channels; ++c) {
      out[c] = static_cast<T>(clamp(out[c], params.minimum, params.maximum));
    }
  });
}

}  // namespace

void average_pool_2d(const Pool2D& params, const int8_t* input, int8_t* output) {
  average(params, input, output);
}

void average_pool_2d(const Pool2D& params, const int16_t* input, int16_t* output) {
  average(params, input, output);
}

void max_pool_2d(const Pool2D& params, const int8_t* input, int8_t* output) {
  maximum(params, input, output);
}

void max_pool_2d(const Pool2D& params, const int16_t* input, int16_t* output) {
  maximum(params, input, output);
}

}  // namespace aot
