// The board's CMSDK UART, polled.
#pragma once

#include <cstdint>

namespace uart {

void init();
uint32_t read(uint8_t* data, uint32_t capacity);
void write(const uint8_t* data, uint32_t size);

}  // namespace uart
