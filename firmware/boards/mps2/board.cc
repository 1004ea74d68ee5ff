// Arm's MPS2 and MPS3 boards as QEMU emulates them: frames through a UART or the emulator's own
// standard input and output, and a counter that, under -icount, counts executed instructions.
#include "flash_and_eval/core/board.h"

#include "flash_and_eval/console.h"
#include "flash_and_eval/core/registers.h"
#include "uart.h"

namespace {

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

// One image for both links: it asks with which it was started.
bool g_by_console = false;

}  // namespace

namespace board {

const char* const kName = FLASH_AND_EVAL_BOARD;

void init() {
  g_by_console = console::is_asked_for();
  if (g_by_console) {
    console::init();
  } else {
    uart::init();
  }
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

// The emulator holds back what cannot be taken yet, so nothing is lost however much is under way;
// the window only bounds how far the host runs ahead: on a pipe, by what that holds.
uint32_t receive_window() { return g_by_console ? 65536 : 4096; }

uint32_t ticks() {
#ifdef BOARD_SSE_COUNTER
  return reg(kCounterValue);
#else
  return 0xFFFFFFFFu - reg(kTimerValue);
#endif
}

uint32_t read(uint8_t* data, uint32_t capacity) {
  return g_by_console ? console::read(data, capacity) : uart::read(data, capacity);
}

void write(const uint8_t* data, uint32_t size) {
  g_by_console ? console::write(data, size) : uart::write(data, size);
}

}  // namespace board
