// The stub's own main(), as an Arduino core has one, and its Serial.
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "Arduino.h"

StubSerial Serial;

void StubSerial::begin(unsigned long baud) { std::fprintf(stderr, "begin %lu\n", baud); }

int StubSerial::available() {
  pollfd input = {STDIN_FILENO, POLLIN, 0};
  return poll(&input, 1, 0) == 1 ? 1 : 0;
}

int StubSerial::read() {
  uint8_t byte;
  if (::read(STDIN_FILENO, &byte, 1) != 1) std::exit(0);  // the host is gone
  return byte;
}

size_t StubSerial::write(const uint8_t* data, size_t size) {
  const ssize_t n = ::write(STDOUT_FILENO, data, size);
  return n < 0 ? 0 : static_cast<size_t>(n);
}

void yield() {
  pollfd input = {STDIN_FILENO, POLLIN, 0};
  poll(&input, 1, -1);
}

unsigned long micros() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<unsigned long>(now.tv_sec) * 1000000 +
         static_cast<unsigned long>(now.tv_nsec) / 1000;
}

int main() {
  setup();
  for (;;) loop();
}
