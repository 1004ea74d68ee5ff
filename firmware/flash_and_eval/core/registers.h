// Memory-mapped registers.
#pragma once

#include <cstdint>

inline volatile uint32_t& reg(uint32_t address) {
  return *reinterpret_cast<volatile uint32_t*>(static_cast<uintptr_t>(address));
}
