// Generated from host/wire/spec.py by `python -m host.wire.spec`. Do not edit.
#pragma once

#include <cstdint>

namespace wire {

inline constexpr uint16_t kProtocolVersion = 3;
inline constexpr uint32_t kMaxRank = 6;
inline constexpr uint32_t kFrameHeaderBytes = 3;
inline constexpr uint32_t kFrameCrcBytes = 4;
inline constexpr uint32_t kInferHeaderBytes = 5;
inline constexpr uint32_t kTensorHeaderBytes = 6;
inline constexpr uint8_t kProtocolHash[8] = {0x6c, 0x13, 0x78, 0xe5, 0x89, 0x92, 0xc4, 0x40};

enum class MessageType : uint8_t {
  kHello = 1,
  kInfer = 2,
  kModelBegin = 3,
  kModelData = 4,
  kModelEnd = 5,
  kTensor = 6,
  kHelloReply = 129,
  kInferReply = 130,
  kModelReply = 131,
  kTensorReply = 132,
  kLog = 144,
  kStarted = 145,
  kRefused = 159,
};

enum class Status : uint8_t {
  kOk = 0,
  kDamagedFrame = 1,
  kUnknownType = 2,
  kBadLength = 3,
  kBadMode = 4,
  kEngineFailed = 5,
  kArenaTooSmall = 6,
  kModelTooLarge = 7,
  kModelDamaged = 8,
  kModelUnfit = 9,
  kBadPosition = 10,
};

enum class InferMode : uint8_t {
  kPlain = 0,
  kTicks = 1,
  kCrcs = 2,
};

enum class TensorType : uint8_t {
  kFloat32 = 0,
  kInt32 = 2,
  kUint8 = 3,
  kInt16 = 7,
  kInt8 = 9,
};

enum class TickUnit : uint8_t {
  kCycles = 0,
  kInstructions = 1,
  kMicroseconds = 2,
};

// Payloads:
// HELLO:
// HELLO_REPLY:
//   protocol_version u16
//   protocol_hash bytes8
//   status u8
//   model_digest bytes32
//   tick_unit u8
//   tick_rate u32
//   tick_numerator u16
//   tick_denominator u16
//   arena_reserved u32
//   arena_used u32
//   arena_planned u32
//   model_slot u32
//   max_payload u32
//   receive_window u32
//   operators u16
//   board string
//   engine string
//   engine_version string
//   compiler string
//   inputs tensors
//   outputs tensors
// INFER:
//   mode u8
//   sample u32
//   input rest
// INFER_REPLY:
//   status u8
//   model u32
//   sample u32
//   input_crc u32
//   ticks u32
//   detail words
//   output rest
// MODEL_BEGIN:
//   size u32
//   digest bytes32
// MODEL_DATA:
//   offset u32
//   data rest
// MODEL_END:
// MODEL_REPLY:
//   status u8
//   value u32
// TENSOR:
//   position u16
//   sample u32
//   input rest
// TENSOR_REPLY:
//   model u32
//   sample u32
//   input_crc u32
//   data rest
// LOG:
//   text rest
// STARTED:
// REFUSED:
//   status u8
//   value u32

}  // namespace wire
