// Calls to whatever watches over the processor, here the emulator (Arm IHI 0105).
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
  register uint32_t r0 asm("r0") = static_cast<uint32_t>(operation);
  register const volatile void* r1 asm("r1") = block;
  asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

// Ends the emulator, with this exit code.
[[noreturn]] inline void leave(uint32_t code) {
  const volatile uint32_t block[2] = {0x20026u, code};  // ADP_Stopped_ApplicationExit
  call(Operation::kExitExtended, block);
  for (;;) {
  }
}

}  // namespace semihosting
