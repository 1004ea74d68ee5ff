#include "flash_and_eval/core/device.h"

#include <cstring>

#include "flash_and_eval/core/board.h"
#include "flash_and_eval/core/engine.h"
#include "flash_and_eval/core/float_abi.h"
#include "flash_and_eval/core/sha256.h"

namespace {

uint16_t load_u16(const uint8_t* p) { return static_cast<uint16_t>(p[0] | (p[1] << 8)); }

uint32_t load_u32(const uint8_t* p) {
  return uint32_t{p[0]} | (uint32_t{p[1]} << 8) | (uint32_t{p[2]} << 16) | (uint32_t{p[3]} << 24);
}

void write_tensor(FrameWriter& writer, const engine::TensorInfo& info) {
  writer.u8(static_cast<uint8_t>(info.type));
  writer.u8(info.rank);
  for (uint8_t i = 0; i < info.rank; ++i) writer.u32(info.shape[i]);
  writer.f32(info.scale);
  writer.i32(info.zero_point);
}

}  // namespace

void Device::start() {
  engine_status_ = engine::init();
  digest_running_model();
  writer_.begin(wire::MessageType::kStarted, 0);
  writer_.end();
}

void Device::digest_running_model() {
  Sha256 hash;
  engine::digest_model(hash);
  hash.finish(model_digest_);
}

void Device::receive(const uint8_t* data, uint32_t size) {
  const uint8_t* const end = data + size;
  while (data != end) {
    switch (reader_.push(&data, end)) {
      case FrameReader::Event::kNone:
        break;
      case FrameReader::Event::kFrame:
        handle();
        break;
      case FrameReader::Event::kDamaged:
        writer_.begin(wire::MessageType::kRefused, 0);
        writer_.u8(static_cast<uint8_t>(wire::Status::kDamagedFrame));
        writer_.u32(0);
        writer_.end();
        break;
    }
  }
}

void Device::log(const char* text) {
  writer_.begin(wire::MessageType::kLog, 0);
  writer_.bytes(reinterpret_cast<const uint8_t*>(text), static_cast<uint32_t>(std::strlen(text)));
  writer_.end();
}

void Device::handle() {
  switch (static_cast<wire::MessageType>(reader_.type())) {
    case wire::MessageType::kHello:
      hello();
      break;
    case wire::MessageType::kInfer:
      infer();
      break;
    case wire::MessageType::kTensor:
      tensor();
      break;
    case wire::MessageType::kModelBegin:
      begin_model();
      break;
    case wire::MessageType::kModelData:
      store_model();
      break;
    case wire::MessageType::kModelEnd:
      end_model();
      break;
    default:
      refuse(wire::Status::kUnknownType, reader_.type());
      break;
  }
}

void Device::refuse(wire::Status status, uint32_t value) {
  writer_.begin(wire::MessageType::kRefused, reader_.sequence());
  writer_.u8(static_cast<uint8_t>(status));
  writer_.u32(value);
  writer_.end();
}

void Device::hello() {
  if (engine_status_ != wire::Status::kOk) log(engine::message());
  board::Clock clock = board::clock();
#ifdef FLASH_AND_EVAL_EMULATED_MHZ
  // The board cannot know that its microseconds are cycles that an emulator has added up.
  clock = {wire::TickUnit::kEmulatedCycles, 0, FLASH_AND_EVAL_EMULATED_MHZ, 1};
#endif
  writer_.begin(wire::MessageType::kHelloReply, reader_.sequence());
  writer_.u16(wire::kProtocolVersion);
  writer_.bytes(wire::kProtocolHash, sizeof(wire::kProtocolHash));
  writer_.u8(static_cast<uint8_t>(engine_status_));
  writer_.bytes(model_digest_, sizeof(model_digest_));
  writer_.u8(static_cast<uint8_t>(clock.unit));
  writer_.u32(clock.rate);
  writer_.u16(clock.numerator);
  writer_.u16(clock.denominator);
  writer_.u32(engine::arena_reserved());
  writer_.u32(engine::arena_used());
  writer_.u32(engine::arena_planned());
  writer_.u32(engine::model_slot().size);
  writer_.u32(request_capacity_ - wire::kFrameHeaderBytes - wire::kFrameCrcBytes);
  writer_.u32(board::receive_window());
  writer_.u16(engine::operator_count());
  writer_.string(board::kName);
  writer_.string(engine::kName);
  writer_.string(engine::kVersion);
  writer_.string("gcc " __VERSION__);
  writer_.u8(engine::input_count());
  for (uint8_t i = 0; i < engine::input_count(); ++i) {
    write_tensor(writer_, engine::input_info(i));
  }
  writer_.u8(engine::output_count());
  for (uint8_t i = 0; i < engine::output_count(); ++i) {
    write_tensor(writer_, engine::output_info(i));
  }
  writer_.end();
}

void Device::note_ticks(void* self, uint16_t position, const uint8_t*, uint32_t) {
  Device& device = *static_cast<Device*>(self);
  const uint32_t now = board::ticks();
  if (position < device.detail_capacity_) device.detail_[position] = now - device.last_tick_;
  device.last_tick_ = board::ticks();  // the bookkeeping above belongs to no operator
}

void Device::note_crc(void* self, uint16_t position, const uint8_t* output, uint32_t size) {
  Device& device = *static_cast<Device*>(self);
  if (position < device.detail_capacity_) device.detail_[position] = crc32(output, size);
}

// Sends the output straight out of the arena, while the model waits: a later operator may overwrite
// it, and there is no memory for a copy.
void Device::send_output(void* self, uint16_t position, const uint8_t* output, uint32_t size) {
  Device& device = *static_cast<Device*>(self);
  const uint8_t* payload = device.reader_.payload();
  if (position != load_u16(payload)) return;
  const uint32_t input_size = device.reader_.payload_size() - wire::kTensorHeaderBytes;
  FrameWriter& writer = device.writer_;
  writer.begin(wire::MessageType::kTensorReply, device.reader_.sequence());
  writer.u32(load_u32(device.model_digest_));
  writer.u32(load_u32(payload + sizeof(position)));
  writer.u32(crc32(payload + wire::kTensorHeaderBytes, input_size));
  writer.bytes(output, size);
  writer.end();
  device.sent_ = true;
}

void Device::tensor() {
  const uint8_t* payload = reader_.payload();
  if (reader_.payload_size() < wire::kTensorHeaderBytes) {
    return refuse(wire::Status::kBadLength, reader_.payload_size());
  }
  if (load_u16(payload) >= engine::operator_count()) {
    return refuse(wire::Status::kBadPosition, engine::operator_count());
  }
  if (!take_input(payload + wire::kTensorHeaderBytes,
                  reader_.payload_size() - wire::kTensorHeaderBytes)) {
    return;
  }
  sent_ = false;
  const wire::Status status = engine::invoke(send_output, this);
  if (sent_) return;
  // The run ended before it came to that output.
  refuse(status == wire::Status::kOk ? wire::Status::kBadPosition : status, load_u16(payload));
}

// Copies a request's input to where the engine wants it; or refuses the request.
bool Device::take_input(const uint8_t* input, uint32_t size) {
  if (engine_status_ != wire::Status::kOk) {
    refuse(engine_status_, engine::arena_used());
    return false;
  }
  uint32_t expected = 0;
  for (uint8_t i = 0; i < engine::input_count(); ++i) expected += engine::input(i).size;
  if (size != expected) {
    refuse(wire::Status::kBadLength, size);
    return false;
  }
  for (uint8_t i = 0; i < engine::input_count(); ++i) {
    const engine::Bytes to = engine::input(i);
    std::memcpy(to.data, input, to.size);
    input += to.size;
  }
  return true;
}

void Device::infer() {
  const uint8_t* payload = reader_.payload();
  if (reader_.payload_size() < wire::kInferHeaderBytes) {
    return refuse(wire::Status::kBadLength, reader_.payload_size());
  }
  const auto mode = static_cast<wire::InferMode>(payload[0]);
  const uint32_t sample = load_u32(payload + 1);
  const uint8_t* input = payload + wire::kInferHeaderBytes;
  const uint32_t input_size = reader_.payload_size() - wire::kInferHeaderBytes;

  engine::OperatorHook hook = nullptr;
  if (mode == wire::InferMode::kTicks) {
    hook = note_ticks;
  } else if (mode == wire::InferMode::kCrcs) {
    hook = note_crc;
  } else if (mode != wire::InferMode::kPlain) {
    return refuse(wire::Status::kBadMode, payload[0]);
  }
  if (!take_input(input, input_size)) return;

  const uint32_t begin = board::ticks();
  last_tick_ = begin;
  const wire::Status status = engine::invoke(hook, this);
  const uint32_t ticks = board::ticks() - begin;

  const uint16_t count = engine::operator_count();
  const uint16_t details =
      hook == nullptr ? uint16_t{0} : (count < detail_capacity_ ? count : detail_capacity_);
  writer_.begin(wire::MessageType::kInferReply, reader_.sequence());
  writer_.u8(static_cast<uint8_t>(status));
  writer_.u32(load_u32(model_digest_));
  writer_.u32(sample);
  writer_.u32(crc32(input, input_size));
  writer_.u32(ticks);
  writer_.u16(details);
  for (uint16_t i = 0; i < details; ++i) writer_.u32(detail_[i]);
  for (uint8_t i = 0; i < engine::output_count(); ++i) {
    const engine::Bytes out = engine::output(i);
    writer_.bytes(out.data, out.size);
  }
  writer_.end();
}

void Device::report(wire::Status status, uint32_t value) {
  writer_.begin(wire::MessageType::kModelReply, reader_.sequence());
  writer_.u8(static_cast<uint8_t>(status));
  writer_.u32(value);
  writer_.end();
}

void Device::begin_model() {
  constexpr uint32_t kPayload = sizeof(uint32_t) + Sha256::kDigestBytes;
  if (reader_.payload_size() != kPayload) {
    return refuse(wire::Status::kBadLength, reader_.payload_size());
  }
  const uint32_t size = load_u32(reader_.payload());
  if (size > engine::model_slot().size) {
    return report(wire::Status::kModelTooLarge, engine::model_slot().size);
  }
  incoming_size_ = size;
  std::memcpy(incoming_digest_, reader_.payload() + sizeof(uint32_t), Sha256::kDigestBytes);
  report(wire::Status::kOk, size);
}

void Device::store_model() {
  constexpr uint32_t kHeader = sizeof(uint32_t);
  if (reader_.payload_size() < kHeader) {
    return refuse(wire::Status::kBadLength, reader_.payload_size());
  }
  const uint32_t offset = load_u32(reader_.payload());
  const uint32_t size = reader_.payload_size() - kHeader;
  if (offset > incoming_size_ || size > incoming_size_ - offset) {
    return refuse(wire::Status::kBadLength, offset);
  }
  std::memcpy(engine::model_slot().data + offset, reader_.payload() + kHeader, size);
  report(wire::Status::kOk, offset);
}

void Device::end_model() {
  // A repeated request finds the model that the first one loaded.
  if (std::memcmp(incoming_digest_, model_digest_, Sha256::kDigestBytes) == 0) {
    return report(wire::Status::kOk, 0);
  }
  Sha256 hash;
  hash.update(engine::model_slot().data, incoming_size_);
  uint8_t digest[Sha256::kDigestBytes];
  hash.finish(digest);
  if (incoming_size_ == 0 || std::memcmp(digest, incoming_digest_, sizeof(digest)) != 0) {
    return report(wire::Status::kModelDamaged, incoming_size_);
  }
  const wire::Status status = engine::load_model(incoming_size_);
  incoming_size_ = 0;
  if (status == wire::Status::kOk) {
    engine_status_ = status;
  } else {
    log(engine::message());
  }
  digest_running_model();
  report(status, engine::arena_used());
}
