// Calls to whatever watches over the processor, here the emulator (Arm IHI 0105; RISC-V
// Semihosting, 1.0).
#pragma once

#include <cstdint>

namespace semihosting {

enum class Operation : uint32_t {
  kOpen = 0x01,
  kWrite = 0x05,
  kRead = 0x06,
  kGetCommandLine = 0x15,
  kExitExtended = 0x20,
};

// `block`: the operation's arguments, a word each.
inline uint32_t call(Operation operation, const volatile void* block) {
#ifdef __riscv
  register uint32_t result asm("a0") = static_cast<uint32_t>(operation);
  register const volatile void* arguments asm("a1") = block;
  // The three must not be compressed, nor lie on two pages.
  asm volatile(
      ".balign 16\n.option push\n.option norvc\n"
      "slli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n"
      ".option pop"
      : "+r"(result)
      : "r"(arguments)
      : "memory");
#else
  register uint32_t result asm("r0") = static_cast<uint32_t>(operation);
  register const volatile void* arguments asm("r1") = block;
  asm volatile("bkpt 0xAB" : "+r"(result) : "r"(arguments) : "memory");
#endif
  return result;
}

// Ends the emulator, with this exit code.
[[noreturn]] inline void leave(uint32_t code) {
  const volatile uint32_t block[2] = {0x20026u, code};  // ADP_Stopped_ApplicationExit
  call(Operation::kExitExtended, block);
  for (;;) {
  }
}

}  // namespace semihosting
