// A miniature of an Arduino core on mbed, with the traps of the real one. There is no F_CPU.
#pragma once

#include <cstddef>
#include <cstdint>

#define __CORTEX_M 4
extern uint32_t SystemCoreClock;

// As Arduino has it. C++17's <chrono> declares an abs of its own.
#define abs(x) ((x) > 0 ? (x) : -(x))

void setup();
void loop();
void yield();
unsigned long micros();

class SerialPort {
 public:
  void begin(unsigned long baud);
  int available();
  int read();
  size_t write(const uint8_t* data, size_t size);
};

extern SerialPort Serial;

// Does not pass our warnings.
inline int warned(int value) {
  auto shadow = [](int value) { return value; };
  return static_cast<char>(shadow(value));
}
