// Says what the TFLite-Micro library might say, and prints what is kept of it.
#include <cstdarg>
#include <cstdio>

#include "flash_and_eval/engines/tflm/messages.h"

extern "C" void DebugLog(const char* format, va_list arguments);

namespace {

void library_says(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  DebugLog(format, arguments);
  va_end(arguments);
}

void print() {
  std::puts(messages::text());
  messages::clear();
}

}  // namespace

int main() {
  library_says("%s:%d failed to allocate. Requested: %u, available %d, missing: %lu", "conv.cc", 12,
               96u, -2147483647 - 1, 98ul);
  library_says("\r\n");
  library_says("Node %s (number %df) failed, type %x, size %5zu.", "CONV_2D", 0, 255u, size_t{7});
  print();
  library_says("%d %f %s", 1, 2.5, "three");
  print();
  for (int i = 0; i < 50; ++i) library_says("0123456789");
  print();
  library_says("first");
  const messages::Kept kept = messages::keep();
  messages::clear();
  messages::ignore(true);
  library_says("second");
  messages::ignore(false);
  messages::restore(kept);
  print();
}
