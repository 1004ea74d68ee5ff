// As much of an Arduino core as firmware/boards/arduino/board.cc needs, on standard input and
// output. Stands for no particular core; a real one is not to be had without PlatformIO's registry.
#pragma once

#include <cstddef>
#include <cstdint>

#ifndef F_CPU
#define F_CPU 64000000L
#endif

void setup();
void loop();
void yield();
unsigned long micros();

class StubSerial {
 public:
  void begin(unsigned long baud);
  int available();
  int read();
  size_t write(const uint8_t* data, size_t size);
};

extern StubSerial Serial;
