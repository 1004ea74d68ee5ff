#include "flash_and_eval/core/frames.h"

#include <cstring>

namespace {

// As many of `size` bytes as come before the first zero.
uint32_t until_zero(const uint8_t* data, uint32_t size) {
  const void* zero = std::memchr(data, 0, size);
  return zero == nullptr ? size : static_cast<uint32_t>(static_cast<const uint8_t*>(zero) - data);
}

uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

}  // namespace

FrameReader::Event FrameReader::push(const uint8_t** next, const uint8_t* end) {
  while (*next != end) {
    if (**next == 0) {
      ++*next;
      return finish();
    }
    if (left_ == 0) {
      begin_block(*(*next)++);
      continue;
    }
    make_room();
    const auto here = static_cast<uint32_t>(end - *next);
    const uint32_t size = until_zero(*next, least(least(left_, here), capacity_ - size_));
    std::memcpy(buffer_ + size_, *next, size);
    *next += size;
    size_ += size;
    left_ = static_cast<uint8_t>(left_ - size);
  }
  return Event::kNone;
}

void FrameReader::begin_block(uint8_t code) {
  // A block shorter than 254 bytes stands for its bytes and a zero; the last one's zero is not
  // part of the data, so it is put only when another block follows.
  if (code_ != 0 && code_ != 0xFF) {
    make_room();
    buffer_[size_++] = 0;
  }
  code_ = code;
  left_ = static_cast<uint8_t>(code - 1);
}

void FrameReader::make_room() {
  if (size_ < capacity_) return;
  too_long_ = true;  // what is in the buffer is of no use any more
  size_ = 0;
}

FrameReader::Event FrameReader::finish() {
  const bool started = code_ != 0;
  const bool whole = left_ == 0 && !too_long_;
  const uint32_t size = size_;
  size_ = 0;
  code_ = 0;
  left_ = 0;
  too_long_ = false;
  if (!started) return Event::kNone;  // two delimiters in a row
  if (!whole || size < wire::kFrameHeaderBytes + wire::kFrameCrcBytes) return Event::kDamaged;
  const uint32_t body = size - wire::kFrameCrcBytes;
  const uint8_t* stored = buffer_ + body;
  const uint32_t expected = uint32_t{stored[0]} | (uint32_t{stored[1]} << 8) |
                            (uint32_t{stored[2]} << 16) | (uint32_t{stored[3]} << 24);
  if (crc32(buffer_, body) != expected) return Event::kDamaged;
  payload_size_ = body - wire::kFrameHeaderBytes;
  return Event::kFrame;
}

void FrameWriter::begin(wire::MessageType type, uint16_t sequence) {
  crc_ = Crc32();
  filled_ = 0;
  buffer_[filled_++] = 0;
  begin_block();
  u8(static_cast<uint8_t>(type));
  u16(sequence);
}

void FrameWriter::u16(uint16_t value) {
  const uint8_t raw[2] = {static_cast<uint8_t>(value), static_cast<uint8_t>(value >> 8)};
  bytes(raw, sizeof(raw));
}

void FrameWriter::u32(uint32_t value) {
  const uint8_t raw[4] = {static_cast<uint8_t>(value), static_cast<uint8_t>(value >> 8),
                          static_cast<uint8_t>(value >> 16), static_cast<uint8_t>(value >> 24)};
  bytes(raw, sizeof(raw));
}

void FrameWriter::f32(float value) {
  uint32_t raw;
  static_assert(sizeof(raw) == sizeof(value), "float is not IEEE 754 single");
  std::memcpy(&raw, &value, sizeof(raw));
  u32(raw);
}

void FrameWriter::string(const char* text) {
  size_t size = std::strlen(text);
  if (size > 255) size = 255;
  u8(static_cast<uint8_t>(size));
  bytes(reinterpret_cast<const uint8_t*>(text), static_cast<uint32_t>(size));
}

void FrameWriter::bytes(const uint8_t* data, uint32_t size) {
  crc_.update(data, size);
  while (size > 0) {
    const uint32_t room = kBlockBytes - (filled_ - code_at_ - 1);
    if (room == 0) {
      // Only now that more follows: a body of exactly 254 bytes ends with its block.
      end_block(0xFF);
      continue;
    }
    const uint32_t limit = least(room, size);
    const uint32_t count = until_zero(data, limit);
    if (filled_ + count > kBufferBytes) make_room();
    std::memcpy(buffer_ + filled_, data, count);
    filled_ += count;
    data += count;
    size -= count;
    if (count == limit) continue;
    end_block(static_cast<uint8_t>(filled_ - code_at_));  // stands for the zero, too
    ++data;
    --size;
  }
}

void FrameWriter::end() {
  u32(crc_.value());
  buffer_[code_at_] = static_cast<uint8_t>(filled_ - code_at_);
  if (filled_ == kBufferBytes) make_room();
  buffer_[filled_++] = 0;
  sink_(buffer_, filled_);
}

void FrameWriter::begin_block() {
  code_at_ = filled_;
  if (filled_ == kBufferBytes) make_room();
  ++filled_;
}

void FrameWriter::end_block(uint8_t code) {
  buffer_[code_at_] = code;
  begin_block();
}

// Lets go what is encoded; a whole block fits behind it.
void FrameWriter::make_room() {
  sink_(buffer_, code_at_);
  filled_ -= code_at_;
  std::memmove(buffer_, buffer_ + code_at_, filled_);
  code_at_ = 0;
}
