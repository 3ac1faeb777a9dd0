// The framing of AWS event streams: the same messages however the bytes are cut, and payloads within their lengths.
// With the first byte odd the checksums are made right first, for a fuzzer never guesses them.
#include <boost/crc.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "meter/event_stream.h"

namespace {

struct Read {
  std::vector<std::string> messages;
  bool damaged = false;
  bool operator==(const Read&) const = default;
};

Read read(std::string_view stream, std::size_t step) {
  Read out;
  meter::EventStreamReader reader;
  std::string payload;
  for (std::size_t at = 0; at < stream.size(); at += step)
    reader.feed(
        stream.substr(at, step), [&](std::string_view piece) { payload += piece; },
        [&](const meter::EventStreamReader::Message& message) {
          out.messages.push_back(message.type + "\n" + message.event + "\n" + payload);
          payload.clear();
        });
  ASSERT(payload.size() <= stream.size());
  out.damaged = reader.is_damaged();
  return out;
}

void put(std::string& stream, std::size_t at, std::uint32_t number) {
  for (std::size_t i = 0; i < 4; ++i) stream[at + i] = static_cast<char>(number >> (24 - 8 * i));
}

std::uint32_t checksum(const std::string& stream, std::size_t from, std::size_t to) {
  boost::crc_32_type crc;
  crc.process_bytes(stream.data() + from, to - from);
  return crc.checksum();
}

// Makes the lengths fit and the checksums right, message by message.
void repair(std::string& stream) {
  for (std::size_t at = 0; at + 16 <= stream.size();) {
    const std::size_t left = stream.size() - at;
    const std::size_t total = 16 + static_cast<std::uint8_t>(stream[at + 3]) % (left - 15);
    const std::size_t headers = static_cast<std::uint8_t>(stream[at + 7]) % (total - 15);
    put(stream, at, static_cast<std::uint32_t>(total));
    put(stream, at + 4, static_cast<std::uint32_t>(headers));
    put(stream, at + 8, checksum(stream, at, at + 8));
    put(stream, at + total - 4, checksum(stream, at, at + total - 4));
    at += total;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  std::string stream(bytes + 2, bytes + size);
  if (bytes[0] % 2 == 1) repair(stream);
  if (stream.empty()) return 0;
  const Read whole = read(stream, stream.size());
  ASSERT(read(stream, 1 + bytes[1] % 32) == whole);
  return 0;
}
