// The same core as a native program: frames on standard input and output. For sanitizers and tests.
#include "flash_and_eval/core/board.h"

#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace board {

const char* const kName = "process";

void init() {}

Clock clock() { return {wire::TickUnit::kMicroseconds, 1000000, 1, 1000}; }

uint32_t receive_window() { return 65536; }  // a Linux pipe's capacity

// Nanoseconds, so that small operators do not read 0; wraps after 4.3 s.
uint32_t ticks() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint32_t>(now.tv_sec) * 1000000000u + static_cast<uint32_t>(now.tv_nsec);
}

uint32_t read(uint8_t* data, uint32_t capacity) {
  const ssize_t n = ::read(STDIN_FILENO, data, capacity);
  if (n <= 0) std::exit(0);  // the host is gone
  return static_cast<uint32_t>(n);
}

void write(const uint8_t* data, uint32_t size) {
  while (size > 0) {
    const ssize_t n = ::write(STDOUT_FILENO, data, size);
    if (n <= 0) std::exit(1);
    data += n;
    size -= static_cast<uint32_t>(n);
  }
}

}  // namespace board
