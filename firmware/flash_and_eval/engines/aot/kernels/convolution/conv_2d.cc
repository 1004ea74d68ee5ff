#include <cstdint>
#include <cstring>

#include "flash_and_eval/engines/aot/kernels/convolution/convolution.h"
#include "flash_and_eval/engines/aot/kernels/convolution/requantize.h"
#include "flash_and_eval/engines/aot/kernels/convolution/rows.h"
#include "flash_and_eval/engines/aot/kernels/window.h"

namespace aot {
namespace {

[[gnu::noinline]] Sums multiply_long_columns(const int16_t* columns, const int16_t* weights,
                                             int32_t size) {
  Sums sums = {};
  for (; size > kMostPaired; size -= kMostPaired) {
    sums += multiply_columns(columns, weights, kMostPaired);
    columns += kMostPaired * kColumns;
    weights += kMostPaired;
  }
  sums += multiply_columns(columns, weights, size);
  return sums;
}

// Puts what the filter sees, one run of bytes after the other, into a column.
class Widening {
 public:
  explicit Widening(int16_t* column) : column_(column) {}

  // Sizes are multiples of four.
  void copy(const int8_t* from, int32_t size) {
    widen(from, size, column_);
    column_ += size * kColumns;
  }

  void fill(int32_t value, int32_t size) {
    aot::fill(value, size, column_);
    column_ += size * kColumns;
  }

 private:
  int16_t* column_;
};

// Puts it into a buffer, where runs are not multiples of four.
class Buffering {
 public:
  explicit Buffering(int8_t* buffer) : buffer_(buffer) {}

  void copy(const int8_t* from, int32_t size) {
    for (; size >= 4; size -= 4) {
      std::memcpy(buffer_, from, 4);
      buffer_ += 4;
      from += 4;
    }
    for (; size > 0; --size) *buffer_++ = *from++;
  }

  void fill(int32_t value, int32_t size) {
    for (; size > 0; --size) *buffer_++ = static_cast<int8_t>(value);
  }

 private:
  int8_t* buffer_;
};

class Convolution {
 public:
  Convolution(const Conv2D& params, int8_t* scratch)
      : p_(params),
        w_(params.window),
        depth_(w_.input_channels / p_.groups),
        // Pixels of a row touch only where no channel and no column is left out between them.
        contiguous_(p_.groups == 1 && w_.dilation_width == 1),
        size_(row_pitch(w_.filter_height * w_.filter_width * depth_)),
        columns_(reinterpret_cast<int16_t*>(scratch)),
        buffer_(depth_ % 4 == 0 ? nullptr : scratch + 2 * kColumns * size_) {}

  // The output positions, row by row, two at a time.
  void run(const int8_t* input, int8_t* output) {
    for (int32_t batch = 0; batch < w_.batches; ++batch) {
      for (int32_t y = 0; y < w_.output_height; ++y) {
        const Taps rows = rows_inside(w_, y);
        for (int32_t x = 0; x < w_.output_width; ++x) {
          places_[filled_++] = {input, rows, columns_inside(w_, x)};
          if (filled_ == kColumns) output = flush(output);
        }
      }
      input += w_.input_height * w_.input_width * w_.input_channels;
    }
    flush(output);
  }

 private:
  // Where the filter lies: over which image, and which of its taps are inside.
  struct Place {
    const int8_t* image;
    Taps rows;
    Taps columns;
  };

  int8_t* flush(int8_t* output) {
    if (filled_ == 0) return output;
    const int32_t channels = w_.output_channels / p_.groups;
    const int16_t* weights = p_.weights;
    for (int32_t group = 0; group < p_.groups; ++group) {
      for (int32_t i = 0; i < filled_; ++i) gather(places_[i], group * depth_, columns_ + kRun * i);
      const int32_t first = group * channels;
      weights = filled_ == kColumns ? multiply<kColumns>(weights, first, first + channels, output)
                                    : multiply<1>(weights, first, first + channels, output);
    }
    output += filled_ * w_.output_channels;
    filled_ = 0;
    return output;
  }

  // What the filter sees of a group, whose first channel is given.
  void gather(const Place& place, int32_t channel, int16_t* column) const {
    if (buffer_ == nullptr) {
      gather_to(Widening(column), place, channel);
    } else {
      gather_to(Buffering(buffer_), place, channel);
      // What follows in the buffer meets weights of zero; so it does in a column.
      widen(buffer_, size_, column);
    }
  }

  template <typename Sink>
  void gather_to(Sink sink, const Place& place, int32_t channel) const {
    const Taps& rows = place.rows;
    const Taps& columns = place.columns;
    const int32_t row_size = w_.filter_width * depth_;
    const int32_t before = columns.first * depth_;
    const int32_t inside = (columns.last - columns.first) * depth_;
    const int32_t step = w_.dilation_width * w_.input_channels;
    const int32_t pitch = w_.dilation_height * w_.input_width * w_.input_channels;
    const int8_t* from = place.image + channel +
                         ((rows.origin + rows.first * w_.dilation_height) * w_.input_width +
                          columns.origin + columns.first * w_.dilation_width) *
                             w_.input_channels;
    sink.fill(p_.input_zero_point, rows.first * row_size);
    for (int32_t i = rows.first; i < rows.last; ++i) {
      sink.fill(p_.input_zero_point, before);
      if (contiguous_) {
        sink.copy(from, inside);
      } else {
        for (int32_t j = 0; j * depth_ < inside; ++j) sink.copy(from + j * step, depth_);
      }
      sink.fill(p_.input_zero_point, row_size - before - inside);
      from += pitch;
    }
    sink.fill(p_.input_zero_point, (w_.filter_height - rows.last) * row_size);
  }

  // All output channels of a group; returns where the next group's weights begin.
  template <int kPositions>
  const int16_t* multiply(const int16_t* weights, int32_t channel, int32_t end,
                          int8_t* output) const {
    static_assert(kPositions == 1 || kPositions == kColumns);
    Outputs outputs(p_.output, 1, p_.bias, p_.small, channel);
    output += channel;
    int32_t left = end - channel;
    if (p_.rows_each == 2) {
      for (; left >= 2; left -= 2) {
        const Sums sums = multiply_pair(weights);
        if constexpr (kPositions == 2) {
          outputs.write<2, 2>({sums.w0, sums.w1, sums.v0, sums.v1}, output, w_.output_channels);
        } else {
          outputs.write<2, 1>({sums.w0, sums.v0}, output, 0);
        }
        weights += size_;
        output += 2;
      }
    }
    for (; left > 0; --left) {
      const Sums sums = multiply_pair(weights);
      if constexpr (kPositions == 2) {
        outputs.write<1, 2>({sums.w0, sums.w1}, output, w_.output_channels);
      } else {
        outputs.write<1, 1>({sums.w0}, output, 0);
      }
      weights += size_;
      ++output;
    }
    return weights;
  }

  Sums multiply_pair(const int16_t* weights) const {
    if (size_ <= kMostPaired) return multiply_columns(columns_, weights, size_);
    return multiply_long_columns(columns_, weights, size_);
  }

  const Conv2D& p_;
  const Window& w_;
  const int32_t depth_;
  const bool contiguous_;
  const int32_t size_;  // of a column
  int16_t* const columns_;
  int8_t* const buffer_;
  Place places_[kColumns];
  int32_t filled_ = 0;
};

}  // namespace

void conv_2d(const Conv2D& params, const int8_t* input, int8_t* output, int8_t* scratch) {
  Convolution(params, scratch).run(input, output);
}

}  // namespace aot
