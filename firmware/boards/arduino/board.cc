// Any board with an Arduino core: Serial for the frames, the core's own main() for the start. Which
// board it is stands in the env, not here.
#include "flash_and_eval/core/board.h"

// Our warnings are not for a core's headers.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#include <Arduino.h>
#pragma GCC diagnostic pop

#include "flash_and_eval/config.h"
#include "flash_and_eval/core/serve.h"

namespace {

uint32_t now_us() { return static_cast<uint32_t>(micros()); }

// The processor's cycle counter, where there is one: how it is started and read, and its clock.
#if defined(ARDUINO_ARCH_ESP32)

void start_cycles() {}
uint32_t cycles() { return ESP.getCycleCount(); }
uint32_t clock_hz() { return getCpuFrequencyMhz() * 1000000; }

#elif defined(__ARM_ARCH) && __ARM_ARCH >= 7

// Armv7-M ARM, C1.6.5 and C1.8.
constexpr uint32_t kDebugMonitor = 0xE000EDFCu;
constexpr uint32_t kTraceEnable = 1u << 24;
constexpr uint32_t kDwtControl = 0xE0001000u;
constexpr uint32_t kCountCycles = 1u << 0;
constexpr uint32_t kDwtCycles = 0xE0001004u;

volatile uint32_t& reg(uint32_t address) {
  return *reinterpret_cast<volatile uint32_t*>(static_cast<uintptr_t>(address));
}

void start_cycles() {
  reg(kDebugMonitor) |= kTraceEnable;
  reg(kDwtControl) |= kCountCycles;
}

uint32_t cycles() { return reg(kDwtCycles); }

// ArduinoCore-mbed has no F_CPU. Where CMSIS is, its variable tells.
#ifdef __CORTEX_M
uint32_t clock_hz() { return SystemCoreClock; }
#else
uint32_t clock_hz() { return static_cast<uint32_t>(F_CPU); }
#endif

#else  // Armv6-M has none

void start_cycles() {}
uint32_t cycles() { return 0; }
uint32_t clock_hz() { return 0; }

#endif

// The counter is optional in silicon, can be locked by a debugger, and the clock is what the core
// says. So it is believed only if it ran at that rate, to one part in sixteen, while micros() went
// on.
bool cycles_are_counted() {
  constexpr uint32_t kProbeMicroseconds = 5000;
  start_cycles();
  const uint32_t begin_us = now_us();
  const uint32_t begin = cycles();
  uint32_t passed_us = 0;
  while (passed_us < kProbeMicroseconds) passed_us = now_us() - begin_us;
  const uint32_t counted = cycles() - begin;
  const uint32_t expected = passed_us * (clock_hz() / 1000000);
  return counted > expected - expected / 16 && counted < expected + expected / 16;
}

bool g_in_cycles = false;

// Only what the core's receive buffer holds by itself while an inference runs.
#if defined(ARDUINO_ARCH_ESP32)
constexpr uint32_t kReceiveBuffer = 1024;  // it is as large as we say
#elif defined(SERIAL_RX_BUFFER_SIZE)
constexpr uint32_t kReceiveBuffer = SERIAL_RX_BUFFER_SIZE - 1;  // STM32's UART: the rest is lost
#else
// ArduinoCore-mbed's USB CDC: beyond that it makes the host wait, and is known to lose packets then
// (arduino/ArduinoCore-mbed #129).
constexpr uint32_t kReceiveBuffer = 256;
#endif

// Replies are gathered: a write() is a USB transfer, and the core's pieces have any size. One byte
// less than a full-speed packet, since only a short packet ends a transfer at once on the host.
constexpr uint32_t kPacketBytes = 63;
uint8_t g_packet[kPacketBytes];
uint32_t g_filled = 0;

void flush() {
  // Nothing is taken while nobody has the port open. That host is gone; the next one asks anew.
  if (g_filled > 0) Serial.write(g_packet, g_filled);
  g_filled = 0;
}

}  // namespace

namespace board {

// BOARD_NAME is taken: several cores define it.
const char* const kName = FLASH_AND_EVAL_BOARD;

void init() {
#ifdef ARDUINO_ARCH_ESP32
  Serial.setRxBufferSize(kReceiveBuffer);
#endif
  Serial.begin(config::kBaudRate);
  g_in_cycles = cycles_are_counted();
}

Clock clock() {
  if (g_in_cycles) return {wire::TickUnit::kCycles, clock_hz(), 1, 1};
  return {wire::TickUnit::kMicroseconds, 1000000, 1, 1};
}

uint32_t receive_window() { return kReceiveBuffer; }

uint32_t ticks() { return g_in_cycles ? cycles() : now_us(); }

uint32_t read(uint8_t* data, uint32_t capacity) {
  flush();
  while (Serial.available() <= 0) yield();  // mbed's threads serve the 1200-bps touch meanwhile
  uint32_t count = 0;
  while (count < capacity && Serial.available() > 0) {
    data[count++] = static_cast<uint8_t>(Serial.read());
  }
  return count;
}

void write(const uint8_t* data, uint32_t size) {
  for (uint32_t i = 0; i < size; ++i) {
    g_packet[g_filled++] = data[i];
    if (g_filled == kPacketBytes) flush();
  }
}

}  // namespace board

void setup() { serve(); }
void loop() {}
