// Nordic nRF52840 on bare metal, with the pins of the Arduino Nano 33 BLE: the legacy UART, polled.
// Sections are those of the nRF52840 Product Specification, v1.1.
#include "flash_and_eval/core/board.h"

#include "flash_and_eval/core/registers.h"

namespace {

// CLOCK (5.4.3). The crystal: a UART needs a better clock than the RC oscillator is.
constexpr uint32_t kHfclkStart = 0x40000000u;
constexpr uint32_t kHfclkStarted = 0x40000100u;

// NVMC (4.3.6). After reset the instruction cache is off, and flash has wait states.
constexpr uint32_t kCacheConfig = 0x4001E540u;
constexpr uint32_t kCacheEnable = 1u << 0;

// GPIO (6.9.2), port 1. On the Nano's header TX is P1.03 and RX is P1.10.
constexpr uint32_t kPort1OutSet = 0x50000808u;
constexpr uint32_t kPort1DirSet = 0x50000818u;
constexpr uint32_t kTxPin = 3;
constexpr uint32_t kRxPin = 10;
constexpr uint32_t kRxPinConfig = 0x50000A00u + 4 * kRxPin;
constexpr uint32_t kInputWithPullUp = 3u << 2;  // an open line stays idle and is no noise
constexpr uint32_t kPselPort1 = 1u << 5;

// UART (6.33.10), the one without EasyDMA: Renode's UARTE takes one byte per transfer.
constexpr uint32_t kStartRx = 0x40002000u;
constexpr uint32_t kStartTx = 0x40002008u;
constexpr uint32_t kRxReady = 0x40002108u;
constexpr uint32_t kTxReady = 0x4000211Cu;
constexpr uint32_t kUartEnable = 0x40002500u;
constexpr uint32_t kPselTxd = 0x4000250Cu;
constexpr uint32_t kPselRxd = 0x40002514u;
constexpr uint32_t kRxd = 0x40002518u;
constexpr uint32_t kTxd = 0x4000251Cu;
constexpr uint32_t kBaudRate = 0x40002524u;
constexpr uint32_t kConfig = 0x4000256Cu;
constexpr uint32_t kUartEnabled = 4;
constexpr uint32_t kBaud115200 = 0x01D7E000u;

// DWT (Armv7-M ARM, C1.8), the core's cycle counter.
constexpr uint32_t kDemcr = 0xE000EDFCu;
constexpr uint32_t kTraceEnable = 1u << 24;
constexpr uint32_t kDwtControl = 0xE0001000u;
constexpr uint32_t kDwtCycles = 0xE0001004u;
constexpr uint32_t kCycleCountEnable = 1u << 0;

// TIMER1 (6.30.4), 32 bits at 16 MHz / 2^4.
constexpr uint32_t kTimerStart = 0x40009000u;
constexpr uint32_t kTimerCapture = 0x40009040u;
constexpr uint32_t kTimerMode = 0x40009504u;
constexpr uint32_t kTimerBits = 0x40009508u;
constexpr uint32_t kTimerPrescaler = 0x40009510u;
constexpr uint32_t kTimerCaptured = 0x40009540u;
constexpr uint32_t kTimer32Bits = 3;

// UICR.CUSTOMER (4.5.1) can be read on every chip and is all ones on an erased one. The emulators
// that the host starts (host/targets/) show a mark here, and behind it what no chip has: a counter
// of executed instructions. So the image, which is the same everywhere, can tell that whatever else
// counts there is derived from instructions, and is neither cycles nor time.
constexpr uint32_t kMark0 = 0x10001080u;
constexpr uint32_t kMark1 = 0x10001084u;
constexpr uint32_t kExecuted = 0x10001088u;
constexpr uint32_t kEmulated0 = 0x4C554D45u;  // "EMUL"
constexpr uint32_t kEmulated1 = 0x524F5441u;  // "ATOR"

enum class Source : uint8_t { kNone, kInstructions, kCycles, kMicroseconds };

Source g_source = Source::kNone;

uint32_t read_source(Source source) {
  switch (source) {
    case Source::kInstructions:
      return reg(kExecuted);
    case Source::kCycles:
      return reg(kDwtCycles);
    case Source::kMicroseconds:
      reg(kTimerCapture) = 1;
      return reg(kTimerCaptured);
    case Source::kNone:
      break;
  }
  return 0;
}

// A counter that is locked, not powered or not emulated reads the same for ever. Long enough for
// the microseconds to move.
bool counts(Source source) {
  const uint32_t begin = read_source(source);
  for (uint32_t i = 0; i < 1000; ++i) {
    if (read_source(source) != begin) return true;
  }
  return false;
}

Source find_source() {
  if (reg(kMark0) == kEmulated0 && reg(kMark1) == kEmulated1) {
    return counts(Source::kInstructions) ? Source::kInstructions : Source::kNone;
  }
  reg(kDemcr) = reg(kDemcr) | kTraceEnable;
  reg(kDwtControl) = reg(kDwtControl) | kCycleCountEnable;
  if (counts(Source::kCycles)) return Source::kCycles;
  reg(kTimerMode) = 0;
  reg(kTimerBits) = kTimer32Bits;
  reg(kTimerPrescaler) = 4;
  reg(kTimerStart) = 1;
  return counts(Source::kMicroseconds) ? Source::kMicroseconds : Source::kNone;
}

}  // namespace

namespace board {

const char* const kName = "nrf52840";  // the same image runs in every emulator

void init() {
  reg(kHfclkStarted) = 0;
  reg(kHfclkStart) = 1;
  while (reg(kHfclkStarted) == 0) {
  }
  reg(kCacheConfig) = kCacheEnable;

  // 6.33.2: the pins' own state is what the line sees while the UART is off. Idle is high.
  reg(kPort1OutSet) = 1u << kTxPin;
  reg(kPort1DirSet) = 1u << kTxPin;
  reg(kRxPinConfig) = kInputWithPullUp;
  reg(kPselTxd) = kPselPort1 | kTxPin;
  reg(kPselRxd) = kPselPort1 | kRxPin;
  reg(kBaudRate) = kBaud115200;
  reg(kConfig) = 0;  // no flow control, no parity, one stop bit
  reg(kUartEnable) = kUartEnabled;
  reg(kStartTx) = 1;
  reg(kStartRx) = 1;

  g_source = find_source();
}

Clock clock() {
  switch (g_source) {
    case Source::kInstructions:
      return {wire::TickUnit::kInstructions, 0, 1, 1};
    case Source::kCycles:
      return {wire::TickUnit::kCycles, 64000000, 1, 1};
    case Source::kMicroseconds:
      return {wire::TickUnit::kMicroseconds, 1000000, 1, 1};
    case Source::kNone:
      break;
  }
  return {wire::TickUnit::kInstructions, 0, 1, 1};  // all of them 0: says nothing about time
}

// The receiver's FIFO (6.33.5). Nobody empties it while the model computes, so the host, which may
// always send one request, sends none ahead.
uint32_t receive_window() { return 6; }

uint32_t ticks() { return read_source(g_source); }

uint32_t read(uint8_t* data, uint32_t capacity) {
  while (reg(kRxReady) == 0) {
  }
  uint32_t count = 0;
  while (count < capacity && reg(kRxReady) != 0) {
    // 6.33.5: reading RXD brings the next byte and its event, so the event is cleared before.
    reg(kRxReady) = 0;
    data[count++] = static_cast<uint8_t>(reg(kRxd));
  }
  return count;
}

void write(const uint8_t* data, uint32_t size) {
  for (uint32_t i = 0; i < size; ++i) {
    reg(kTxReady) = 0;
    reg(kTxd) = data[i];
    while (reg(kTxReady) == 0) {
    }
  }
}

}  // namespace board
