// Runs the firmware's frame codec on a stream, for comparison with the host's.
//   frames decode CAPACITY < stream: a line per event, `frame TYPE SEQUENCE PAYLOAD` or `damaged`
//   frames encode TYPE SEQUENCE < payload > stream
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "frames.h"

namespace {

void sink(const uint8_t* data, uint32_t size) { fwrite(data, 1, size, stdout); }

int decode(uint32_t capacity) {
  std::vector<uint8_t> buffer(capacity);
  FrameReader reader(buffer.data(), capacity);
  for (int byte = getchar(); byte != EOF; byte = getchar()) {
    const FrameReader::Event event = reader.push(static_cast<uint8_t>(byte));
    if (event == FrameReader::Event::kDamaged) puts("damaged");
    if (event != FrameReader::Event::kFrame) continue;
    printf("frame %u %u ", reader.type(), reader.sequence());
    for (uint32_t i = 0; i < reader.payload_size(); ++i) printf("%02x", reader.payload()[i]);
    puts("");
  }
  return 0;
}

int encode(int type, int sequence) {
  FrameWriter writer(sink);
  writer.begin(static_cast<wire::MessageType>(type), static_cast<uint16_t>(sequence));
  for (int byte = getchar(); byte != EOF; byte = getchar()) writer.u8(static_cast<uint8_t>(byte));
  writer.end();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "decode") == 0) {
    return decode(static_cast<uint32_t>(strtoul(argv[2], nullptr, 10)));
  }
  if (argc == 4 && strcmp(argv[1], "encode") == 0) return encode(atoi(argv[2]), atoi(argv[3]));
  return 2;
}
