#include "flash_and_eval/console.h"

#include <cstring>

#include "flash_and_eval/semihosting.h"

namespace {

using semihosting::call;
using semihosting::Operation;

constexpr char kArgument[] = "semihosting";
constexpr char kConsole[] = ":tt";
enum class Mode : uint32_t { kRead = 0, kWrite = 4 };

uint32_t g_input;
uint32_t g_output;

uint32_t word(const void* address) { return reinterpret_cast<uint32_t>(address); }

uint32_t open(Mode mode) {
  const uint32_t block[3] = {word(kConsole), static_cast<uint32_t>(mode), sizeof(kConsole) - 1};
  return call(Operation::kOpen, block);
}

}  // namespace

namespace console {

bool is_asked_for() {
  char line[sizeof(kArgument)];
  // A longer line, such as the image's path where there is no argument, is refused with -1. The
  // emulator writes the length back.
  uint32_t block[2] = {word(line), sizeof(line)};
  return call(Operation::kGetCommandLine, block) == 0 && std::strcmp(line, kArgument) == 0;
}

void init() {
  g_input = open(Mode::kRead);
  g_output = open(Mode::kWrite);
}

uint32_t read(uint8_t* data, uint32_t capacity) {
  const uint32_t block[3] = {g_input, word(data), capacity};
  const uint32_t missing = call(Operation::kRead, block);  // it waits for the first byte
  if (missing >= capacity) semihosting::leave(0);          // the host is gone
  return capacity - missing;
}

void write(const uint8_t* data, uint32_t size) {
  while (size > 0) {
    const uint32_t block[3] = {g_output, word(data), size};
    const uint32_t missing = call(Operation::kWrite, block);
    if (missing >= size) semihosting::leave(1);
    data += size - missing;
    size = missing;
  }
}

}  // namespace console
