#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/convolution/sums_int16.h"
#include "flash_and_eval/engines/aot/kernels/window.h"

namespace aot {
namespace {

// kSums output channels from `channel` on, at one position: they read neighbouring input channels
// where kInputStep is 1, and share one where it is 0. Padding is 0 and adds nothing.
template <int kSums, int kInputStep>
void convolve(const DepthwiseConv2DInt16& p, const int16_t* image, const Taps& rows,
              const Taps& columns, int32_t channel, int16_t* output) {
  const Window& w = p.window;
  const Pitch pitch = {w.output_channels, 1};
  const Pitch x_pitch = {w.dilation_width * w.input_channels, kInputStep};
  Sums<kSums, int64_t> sums;
  for (int32_t y = rows.first; y < rows.last; ++y) {
    const int32_t image_row = rows.origin + y * w.dilation_height;
    const int32_t image_column = columns.origin + columns.first * w.dilation_width;
    const int16_t* x = image + channel / p.depth_multiplier +
                       (image_row * w.input_width + image_column) * w.input_channels;
    const int8_t* weights =
        p.weights + (y * w.filter_width + columns.first) * w.output_channels + channel;
    sums.add(x, x_pitch, weights, pitch, columns.last - columns.first);
  }
  sums.finish(p.output, channel, output);
}

// All output channels at one position. Blocks of four never cross from one input channel to the
// next where they share it.
template <int kInputStep>
void convolve_position(const DepthwiseConv2DInt16& p, const int16_t* image, const Taps& rows,
                       const Taps& columns, int16_t* output) {
  const int32_t channels = p.window.output_channels;
  const int32_t span = kInputStep == 1 ? channels : p.depth_multiplier;
  for (int32_t start = 0; start < channels; start += span) {
    int32_t channel = start;
    for (; channel + 4 <= start + span; channel += 4) {
      convolve<4, kInputStep>(p, image, rows, columns, channel, output);
    }
    for (; channel < start + span; ++channel) {
      convolve<1, kInputStep>(p, image, rows, columns, channel, output);
    }
  }
}

}  // namespace

void depthwise_conv_2d(const DepthwiseConv2DInt16& params, const int16_t* input, int16_t* output) {
  const Window& w = params.window;
  for (int32_t batch = 0; batch < w.batches; ++batch) {
    for (int32_t y = 0; y < w.output_height; ++y) {
      const Taps rows = rows_inside(w, y);
      for (int32_t x = 0; x < w.output_width; ++x) {
        const Taps columns = columns_inside(w, x);
        if (params.depth_multiplier == 1) {
          convolve_position<1>(params, input, rows, columns, output);
        } else {
          convolve_position<0>(params, input, rows, columns, output);
        }
        output += w.output_channels;
      }
    }
    input += w.input_height * w.input_width * w.input_channels;
  }
}

}  // namespace aot
