#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/convolution/sums_int16.h"
#include "flash_and_eval/engines/aot/kernels/window.h"

namespace aot {
namespace {

// kSums output channels from `channel` on, at one position. Padding is 0 and adds nothing.
template <int kSums, typename Accumulator>
void convolve(const Conv2DInt16<Accumulator>& p, const int16_t* image, const Taps& rows,
              const Taps& columns, int32_t channel, int16_t* output) {
  const Window& w = p.window;
  const int32_t depth = w.input_channels / p.groups;
  const int32_t row_size = w.filter_width * depth;
  const Pitch pitch = {1, w.filter_height * row_size};
  // Pixels of a row touch only where no channel and no column is left out between them.
  const bool contiguous = p.groups == 1 && w.dilation_width == 1;
  const int32_t inside = columns.last - columns.first;
  const int32_t run = contiguous ? inside * depth : depth;
  const int32_t runs = contiguous ? 1 : inside;
  const int32_t step = w.dilation_width * w.input_channels;

  Sums<kSums, Accumulator> sums;
  for (int32_t y = rows.first; y < rows.last; ++y) {
    const int32_t image_row = rows.origin + y * w.dilation_height;
    const int32_t image_column = columns.origin + columns.first * w.dilation_width;
    const int16_t* x = image + (image_row * w.input_width + image_column) * w.input_channels;
    const int8_t* weights = p.weights + channel * pitch.sum + y * row_size + columns.first * depth;
    for (int32_t i = 0; i < runs; ++i) {
      sums.add(x + i * step, {1, 0}, weights + i * depth, pitch, run);
    }
  }
  sums.finish(p.output, channel, output);
}

template <typename Accumulator>
void convolve_position(const Conv2DInt16<Accumulator>& p, const int16_t* image, const Taps& rows,
                       const Taps& columns, int16_t* output) {
  const int32_t depth = p.window.input_channels / p.groups;
  const int32_t channels = p.window.output_channels / p.groups;
  for (int32_t group = 0; group < p.groups; ++group) {
    const int16_t* in_group = image + group * depth;
    int32_t channel = group * channels;
    const int32_t end = channel + channels;
    for (; channel + 4 <= end; channel += 4) {
      convolve<4>(p, in_group, rows, columns, channel, output);
    }
    for (; channel < end; ++channel) convolve<1>(p, in_group, rows, columns, channel, output);
  }
}

template <typename Accumulator>
void slide(const Conv2DInt16<Accumulator>& p, const int16_t* input, int16_t* output) {
  const Window& w = p.window;
  for (int32_t batch = 0; batch < w.batches; ++batch) {
    for (int32_t y = 0; y < w.output_height; ++y) {
      const Taps rows = rows_inside(w, y);
      for (int32_t x = 0; x < w.output_width; ++x) {
        convolve_position(p, input, rows, columns_inside(w, x), output);
        output += w.output_channels;
      }
    }
    input += w.input_height * w.input_width * w.input_channels;
  }
}

}  // namespace

void conv_2d(const Conv2DInt16<int64_t>& params, const int16_t* input, int16_t* output) {
  slide(params, input, output);
}

void conv_2d(const Conv2DInt16<int32_t>& params, const int16_t* input, int16_t* output) {
  slide(params, input, output);
}

}  // namespace aot
