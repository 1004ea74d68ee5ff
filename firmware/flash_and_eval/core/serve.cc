#include "flash_and_eval/core/serve.h"

#include <cstdint>

#include "flash_and_eval/config.h"
#include "flash_and_eval/core/board.h"
#include "flash_and_eval/core/device.h"

namespace {

constexpr uint32_t kRequestBytes =
    wire::kFrameHeaderBytes + config::kRequestPayloadBytes + wire::kFrameCrcBytes;

// A read may cost as much as decoding some hundred bytes (semihosting), and stacks are small.
constexpr uint32_t kChunkBytes = 256;

alignas(8) uint8_t g_request[kRequestBytes];
uint32_t g_detail[config::kOperators];
Device g_device(g_request, kRequestBytes, g_detail, config::kOperators, board::write);

}  // namespace

void serve() {
  board::init();
  g_device.start();
  uint8_t chunk[kChunkBytes];
  for (;;) {
    const uint32_t size = board::read(chunk, sizeof(chunk));
    g_device.receive(chunk, size);
  }
}
