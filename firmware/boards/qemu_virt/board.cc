// QEMU's RISC-V board "virt": frames through its UART or the emulator's own standard input and
// output, and a clock that, under -icount, counts executed instructions.
#include "flash_and_eval/core/board.h"

#include "flash_and_eval/console.h"
#include "flash_and_eval/core/registers.h"

namespace {

// NS16550A, registers of one byte.
constexpr uint32_t kUart = 0x10000000u;
constexpr uint32_t kData = 0;
constexpr uint32_t kInterruptEnable = 1;
constexpr uint32_t kFifoControl = 2;
constexpr uint32_t kLineStatus = 5;
constexpr uint8_t kReceived = 1u << 0;
constexpr uint8_t kFifoOf14 = 0xC1;
constexpr uint8_t kTransmitterEmpty = 1u << 5;

// PLIC (RISC-V Platform-Level Interrupt Controller Specification, 1.0), for hart 0 in machine mode.
constexpr uint32_t kUartIrq = 10;
constexpr uint32_t kPriority = 0x0C000000u + 4 * kUartIrq;
constexpr uint32_t kEnable = 0x0C002000u;
constexpr uint32_t kClaim = 0x0C200004u;
constexpr uint32_t kExternalInterrupt = 1u << 11;  // of mie

// Goldfish RTC: nanoseconds; reading the low word holds the high one.
constexpr uint32_t kTimeLow = 0x00101000u;
constexpr uint32_t kTimeHigh = 0x00101004u;

// One image for both links: it asks with which it was started.
bool g_by_console = false;

volatile uint8_t& uart(uint32_t offset) {
  return *reinterpret_cast<volatile uint8_t*>(kUart + offset);
}

}  // namespace

namespace board {

const char* const kName = FLASH_AND_EVAL_BOARD;

void init() {
  g_by_console = console::is_asked_for();
  if (g_by_console) {
    console::init();
    return;
  }
  uart(kFifoControl) = kFifoOf14;
  uart(kInterruptEnable) = kReceived;
  // Interrupts stay masked: a pending one only ends WFI.
  reg(kPriority) = 1;
  reg(kEnable) = 1u << kUartIrq;
  asm volatile("csrs mie, %0" ::"r"(kExternalInterrupt));
}

// QEMU's virtual clock advances 128 ns an instruction (-icount shift=7); the RTC shows that clock
// (-rtc clock=vm).
Clock clock() { return {wire::TickUnit::kInstructions, 0, 1, 1}; }

uint32_t ticks() {
  const uint32_t low = reg(kTimeLow);
  return reg(kTimeHigh) << 25 | low >> 7;
}

// The emulator holds back what cannot be taken yet; see boards/mps2.
uint32_t receive_window() { return g_by_console ? 65536 : 4096; }

uint32_t read(uint8_t* data, uint32_t capacity) {
  if (g_by_console) return console::read(data, capacity);
  while ((uart(kLineStatus) & kReceived) == 0) {
    asm volatile("wfi" ::: "memory");
    reg(kClaim) = reg(kClaim);  // claimed, and done with
  }
  uint32_t count = 0;
  while (count < capacity && (uart(kLineStatus) & kReceived) != 0) data[count++] = uart(kData);
  return count;
}

void write(const uint8_t* data, uint32_t size) {
  if (g_by_console) return console::write(data, size);
  for (uint32_t i = 0; i < size; ++i) {
    while ((uart(kLineStatus) & kTransmitterEmpty) == 0) {
    }
    uart(kData) = data[i];
  }
}

}  // namespace board
