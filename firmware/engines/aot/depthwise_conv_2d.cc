#include <cstdint>

#include "convolution.h"
#include "dot.h"
#include "window.h"

namespace aot {
namespace {

// The sums of kChannels neighbouring output channels. They read neighbouring input channels where
// kInputStep is 1, and share one where it is 0. Loops over them are unrolled, which keeps the sums
// in registers.
template <int kChannels, int kInputStep>
struct Sums {
  uint32_t values[kChannels];

  // Adds the products of `count` taps in a row. Pitches lead from tap to tap.
  void add_taps(const int8_t* x, int32_t x_pitch, const int8_t* weights, int32_t pitch,
                int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
#pragma GCC unroll 4
      for (int c = 0; c < kChannels; ++c) values[c] += product(x[c * kInputStep], weights[c]);
      x += x_pitch;
      weights += pitch;
    }
  }

  // The same where every input is `value`.
  void add_padding(int32_t value, const int8_t* weights, int32_t pitch, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
#pragma GCC unroll 4
      for (int c = 0; c < kChannels; ++c) values[c] += product(value, weights[c]);
      weights += pitch;
    }
  }
};

template <int kChannels, int kInputStep>
void convolve(const DepthwiseConv2D& p, const int8_t* image, const Taps& rows, const Taps& columns,
              int32_t channel, int8_t* output) {
  const Window& w = p.window;
  const int32_t pitch = w.output_channels;
  const int32_t padding = p.input_zero_point;
  const int32_t x_pitch = w.dilation_width * w.input_channels;
  const int32_t row_pitch = w.dilation_height * w.input_width * w.input_channels;
  const int8_t* weights = p.weights + channel;
  const int8_t* x = image + channel / p.depth_multiplier +
                    ((rows.origin + rows.first * w.dilation_height) * w.input_width +
                     columns.origin + columns.first * w.dilation_width) *
                        w.input_channels;
  Sums<kChannels, kInputStep> sums;
#pragma GCC unroll 4
  for (int c = 0; c < kChannels; ++c) sums.values[c] = static_cast<uint32_t>(p.bias[channel + c]);

  sums.add_padding(padding, weights, pitch, rows.first * w.filter_width);
  weights += rows.first * w.filter_width * pitch;
  for (int32_t y = rows.first; y < rows.last; ++y) {
    sums.add_padding(padding, weights, pitch, columns.first);
    sums.add_taps(x, x_pitch, weights + columns.first * pitch, pitch, columns.last - columns.first);
    sums.add_padding(padding, weights + columns.last * pitch, pitch, w.filter_width - columns.last);
    x += row_pitch;
    weights += w.filter_width * pitch;
  }
  sums.add_padding(padding, weights, pitch, (w.filter_height - rows.last) * w.filter_width);

#pragma GCC unroll 4
  for (int c = 0; c < kChannels; ++c) {
    output[c] = requantize(p.output, channel + c, sums.values[c]);
  }
}

// All output channels at one position. Blocks of four never cross from one input channel to the
// next where they share it.
template <int kInputStep>
void convolve_position(const DepthwiseConv2D& p, const int8_t* image, const Taps& rows,
                       const Taps& columns, int8_t* output) {
  const int32_t channels = p.window.output_channels;
  const int32_t span = kInputStep == 1 ? channels : p.depth_multiplier;
  for (int32_t start = 0; start < channels; start += span) {
    int32_t channel = start;
    for (; channel + 4 <= start + span; channel += 4) {
      convolve<4, kInputStep>(p, image, rows, columns, channel, output + channel);
    }
    for (; channel < start + span; ++channel) {
      convolve<1, kInputStep>(p, image, rows, columns, channel, output + channel);
    }
  }
}

}  // namespace

void depthwise_conv_2d(const DepthwiseConv2D& params, const int8_t* input, int8_t* output) {
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
