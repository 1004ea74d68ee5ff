// CRC-32 as in zlib (reflected polynomial 0xEDB88320).
#pragma once

#include <cstdint>

class Crc32 {
 public:
  void update(const uint8_t* data, uint32_t size);
  uint32_t value() const { return ~state_; }

 private:
  uint32_t state_ = 0xFFFFFFFFu;
};

uint32_t crc32(const uint8_t* data, uint32_t size);
