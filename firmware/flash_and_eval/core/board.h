// The seam between the core and a board. A port is one board.cc that defines these.
#pragma once

#include <cstdint>

#include "flash_and_eval/core/wire_spec.h"

namespace board {

extern const char* const kName;

// What ticks() counts. One tick is numerator/denominator of `unit`; `rate` is units per second,
// 0 where the unit says nothing about time.
struct Clock {
  wire::TickUnit unit;
  uint32_t rate;
  uint16_t numerator;
  uint16_t denominator;
};

void init();
Clock clock();

// Bytes that may be under way to the device without being lost while it computes.
uint32_t receive_window();

// Free-running counter; wraps at 32 bits.
uint32_t ticks();

// Waits until at least one byte is there, then gives what there is, at most `capacity`.
uint32_t read(uint8_t* data, uint32_t capacity);
// A short reply comes in one piece.
void write(const uint8_t* data, uint32_t size);

}  // namespace board
