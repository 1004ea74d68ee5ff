// SHA-256 (FIPS 180-4), for telling the host which model the device holds.
#pragma once

#include <cstddef>
#include <cstdint>

class Sha256 {
 public:
  static constexpr size_t kDigestBytes = 32;

  void update(const void* data, size_t size);
  void finish(uint8_t digest[kDigestBytes]);

 private:
  static constexpr size_t kBlockBytes = 64;

  void compress();

  uint32_t state_[8] = {0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
                        0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u};
  uint8_t block_[kBlockBytes] = {};
  size_t filled_ = 0;
  uint64_t total_ = 0;
};
