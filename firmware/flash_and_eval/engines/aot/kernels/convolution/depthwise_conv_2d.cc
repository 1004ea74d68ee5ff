#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/convolution/convolution.h"
#include "flash_and_eval/engines/aot/kernels/convolution/requantize.h"
#include "flash_and_eval/engines/aot/kernels/simd.h"
#include "flash_and_eval/engines/aot/kernels/window.h"

namespace aot {
namespace {

// Channels whose sums are held at once.
constexpr int32_t kBlock = 4;

using Pixel = const int8_t*;

#if defined(AOT_DSP)

// The block's channels of a pixel. Where it is not whole, what follows the pixel is not touched.
template <bool kWhole>
uint32_t load_block(const int8_t* from, int32_t channels) {
  if constexpr (kWhole) {
    return load_word(from);
  } else {
    uint32_t word = 0;
    for (int32_t c = 0; c < channels; ++c) {
      word |= static_cast<uint32_t>(static_cast<uint8_t>(from[c])) << 8 * c;
    }
    return word;
  }
}

// Adds the products of a block's channels at all taps, two at a time.
template <bool kWhole>
void multiply(const Pixel* taps, const Pixel* end, int32_t start, int32_t channels,
              const int8_t* weights, uint32_t sums[kBlock]) {
  uint32_t sum0 = sums[0];
  uint32_t sum1 = sums[1];
  uint32_t sum2 = sums[2];
  uint32_t sum3 = sums[3];
  while (taps != end) {
    const uint32_t first = load_block<kWhole>(*taps++ + start, channels);
    const uint32_t second = load_block<kWhole>(*taps++ + start, channels);
    uint32_t w01, w23;
    load_words(weights, w01, w23);
    const uint32_t x01 = lower_halves(first, second);
    const uint32_t x23 = upper_halves(first, second);
    sum0 = multiply_add(widen_even(x01), widen_even(w01), sum0);
    sum1 = multiply_add(widen_odd(x01), widen_odd(w01), sum1);
    sum2 = multiply_add(widen_even(x23), widen_even(w23), sum2);
    sum3 = multiply_add(widen_odd(x23), widen_odd(w23), sum3);
  }
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
}

#else

template <bool kWhole>
void multiply(const Pixel* taps, const Pixel* end, int32_t start, int32_t channels,
              const int8_t* weights, uint32_t sums[kBlock]) {
  uint32_t values[kBlock] = {sums[0], sums[1], sums[2], sums[3]};
  while (taps != end) {
    const int8_t* first = *taps++ + start;
    const int8_t* second = *taps++ + start;
#pragma GCC unroll 4
    for (int32_t c = 0; c < kBlock; ++c) {
      if (!kWhole && c >= channels) break;
      const int8_t* w = weights + c / 2 * 4 + c % 2;
      values[c] += static_cast<uint32_t>(first[c] * w[0] + second[c] * w[2]);
    }
    weights += 2 * kBlock;
  }
  for (int32_t c = 0; c < kBlock; ++c) sums[c] = values[c];
}

#endif

// Where each tap of the filter reads; outside the image, in a pixel of zero points.
void find_taps(const Window& w, const int8_t* image, int32_t top, int32_t left, Pixel outside,
               Pixel* taps) {
  for (int32_t i = 0; i < w.filter_height; ++i) {
    const int32_t y = top + i * w.dilation_height;
    const bool inside = y >= 0 && y < w.input_height;
    const int8_t* row = image + (inside ? y : 0) * w.input_width * w.input_channels;
    for (int32_t j = 0; j < w.filter_width; ++j) {
      const int32_t x = left + j * w.dilation_width;
      *taps++ = inside && x >= 0 && x < w.input_width ? row + x * w.input_channels : outside;
    }
  }
}

void convolve(const DepthwiseConv2D& p, const Pixel* taps, const Pixel* end, int8_t* output) {
  const int32_t channels = p.window.output_channels;
  const int8_t* weights = p.weights;
  Outputs outputs(p.output, 1, p.bias, p.small);
  int32_t start = 0;
  for (; start + kBlock <= channels; start += kBlock) {
    uint32_t sums[kBlock] = {};
    multiply<true>(taps, end, start, kBlock, weights, sums);
    outputs.write<kBlock, 1>(sums, output + start, 0);
    weights += kBlock * (end - taps);
  }
  if (start == channels) return;
  uint32_t sums[kBlock] = {};
  multiply<false>(taps, end, start, channels - start, weights, sums);
  for (int32_t c = 0; start + c < channels; ++c) {
    outputs.write<1, 1>({sums[c]}, output + start + c, 0);
  }
}

}  // namespace

void depthwise_conv_2d(const DepthwiseConv2D& params, const int8_t* input, int8_t* output,
                       int8_t* scratch) {
  const Window& w = params.window;
  const int32_t taps_count = w.filter_height * w.filter_width;
  Pixel* taps = reinterpret_cast<Pixel*>(scratch);
  Pixel* end = taps + (taps_count + 1) / 2 * 2;
  int8_t* outside = reinterpret_cast<int8_t*>(end);
  for (int32_t c = 0; c < w.input_channels; ++c) {
    outside[c] = static_cast<int8_t>(params.input_zero_point);
  }
  end[-1] = outside;
  for (int32_t batch = 0; batch < w.batches; ++batch) {
    for (int32_t y = 0; y < w.output_height; ++y) {
      for (int32_t x = 0; x < w.output_width; ++x) {
        find_taps(w, input, y * w.stride_height - w.pad_top, x * w.stride_width - w.pad_left,
                  outside, taps);
        convolve(params, taps, end, output);
        output += w.output_channels;
      }
    }
    input += w.input_height * w.input_width * w.input_channels;
  }
}

}  // namespace aot
