// What a compiler calls without being asked, and expects of a C library. It must not find, say,
// memset in the loop that is memset.
#pragma GCC optimize("no-tree-loop-distribute-patterns")

#include <stddef.h>
#include <stdint.h>

extern "C" {

void* memcpy(void* to, const void* from, size_t size) {
  auto* out = static_cast<uint8_t*>(to);
  auto* in = static_cast<const uint8_t*>(from);
  while (size-- > 0) *out++ = *in++;
  return to;
}

void* memmove(void* to, const void* from, size_t size) {
  if (to <= from) return memcpy(to, from, size);
  while (size-- > 0) static_cast<uint8_t*>(to)[size] = static_cast<const uint8_t*>(from)[size];
  return to;
}

void* memset(void* to, int value, size_t size) {
  while (size-- > 0) static_cast<uint8_t*>(to)[size] = static_cast<uint8_t>(value);
  return to;
}

int memcmp(const void* a, const void* b, size_t size) {
  auto* left = static_cast<const uint8_t*>(a);
  auto* right = static_cast<const uint8_t*>(b);
  while (size > 0 && *left == *right) ++left, ++right, --size;
  return size > 0 ? *left - *right : 0;
}

void* memchr(const void* bytes, int value, size_t size) {
  auto* at = static_cast<const uint8_t*>(bytes);
  while (size > 0 && *at != static_cast<uint8_t>(value)) ++at, --size;
  return size > 0 ? const_cast<uint8_t*>(at) : nullptr;
}

size_t strlen(const char* text) {
  size_t size = 0;
  while (text[size] != '\0') ++size;
  return size;
}

int strcmp(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return static_cast<uint8_t>(*a) - static_cast<uint8_t>(*b);
}

}  // extern "C"
