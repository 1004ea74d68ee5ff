// The emulator's standard input and output, by semihosting: the same frames, a thousand times as
// fast as through the UART.
#pragma once

#include <cstdint>

namespace console {

// Whether the emulator was started with it: with the argument `semihosting`.
bool is_asked_for();

void init();
uint32_t read(uint8_t* data, uint32_t capacity);
void write(const uint8_t* data, uint32_t size);

}  // namespace console
