// Runs the firmware's frame codec on a stream, for comparison with the host's.
//   frames decode CAPACITY STEP < stream: a line per event, `frame TYPE SEQUENCE PAYLOAD` or
//     `damaged`; the stream comes in pieces of STEP bytes
//   frames encode TYPE SEQUENCE < payload > stream
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "flash_and_eval/core/frames.h"

namespace {

void sink(const uint8_t* data, uint32_t size) { fwrite(data, 1, size, stdout); }

int decode(uint32_t capacity, size_t step) {
  std::vector<uint8_t> buffer(capacity);
  std::vector<uint8_t> piece(step);
  FrameReader reader(buffer.data(), capacity);
  while (const size_t size = fread(piece.data(), 1, step, stdin)) {
    const uint8_t* next = piece.data();
    while (next != piece.data() + size) {
      const FrameReader::Event event = reader.push(&next, piece.data() + size);
      if (event == FrameReader::Event::kDamaged) puts("damaged");
      if (event != FrameReader::Event::kFrame) continue;
      printf("frame %u %u ", reader.type(), reader.sequence());
      for (uint32_t i = 0; i < reader.payload_size(); ++i) printf("%02x", reader.payload()[i]);
      puts("");
    }
  }
  return 0;
}

int encode(int type, int sequence) {
  FrameWriter writer(sink);
  writer.begin(static_cast<wire::MessageType>(type), static_cast<uint16_t>(sequence));
  uint8_t piece[300];  // so that pieces and blocks end at different places
  while (const size_t size = fread(piece, 1, sizeof(piece), stdin)) {
    writer.bytes(piece, static_cast<uint32_t>(size));
  }
  writer.end();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && strcmp(argv[1], "decode") == 0) {
    return decode(static_cast<uint32_t>(atoi(argv[2])), static_cast<size_t>(atoi(argv[3])));
  }
  if (argc == 4 && strcmp(argv[1], "encode") == 0) return encode(atoi(argv[2]), atoi(argv[3]));
  return 2;
}
