// Reset: memory set up, constructors run, main called. A fault ends the emulator with a code that
// the host turns into a message. A board that may be real defines BOARD_HALT_BY_LOOP: without a
// debugger the semihosting breakpoint is a fault itself.
#include <cstdint>

#include "flash_and_eval/semihosting.h"

extern "C" {

extern uint32_t __data_load[];
extern uint32_t __data_start[];
extern uint32_t __data_end[];
extern uint32_t __bss_start[];
extern uint32_t __bss_end[];
extern void (*__init_array_start[])();
extern void (*__init_array_end[])();
int main();
void Reset_Handler();
void Fault_Handler();
void Default_Handler();

[[noreturn]] static void leave([[maybe_unused]] uint32_t code) {
#ifndef BOARD_HALT_BY_LOOP
  semihosting::leave(code);
#endif
  for (;;) {
  }
}

// RISC-V takes its address without the two lowest bits.
__attribute__((aligned(4))) void Fault_Handler() { leave(99); }
void Default_Handler() { leave(98); }

void Reset_Handler() {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  // CPACR: full access to CP10 and CP11, the floating-point and vector units.
  *reinterpret_cast<volatile uint32_t*>(0xE000ED88u) |= 0xFu << 20;
  asm volatile("dsb; isb" ::: "memory");
#endif
  const uint32_t* from = __data_load;
  for (uint32_t* to = __data_start; to < __data_end;) *to++ = *from++;
  for (uint32_t* to = __bss_start; to < __bss_end;) *to++ = 0;
  for (auto* init = __init_array_start; init < __init_array_end; ++init) (*init)();
  main();
  leave(0);
}

}  // extern "C"
