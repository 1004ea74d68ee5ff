#include "frames.h"

#include <cstring>

FrameReader::Event FrameReader::push(uint8_t byte) {
  if (byte == 0) return finish();
  started_ = true;
  if (left_ == 0) {
    // A block shorter than 254 bytes stands for its bytes and a zero; the last one's zero is not
    // part of the data, so it is put only when another block follows.
    if (code_ != 0 && code_ != 0xFF) put(0);
    code_ = byte;
    left_ = static_cast<uint8_t>(byte - 1);
  } else {
    put(byte);
    --left_;
  }
  return Event::kNone;
}

void FrameReader::put(uint8_t byte) {
  if (size_ < capacity_) {
    buffer_[size_++] = byte;
  } else {
    too_long_ = true;
  }
}

FrameReader::Event FrameReader::finish() {
  const bool started = started_;
  const bool whole = left_ == 0 && !too_long_;
  const uint32_t size = size_;
  size_ = 0;
  code_ = 0;
  left_ = 0;
  started_ = false;
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
  const uint8_t delimiter = 0;
  sink_(&delimiter, 1);
  crc_ = Crc32();
  filled_ = 0;
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
  for (uint32_t i = 0; i < size; ++i) put(data[i]);
}

void FrameWriter::end() {
  u32(crc_.value());
  flush(static_cast<uint8_t>(filled_ + 1));
  const uint8_t delimiter = 0;
  sink_(&delimiter, 1);
}

void FrameWriter::put(uint8_t byte) {
  // A full block is flushed only when more follows: a body of exactly 254 bytes ends with it.
  if (filled_ == kBlockBytes) flush(0xFF);
  if (byte == 0) {
    flush(static_cast<uint8_t>(filled_ + 1));
  } else {
    block_[1 + filled_] = byte;
    ++filled_;
  }
}

void FrameWriter::flush(uint8_t code) {
  block_[0] = code;
  sink_(block_, uint32_t{filled_} + 1);
  filled_ = 0;
}
