// In the core's own language, C++14, this is well formed; in C++17 the macro meets std::chrono::abs.
#include "Arduino.h"

#include <chrono>

std::chrono::microseconds now() { return std::chrono::microseconds(micros()); }
