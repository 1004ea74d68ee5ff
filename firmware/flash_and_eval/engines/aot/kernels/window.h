// What convolution and pooling share: where a window overlaps the image.
#pragma once

#include <cstdint>

#include "flash_and_eval/engines/aot/kernels/shapes.h"

namespace aot {

// The taps of a filter, along one axis, that lie inside the image: first ≤ tap < last.
struct Taps {
  int32_t origin;  // the image position of tap 0; may be negative
  int32_t first;
  int32_t last;
};

// Every window overlaps the image or straddles it, so that origin < image_size; that follows from
// how SAME and VALID set padding and output size.
inline Taps taps_inside(int32_t position, int32_t stride, int32_t pad, int32_t dilation,
                        int32_t filter_size, int32_t image_size) {
  const int32_t origin = position * stride - pad;
  const int32_t first = origin < 0 ? (-origin + dilation - 1) / dilation : 0;
  const int32_t last = (image_size - origin + dilation - 1) / dilation;
  return {origin, first, last < filter_size ? last : filter_size};
}

inline Taps rows_inside(const Window& w, int32_t output_row) {
  return taps_inside(output_row, w.stride_height, w.pad_top, w.dilation_height, w.filter_height,
                     w.input_height);
}

inline Taps columns_inside(const Window& w, int32_t output_column) {
  return taps_inside(output_column, w.stride_width, w.pad_left, w.dilation_width, w.filter_width,
                     w.input_width);
}

}  // namespace aot
