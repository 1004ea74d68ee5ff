// Arm's MPS2 and MPS3 boards as QEMU emulates them: a CMSDK UART, polled, and a counter that, under
// -icount, counts executed instructions.
#include "board.h"

namespace {

volatile uint32_t& reg(uint32_t address) {
  return *reinterpret_cast<volatile uint32_t*>(static_cast<uintptr_t>(address));
}

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

#ifdef BOARD_SSE_COUNTER
// SSE-300: system counter, read through system timer 0 (Arm 101773, 3.5 and 3.6).
constexpr uint32_t kCounterControl = BOARD_SSE_COUNTER;
constexpr uint32_t kCounterValue = BOARD_TIMER;
#else
// CMSDK APB timer (Arm DDI 0479, 4.1), counts down.
constexpr uint32_t kTimerControl = BOARD_TIMER + 0x0;
constexpr uint32_t kTimerValue = BOARD_TIMER + 0x4;
constexpr uint32_t kTimerReload = BOARD_TIMER + 0x8;
#endif

}  // namespace

namespace board {

const char* const kName = BOARD_NAME;
// The emulator holds back what the UART cannot take, so nothing is lost however much is under way;
// the window only bounds how far the host runs ahead.
const uint32_t kReceiveWindow = 4096;

void init() {
  reg(kBaudDivider) = 16;
  reg(kControl) = kTxEnable | kRxEnable | kRxInterruptEnable;
  // Interrupts stay masked: the pending line only ends WFI, and no handler adds instructions to an
  // inference that is being measured.
  asm volatile("cpsid i" ::: "memory");
  reg(kNvicEnable) = kNvicBit;
#ifdef BOARD_SSE_COUNTER
  reg(kCounterControl) = 1;
#else
  reg(kTimerReload) = 0xFFFFFFFFu;
  reg(kTimerValue) = 0xFFFFFFFFu;
  reg(kTimerControl) = 1;
#endif
}

// QEMU's virtual clock advances 128 ns an instruction (-icount shift=7); the counter runs at
// BOARD_CLOCK_MHZ, so a tick is 1000 / (128 · MHz) instructions.
Clock clock() { return {wire::TickUnit::kInstructions, 0, 1000, 128 * BOARD_CLOCK_MHZ}; }

uint32_t ticks() {
#ifdef BOARD_SSE_COUNTER
  return reg(kCounterValue);
#else
  return 0xFFFFFFFFu - reg(kTimerValue);
#endif
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

}  // namespace board
