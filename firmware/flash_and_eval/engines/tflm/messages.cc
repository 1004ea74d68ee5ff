#include "flash_and_eval/engines/tflm/messages.h"

#include <cstdarg>
#include <cstddef>
#include <cstring>

#include "flash_and_eval/tflm_options.h"

namespace messages {
namespace {

Kept g_kept;
bool g_ignored = false;

// Appends, as far as there is room.
void say(char letter) {
  const size_t length = std::strlen(g_kept.text);
  if (length + 1 < sizeof(g_kept.text)) g_kept.text[length] = letter;
}

void say(const char* text) {
  while (*text != 0) say(*text++);
}

void say(unsigned long number, unsigned base) {
  if (number >= base) say(number / base, base);
  say("0123456789abcdef"[number % base]);
}

// The conversions that the library's messages have: the C library's take 20 kB of flash.
void say_formatted(const char* format, va_list arguments) {
  for (; *format != 0; ++format) {
    if (*format != '%') {
      say(*format);
      continue;
    }
    bool is_long = false;
    while (std::strchr("0123456789.-+ #hlzjt", *++format) != nullptr && *format != 0) {
      is_long = is_long || std::strchr("lzjt", *format) != nullptr;
    }
    if (*format == 'd' || *format == 'i') {
      const long number = is_long ? va_arg(arguments, long) : va_arg(arguments, int);
      if (number < 0) say('-');
      say(number < 0 ? 0ul - static_cast<unsigned long>(number)
                     : static_cast<unsigned long>(number),
          10);
    } else if (*format == 'u' || *format == 'x') {
      const unsigned base = *format == 'u' ? 10 : 16;
      say(is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned), base);
    } else if (*format == 's') {
      say(va_arg(arguments, const char*));
    } else {  // how large its argument is, is not known either
      say("%");
      return say(format);
    }
  }
}

}  // namespace

const char* text() { return g_kept.text; }
void clear() { g_kept = Kept(); }
void ignore(bool ignored) { g_ignored = ignored; }
Kept keep() { return g_kept; }
void restore(const Kept& kept) { g_kept = kept; }

}  // namespace messages

// The library's outlet. Its versions before 2023 give a text, and no arguments.
extern "C" void DebugLog(const char* format, va_list arguments) {
  using namespace messages;
  if (g_ignored || std::strcmp(format, "\r\n") == 0) return;
  if (g_kept.text[0] != 0) say("; ");
  if (model::kMessagesHaveArguments) {
    say_formatted(format, arguments);
  } else {
    say(format);
  }
}
