#include <cstdint>

#include "convolution.h"
#include "dot.h"
#include "window.h"

namespace aot {
namespace {

// One output position: its image, and the taps that overlap it.
struct Position {
  const int8_t* image;  // the first input channel of the group at the image's origin
  Taps rows;
  Taps columns;
};

// Adds kRows output channels' products at one position; `weights` is the first channel's filter.
template <int kRows>
void accumulate(const Conv2D& p, const Position& at, const int8_t* weights, uint32_t* sums) {
  const Window& w = p.window;
  const int32_t depth = w.input_channels / p.groups;
  const int32_t row_size = w.filter_width * depth;
  const int32_t pitch = w.filter_height * row_size;
  const int32_t inside = (at.columns.last - at.columns.first) * depth;
  // Pixels of a row touch only where no channel and no column is left out between them.
  const bool contiguous = p.groups == 1 && w.dilation_width == 1;

  const auto multiply = [&](const int8_t* x, const int8_t* row, int32_t size) {
    if constexpr (kRows == 4) {
      dot_four(x, row, pitch, size, sums);
    } else {
      sums[0] += dot(x, row, size);
    }
  };
  const auto multiply_padding = [&](const int8_t* row, int32_t size) {
    if (size == 0) return;
    for (int r = 0; r < kRows; ++r) {
      sums[r] += static_cast<uint32_t>(p.input_zero_point) * sum(row + r * pitch, size);
    }
  };

  for (int32_t y = 0; y < w.filter_height; ++y) {
    const int8_t* row = weights + y * row_size;
    if (y < at.rows.first || y >= at.rows.last) {
      multiply_padding(row, row_size);
      continue;
    }
    const int32_t left = at.columns.first * depth;
    multiply_padding(row, left);
    const int32_t image_row = at.rows.origin + y * w.dilation_height;
    const int8_t* x = at.image + (image_row * w.input_width + at.columns.origin +
                                  at.columns.first * w.dilation_width) *
                                     w.input_channels;
    if (contiguous) {
      multiply(x, row + left, inside);
    } else {
      for (int32_t i = 0; i < inside; i += depth) {
        multiply(x, row + left + i, depth);
        x += w.dilation_width * w.input_channels;
      }
    }
    multiply_padding(row + left + inside, row_size - left - inside);
  }
}

void convolve_position(const Conv2D& p, const Position& at, int8_t* output) {
  const Window& w = p.window;
  const int32_t depth = w.input_channels / p.groups;
  const int32_t filter_size = w.filter_height * w.filter_width * depth;
  const int32_t channels = w.output_channels / p.groups;
  for (int32_t group = 0; group < p.groups; ++group) {
    const Position in_group = {at.image + group * depth, at.rows, at.columns};
    int32_t channel = group * channels;
    const int32_t end = channel + channels;
    for (; channel + 4 <= end; channel += 4) {
      const int32_t* bias = p.bias + channel;
      uint32_t sums[4] = {static_cast<uint32_t>(bias[0]), static_cast<uint32_t>(bias[1]),
                          static_cast<uint32_t>(bias[2]), static_cast<uint32_t>(bias[3])};
      accumulate<4>(p, in_group, p.weights + channel * filter_size, sums);
      for (int32_t i = 0; i < 4; ++i) {
        output[channel + i] = requantize(p.output, channel + i, sums[i]);
      }
    }
    for (; channel < end; ++channel) {
      uint32_t sum = static_cast<uint32_t>(p.bias[channel]);
      accumulate<1>(p, in_group, p.weights + channel * filter_size, &sum);
      output[channel] = requantize(p.output, channel, sum);
    }
  }
}

}  // namespace

void conv_2d(const Conv2D& params, const int8_t* input, int8_t* output) {
  const Window& w = params.window;
  for (int32_t batch = 0; batch < w.batches; ++batch) {
    for (int32_t y = 0; y < w.output_height; ++y) {
      const Taps rows = rows_inside(w, y);
      for (int32_t x = 0; x < w.output_width; ++x) {
        convolve_position(params, {input, rows, columns_inside(w, x)}, output);
        output += w.output_channels;
      }
    }
    input += w.input_height * w.input_width * w.input_channels;
  }
}

}  // namespace aot
