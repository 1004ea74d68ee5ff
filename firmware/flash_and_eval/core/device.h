// The device's side of the protocol: frames in, inferences run, frames out. Knows neither board
// nor engine beyond their seams.
#pragma once

#include <cstdint>

#include "flash_and_eval/core/frames.h"
#include "flash_and_eval/core/sha256.h"

class Device {
 public:
  // `request` holds one decoded frame; `detail` one word for each output of each operator.
  Device(uint8_t* request, uint32_t request_capacity, uint32_t* detail, uint16_t detail_capacity,
         FrameWriter::Sink sink)
      : reader_(request, request_capacity),
        writer_(sink),
        detail_(detail),
        detail_capacity_(detail_capacity),
        request_capacity_(request_capacity) {}

  void start();
  void receive(const uint8_t* data, uint32_t size);
  void log(const char* text);

 private:
  static void note_ticks(void* self, uint16_t position, const uint8_t* output, uint32_t size);
  static void note_crc(void* self, uint16_t position, const uint8_t* output, uint32_t size);
  static void send_output(void* self, uint16_t position, const uint8_t* output, uint32_t size);

  void handle();
  void hello();
  void infer();
  void tensor();
  bool take_input(const uint8_t* input, uint32_t size);
  void begin_model();
  void store_model();
  void end_model();
  void digest_running_model();
  void report(wire::Status status, uint32_t value);
  void refuse(wire::Status status, uint32_t value);

  FrameReader reader_;
  FrameWriter writer_;
  uint32_t* detail_;
  uint16_t detail_capacity_;
  uint32_t last_tick_ = 0;
  bool sent_ = false;  // the output that TENSOR asks for is on its way
  wire::Status engine_status_ = wire::Status::kEngineFailed;
  uint8_t model_digest_[Sha256::kDigestBytes] = {};
  uint32_t request_capacity_;

  // A model on its way into the engine's slot.
  uint32_t incoming_size_ = 0;
  uint8_t incoming_digest_[Sha256::kDigestBytes] = {};
};
