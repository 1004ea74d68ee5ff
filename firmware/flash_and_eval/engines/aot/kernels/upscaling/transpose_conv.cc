#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/convolution/requantize.h"
#include "flash_and_eval/engines/aot/kernels/dot.h"
#include "flash_and_eval/engines/aot/kernels/upscaling/upscaling.h"

namespace aot {
namespace {

// So many channels share every load of an input.
constexpr int32_t kBlock = 4;

// The taps through which an output position sees the image, along one axis: tap r + k · stride sees
// image position q − k, for first ≤ k < last.
struct Seen {
  int32_t r;
  int32_t q;
  int32_t first;
  int32_t last;
};

Seen taps_seeing(int32_t position, int32_t stride, int32_t pad, int32_t filter_size,
                 int32_t image_size) {
  const int32_t r = (position + pad) % stride;
  const int32_t q = (position + pad) / stride;
  const int32_t taps = r < filter_size ? (filter_size - 1 - r) / stride + 1 : 0;
  return {r, q, q < image_size ? 0 : q - image_size + 1, taps < q + 1 ? taps : q + 1};
}

// Adds to the sums of `count` output channels what one tap gives them, whose weights, and offsets,
// follow each other.
void add_tap(const int8_t* x, const int8_t* weights, const int32_t* offsets, int32_t depth,
             int32_t count, uint32_t sums[kBlock]) {
  for (int32_t i = 0; i < count; ++i) sums[i] += static_cast<uint32_t>(offsets[i]);
  if (count == kBlock) {
    dot_four(x, weights, depth, sums);
  } else {
    for (int32_t i = 0; i < count; ++i) sums[i] += dot(x, weights + i * depth, depth);
  }
}

// One output position: `count` channels from `channel` on.
void convolve(const TransposeConv& p, const int8_t* image, const Seen& rows, const Seen& columns,
              int32_t channel, int32_t count, int8_t* output) {
  const Window& w = p.window;
  uint32_t sums[kBlock];
  for (int32_t i = 0; i < count; ++i) sums[i] = static_cast<uint32_t>(p.bias[channel + i]);
  for (int32_t k = rows.first; k < rows.last; ++k) {
    const int8_t* row = image + (rows.q - k) * w.input_width * w.input_channels;
    const int32_t taps = (rows.r + k * w.stride_height) * w.filter_width + columns.r;
    for (int32_t m = columns.first; m < columns.last; ++m) {
      const int32_t first = (taps + m * w.stride_width) * w.output_channels + channel;
      add_tap(row + (columns.q - m) * w.input_channels, p.weights + first * w.input_channels,
              p.offsets + first, w.input_channels, count, sums);
    }
  }
  for (int32_t i = 0; i < count; ++i) {
    const int32_t index = (channel + i) * p.output.step;
    const ChannelScale scale = {0, p.output.multipliers[index], p.output.shifts[index]};
    output[i] = requantize(p.output, false, scale, sums[i]);
  }
}

}  // namespace

void transpose_conv(const TransposeConv& p, const int8_t* input, int8_t* output) {
  const Window& w = p.window;
  for (int32_t batch = 0; batch < w.batches; ++batch) {
    for (int32_t y = 0; y < w.output_height; ++y) {
      const Seen rows = taps_seeing(y, w.stride_height, w.pad_top, w.filter_height, w.input_height);
      for (int32_t x = 0; x < w.output_width; ++x) {
        const Seen columns =
            taps_seeing(x, w.stride_width, w.pad_left, w.filter_width, w.input_width);
        for (int32_t c = 0; c < w.output_channels; c += kBlock) {
          const int32_t left = w.output_channels - c;
          convolve(p, input, rows, columns, c, left < kBlock ? left : kBlock, output + c);
        }
        output += w.output_channels;
      }
    }
    input += w.input_height * w.input_width * w.input_channels;
  }
}

}  // namespace aot
