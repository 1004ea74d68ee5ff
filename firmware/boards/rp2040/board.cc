// Raspberry Pi's RP2040 as rp2040js emulates it: frames through UART0, cycles from the emulator. It
// starts at once, as no boot ROM does, and with every clock running. Sections are those of the
// RP2040 datasheet.
#include "flash_and_eval/core/board.h"

#include "flash_and_eval/core/registers.h"

namespace {

// UART (4.2.8).
constexpr uint32_t kData = 0x40034000u;
constexpr uint32_t kFlags = 0x40034018u;
constexpr uint32_t kLineControl = 0x4003402Cu;
constexpr uint32_t kControl = 0x40034030u;
constexpr uint32_t kRxEmpty = 1u << 4;
constexpr uint32_t kTxFull = 1u << 5;
constexpr uint32_t kEightBitsWithFifo = 3u << 5 | 1u << 4;
constexpr uint32_t kEnable = 1u << 0 | 1u << 8 | 1u << 9;  // with both directions

// What no chip has: the emulator's sum of the cycles of all instructions (targets/node/uart.js).
constexpr uint32_t kCycles = 0x40070000u;

}  // namespace

namespace board {

const char* const kName = FLASH_AND_EVAL_BOARD;

void init() {
  reg(kLineControl) = kEightBitsWithFifo;
  reg(kControl) = kEnable;
}

Clock clock() { return {wire::TickUnit::kEmulatedCycles, 0, 1, 1}; }

// The emulator holds back what the FIFO cannot take; this only bounds how far the host runs ahead.
uint32_t receive_window() { return 4096; }

uint32_t ticks() { return reg(kCycles); }

uint32_t read(uint8_t* data, uint32_t capacity) {
  // The emulator wakes the core when it has filled the FIFO.
  while ((reg(kFlags) & kRxEmpty) != 0) asm volatile("wfe" ::: "memory");
  uint32_t count = 0;
  while (count < capacity && (reg(kFlags) & kRxEmpty) == 0) {
    data[count++] = static_cast<uint8_t>(reg(kData));
  }
  return count;
}

void write(const uint8_t* data, uint32_t size) {
  for (uint32_t i = 0; i < size; ++i) {
    while ((reg(kFlags) & kTxFull) != 0) {
    }
    reg(kData) = data[i];
  }
}

}  // namespace board
