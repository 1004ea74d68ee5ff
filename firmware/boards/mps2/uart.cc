#include "uart.h"

#include "flash_and_eval/core/registers.h"

namespace {

// CMSDK APB UART (Arm DDI 0479, 4.3).
constexpr uint32_t kData = BOARD_UART + 0x0;
constexpr uint32_t kState = BOARD_UART + 0x4;
constexpr uint32_t kControl = BOARD_UART + 0x8;
constexpr uint32_t kInterrupt = BOARD_UART + 0xC;
constexpr uint32_t kBaudDivider = BOARD_UART + 0x10;
constexpr uint32_t kTxFull = 1u << 0;
constexpr uint32_t kRxFull = 1u << 1;
constexpr uint32_t kTxEnable = 1u << 0;
constexpr uint32_t kRxEnable = 1u << 1;
constexpr uint32_t kRxInterruptEnable = 1u << 3;
constexpr uint32_t kRxInterrupt = 1u << 1;

// NVIC (Armv7-M ARM, B3.4), for the UART's receive line.
constexpr uint32_t kNvicWord = BOARD_UART_RX_IRQ / 32 * 4;
constexpr uint32_t kNvicBit = 1u << (BOARD_UART_RX_IRQ % 32);
constexpr uint32_t kNvicEnable = 0xE000E100u + kNvicWord;
constexpr uint32_t kNvicClearPending = 0xE000E280u + kNvicWord;

}  // namespace

namespace uart {

void init() {
  reg(kBaudDivider) = 16;
  reg(kControl) = kTxEnable | kRxEnable | kRxInterruptEnable;
  // Interrupts stay masked: the pending line only ends WFI, and no handler adds instructions to an
  // inference that is being measured.
  asm volatile("cpsid i" ::: "memory");
  reg(kNvicEnable) = kNvicBit;
}

uint32_t read(uint8_t* data, uint32_t capacity) {
  while ((reg(kState) & kRxFull) == 0) {
    asm volatile("wfi" ::: "memory");
    reg(kInterrupt) = kRxInterrupt;
    reg(kNvicClearPending) = kNvicBit;
  }
  uint32_t count = 0;
  while (count < capacity && (reg(kState) & kRxFull) != 0) {
    data[count++] = static_cast<uint8_t>(reg(kData));
    reg(kInterrupt) = kRxInterrupt;
  }
  return count;
}

void write(const uint8_t* data, uint32_t size) {
  for (uint32_t i = 0; i < size; ++i) {
    while ((reg(kState) & kTxFull) != 0) {
    }
    reg(kData) = data[i];
  }
}

}  // namespace uart
