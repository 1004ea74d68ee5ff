// Replays a corpus without a fuzzer: inputs on standard input, one a line, in hexadecimal. Says how
// many they were.
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main() {
  unsigned count = 0;
  for (std::string line; std::getline(std::cin, line); ++count) {
    std::vector<uint8_t> input;
    for (size_t at = 0; at + 2 <= line.size(); at += 2) {
      input.push_back(static_cast<uint8_t>(std::stoul(line.substr(at, 2), nullptr, 16)));
    }
    fprintf(stderr, "input %u\n", count);  // the last one said is the one that broke it
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  printf("%u inputs\n", count);
}
