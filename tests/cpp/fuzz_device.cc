// The frame decoder and the command loop as a fuzz target. An input is two bytes of sizes, then
// records of what arrives (see `arrive`): a blind fuzzer would never guess a CRC or a SHA-256, so
// records can be put into right frames here. Needs slot_engine.cc; libFuzzer or fuzz_replay.cc
// brings main().
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "flash_and_eval/core/board.h"
#include "flash_and_eval/core/crc32.h"
#include "flash_and_eval/core/device.h"
#include "flash_and_eval/core/engine.h"

namespace board {

const char* const kName = "fuzz";

Clock clock() { return {wire::TickUnit::kInstructions, 0, 1, 1}; }
uint32_t receive_window() { return 64; }

uint32_t ticks() {
  static uint32_t count = 0;
  return ++count;
}

}  // namespace board

namespace {

constexpr uint32_t kFrameBytes = wire::kFrameHeaderBytes + wire::kFrameCrcBytes;
constexpr uint32_t kMinPayload = sizeof(uint32_t) + Sha256::kDigestBytes;  // MODEL_BEGIN
constexpr uint32_t kMaxReply = 512;  // far more than HELLO_REPLY needs

void check(bool right, const char* what) {
  if (right) return;
  fprintf(stderr, "wrong: %s\n", what);
  abort();
}

uint32_t load_u32(const uint8_t* p) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < sizeof(value); ++i) value |= uint32_t{p[i]} << (8 * i);
  return value;
}

// The sinks are plain functions, so what is written lands here.
std::vector<uint8_t> g_answer;
std::vector<uint8_t> g_request;

void take_answer(const uint8_t* data, uint32_t size) {
  g_answer.insert(g_answer.end(), data, data + size);
  check(g_answer.size() <= 2 * kMaxReply, "a request has an answer of bounded size");
}

void take_request(const uint8_t* data, uint32_t size) {
  g_request.insert(g_request.end(), data, data + size);
}

// A device, and beside it a reader that says what the device must make of the bytes. The device
// gets them in pieces, each up to a delimiter; the reader one by one.
class Bench {
 public:
  Bench(uint32_t request_bytes, uint16_t details)
      // On the heap and no larger than said, so that the sanitizer sees one byte too many.
      : request_(new uint8_t[request_bytes]),
        copy_(new uint8_t[request_bytes]),
        details_(new uint32_t[details]),
        device_(request_.get(), request_bytes, details_.get(), details, take_answer),
        mirror_(copy_.get(), request_bytes) {
    device_.start();
  }

  void receive(const uint8_t* data, uint32_t size) {
    const uint8_t* const end = data + size;
    while (data != end) {
      const uint8_t* const begin = data;
      while (data != end && *data++ != 0) {
      }
      receive_piece(begin, static_cast<uint32_t>(data - begin));
    }
  }

  // A whole request, and whether the reply has this type.
  bool ask(const std::vector<uint8_t>& body, wire::MessageType reply) {
    send(body.data(), static_cast<uint32_t>(body.size()), 0);
    return last_reply_ == static_cast<uint8_t>(reply);
  }

  // A body (type, sequence, payload) in a frame; `flip`, where not 0, chooses a bit to damage.
  void send(const uint8_t* body, uint32_t size, uint32_t flip) {
    g_request.clear();
    FrameWriter writer(take_request);
    const uint16_t sequence = static_cast<uint16_t>(body[1] | (body[2] << 8));
    writer.begin(static_cast<wire::MessageType>(body[0]), sequence);
    writer.bytes(body + wire::kFrameHeaderBytes, size - wire::kFrameHeaderBytes);
    writer.end();
    std::vector<uint8_t> bytes;
    bytes.swap(g_request);
    if (flip != 0) {
      uint8_t& victim = bytes[flip % bytes.size()];
      victim = static_cast<uint8_t>(victim ^ (1u << (flip % 8)));
    }
    receive(bytes.data(), static_cast<uint32_t>(bytes.size()));
  }

 private:
  void receive_piece(const uint8_t* data, uint32_t size) {
    g_answer.clear();
    device_.receive(data, size);
    FrameReader::Event event = FrameReader::Event::kNone;
    for (uint32_t i = 0; i < size; ++i) event = push(mirror_, data[i]);
    const uint32_t replies = g_answer.empty() ? 0 : check_answer(event);
    check(replies == (event == FrameReader::Event::kNone ? 0u : 1u), "one reply to each request");
  }

  static FrameReader::Event push(FrameReader& reader, uint8_t byte) {
    const uint8_t* next = &byte;
    return reader.push(&next, next + 1);
  }

  // What the device said to the byte that ended in `event`; the number of replies in it.
  uint32_t check_answer(FrameReader::Event event) {
    uint8_t buffer[kMaxReply];
    FrameReader reader(buffer, sizeof(buffer));
    uint32_t replies = 0;
    for (const uint8_t byte : g_answer) {
      const FrameReader::Event found = push(reader, byte);
      check(found != FrameReader::Event::kDamaged, "every frame of the device is whole");
      if (found == FrameReader::Event::kNone) continue;
      if (reader.type() == static_cast<uint8_t>(wire::MessageType::kLog)) continue;
      ++replies;
      if (event == FrameReader::Event::kDamaged) {
        check(is_refusal(reader, wire::Status::kDamagedFrame), "damage is reported as damage");
        check(reader.sequence() == 0, "damage has no sequence number");
      } else {
        check_reply(reader);
      }
    }
    return replies;
  }

  static bool is_refusal(const FrameReader& reply, wire::Status status) {
    return reply.type() == static_cast<uint8_t>(wire::MessageType::kRefused) &&
           reply.payload_size() == 5 && reply.payload()[0] == static_cast<uint8_t>(status);
  }

  void check_reply(const FrameReader& reply) {
    last_reply_ = reply.type();
    check(reply.sequence() == mirror_.sequence(), "a reply has its request's number");
    const uint8_t* answer = reply.payload();
    const uint8_t* asked = mirror_.payload();
    switch (static_cast<wire::MessageType>(reply.type())) {
      case wire::MessageType::kInferReply:
        check(mirror_.type() == static_cast<uint8_t>(wire::MessageType::kInfer), "type of reply");
        check(reply.payload_size() >= 23, "an inference's reply is whole");
        check(load_u32(answer + 5) == load_u32(asked + 1), "the sample's number is echoed");
        check_input(load_u32(answer + 9), asked + 5, mirror_.payload_size() - 5);
        if (answer[0] != static_cast<uint8_t>(wire::Status::kOk)) break;
        check_sum(answer + reply.payload_size() - 4, asked + 5);
        break;
      case wire::MessageType::kTensorReply:
        check(mirror_.type() == static_cast<uint8_t>(wire::MessageType::kTensor), "type of reply");
        check(reply.payload_size() == 16, "a tensor's reply is whole");
        check(load_u32(answer + 4) == load_u32(asked + 2), "the sample's number is echoed");
        check_input(load_u32(answer + 8), asked + 6, mirror_.payload_size() - 6);
        check_sum(answer + 12, asked + 6);
        break;
      case wire::MessageType::kHelloReply:
        check(mirror_.type() == static_cast<uint8_t>(wire::MessageType::kHello), "type of reply");
        break;
      case wire::MessageType::kModelReply:
        check(reply.payload_size() == 5, "a reply to a model's piece is whole");
        break;
      default:
        check(is_refusal(reply, static_cast<wire::Status>(answer[0])), "a reply of a known type");
        check(answer[0] >= static_cast<uint8_t>(wire::Status::kUnknownType),
              "refused for a reason");
    }
  }

  static void check_input(uint32_t crc, const uint8_t* input, uint32_t size) {
    check(size == 4, "only an input of the right size is run");
    check(crc == crc32(input, size), "the input's CRC is echoed");
  }

  // The engine adds one number to all bytes, whatever the model.
  static void check_sum(const uint8_t* output, const uint8_t* input) {
    for (uint32_t i = 1; i < 4; ++i) {
      check(
          static_cast<uint8_t>(output[i] - input[i]) == static_cast<uint8_t>(output[0] - input[0]),
          "the output belongs to the input");
    }
  }

  std::unique_ptr<uint8_t[]> request_;
  std::unique_ptr<uint8_t[]> copy_;
  std::unique_ptr<uint32_t[]> details_;
  Device device_;
  FrameReader mirror_;
  uint8_t last_reply_ = 0;
};

std::vector<uint8_t> begin_model(const uint8_t* model, uint32_t size) {
  std::vector<uint8_t> body = {static_cast<uint8_t>(wire::MessageType::kModelBegin), 1, 0};
  for (uint32_t i = 0; i < 4; ++i) body.push_back(static_cast<uint8_t>(size >> (8 * i)));
  Sha256 hash;
  hash.update(model, size);
  uint8_t digest[Sha256::kDigestBytes];
  hash.finish(digest);
  body.insert(body.end(), digest, digest + sizeof(digest));
  return body;
}

// One record: a byte of kind and damage, a byte of length, the data.
void arrive(Bench& bench, uint8_t head, const uint8_t* data, uint32_t size) {
  const uint32_t flip = head >> 2;
  switch (head & 3) {
    case 0:  // bytes as they are
      bench.receive(data, size);
      break;
    case 1:  // the body of a frame
      if (size >= wire::kFrameHeaderBytes) bench.send(data, size, flip);
      break;
    case 2: {  // a model is announced
      const std::vector<uint8_t> body = begin_model(data, size);
      bench.send(body.data(), static_cast<uint32_t>(body.size()), flip);
      break;
    }
    default: {  // and comes whole, in one piece
      const std::vector<uint8_t> begin = begin_model(data, size);
      bench.send(begin.data(), static_cast<uint32_t>(begin.size()), 0);
      std::vector<uint8_t> piece = {
          static_cast<uint8_t>(wire::MessageType::kModelData), 2, 0, 0, 0, 0, 0};
      piece.insert(piece.end(), data, data + size);
      bench.send(piece.data(), static_cast<uint32_t>(piece.size()), flip);
      const uint8_t end[] = {static_cast<uint8_t>(wire::MessageType::kModelEnd), 3, 0};
      bench.send(end, sizeof(end), 0);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  Bench bench(kFrameBytes + kMinPayload + data[0] % 64, data[1] % 4);
  for (size_t at = 2; at + 2 <= size;) {
    const size_t left = size - at - 2;
    const size_t length = data[at + 1] < left ? data[at + 1] : left;
    arrive(bench, data[at], data + at + 2, static_cast<uint32_t>(length));
    at += 2 + length;
  }
  const uint8_t delimiter = 0;
  bench.receive(&delimiter, 1);  // closes what the garbage began
  check(bench.ask({static_cast<uint8_t>(wire::MessageType::kHello), 9, 0},
                  wire::MessageType::kHelloReply),
        "HELLO is answered after anything");
  check(bench.ask({static_cast<uint8_t>(wire::MessageType::kInfer), 10, 0,  //
                   0, 7, 0, 0, 0, 1, 2, 3, 4},
                  wire::MessageType::kInferReply),
        "a sample is answered after anything");
  return 0;
}
