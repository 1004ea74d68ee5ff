// As much of an Arduino core as firmware/boards/arduino/board.cc needs, on standard input and
// output. It does not shadow headers, define macros or change flags, as real cores do.
#pragma once

#include <cstddef>
#include <cstdint>

// As CMSIS says it. There is no F_CPU: ArduinoCore-mbed has none.
#ifdef __ARM_ARCH
#define __CORTEX_M __ARM_ARCH
extern uint32_t SystemCoreClock;
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
