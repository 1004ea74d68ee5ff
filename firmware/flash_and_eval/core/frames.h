// Frames: COBS between zero bytes, a type, a sequence number, a CRC-32. See docs/protocol.md.
#pragma once

#include <cstdint>

#include "flash_and_eval/core/crc32.h"
#include "flash_and_eval/core/wire_spec.h"

// Decodes a stream, in pieces of any size, into a buffer of the caller's.
class FrameReader {
 public:
  enum class Event : uint8_t { kNone, kFrame, kDamaged };

  FrameReader(uint8_t* buffer, uint32_t capacity) : buffer_(buffer), capacity_(capacity) {}

  // Takes bytes from `*next` on, up to `end` or to the end of a frame, and moves `*next` behind
  // them. After kFrame, the frame is there until the next call.
  Event push(const uint8_t** next, const uint8_t* end);

  uint8_t type() const { return buffer_[0]; }
  uint16_t sequence() const { return static_cast<uint16_t>(buffer_[1] | (buffer_[2] << 8)); }
  const uint8_t* payload() const { return buffer_ + wire::kFrameHeaderBytes; }
  uint32_t payload_size() const { return payload_size_; }

 private:
  void begin_block(uint8_t code);
  void make_room();
  Event finish();

  uint8_t* buffer_;
  uint32_t capacity_;
  uint32_t size_ = 0;
  uint32_t payload_size_ = 0;
  uint8_t code_ = 0;       // code of the current COBS block, 0 before the first
  uint8_t left_ = 0;       // bytes left in the block
  bool too_long_ = false;  // the frame does not fit: wait for the delimiter
};

// Encodes one frame at a time while it is written; needs no buffer for the whole. A frame that fits
// its buffer reaches the sink in one piece: where a write costs, that is the cheapest.
class FrameWriter {
 public:
  using Sink = void (*)(const uint8_t* data, uint32_t size);

  explicit FrameWriter(Sink sink) : sink_(sink) {}

  void begin(wire::MessageType type, uint16_t sequence);
  void u8(uint8_t value) { bytes(&value, 1); }
  void u16(uint16_t value);
  void u32(uint32_t value);
  void i32(int32_t value) { u32(static_cast<uint32_t>(value)); }
  void f32(float value);
  void string(const char* text);  // at most 255 bytes of it
  void bytes(const uint8_t* data, uint32_t size);
  void end();

 private:
  static constexpr uint32_t kBlockBytes = 254;
  static constexpr uint32_t kBufferBytes = 1 + (1 + kBlockBytes) + 1;  // a block, the delimiters

  void begin_block();
  void end_block(uint8_t code);
  void make_room();

  Sink sink_;
  Crc32 crc_;
  uint32_t filled_ = 0;
  uint32_t code_at_ = 0;  // where the code of the open block will stand
  uint8_t buffer_[kBufferBytes] = {};
};
