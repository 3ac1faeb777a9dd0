// However a stream of whatever framing is cut, its bytes come out unchanged and its events are the same. The first byte
// chooses the cut, the second how long an event may be. With the first byte odd the prelude of a message is made right,
// for a fuzzer never guesses its checksum.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "meter/event_stream.h"
#include "meter/stream_framing.h"

namespace {

struct Split {
  std::string relayed;
  std::vector<std::string> events;
  std::string rest;
  meter::Framing framing = meter::Framing::unknown;
  bool damaged = false;
};

// Cuts into pieces of 1 to `step` bytes; a step of 0 means one piece.
Split split(std::string_view stream, std::size_t step, std::size_t limit) {
  Split out;
  meter::StreamSplitter splitter(limit);
  for (std::size_t at = 0, turn = 0; at < stream.size(); ++turn) {
    const std::string_view piece = stream.substr(at, step == 0 ? stream.size() : 1 + turn % step);
    splitter.feed(piece, [&](std::string_view event) {
      ASSERT(!event.empty());
      out.relayed.append(event);
      out.events.emplace_back(event);
    });
    ASSERT(splitter.rest().size() <= limit);
    at += piece.size();
  }
  out.rest = splitter.rest();
  out.relayed.append(out.rest);
  out.framing = splitter.scan().framing();
  out.damaged = splitter.scan().is_damaged();
  return out;
}

// A message of an AWS event stream around what the fuzzer brings, and the rest of it behind.
std::string with_message(std::string_view bytes) {
  const std::size_t size = bytes.empty() ? 0 : static_cast<std::uint8_t>(bytes[0]) % (bytes.size() + 1);
  return meter::write_message({}, bytes.substr(0, size)) + std::string(bytes.substr(size));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  std::string stream(bytes + 2, bytes + size);
  if (bytes[0] % 2 == 1) stream = with_message(stream);
  const std::size_t limit = bytes[1] < 128 ? meter::StreamSplitter::max_event_bytes : bytes[1];
  const Split whole = split(stream, 0, limit);
  const Split cut = split(stream, 1 + bytes[0] % 64, limit);
  ASSERT(whole.relayed == stream);
  ASSERT(cut.relayed == stream);
  ASSERT(cut.framing == whole.framing);
  ASSERT(cut.damaged == whole.damaged);
  // Where an SSE line's CRLF is cut, the LF is a blank line of its own (sse.h); an event that is too long, and what
  // follows damage, comes in pieces as the bytes come.
  const bool by_bytes_alone = limit == meter::StreamSplitter::max_event_bytes && !whole.damaged &&
                              (whole.framing != meter::Framing::sse || stream.find('\r') == std::string::npos);
  if (by_bytes_alone) {
    ASSERT(cut.events == whole.events);
    ASSERT(cut.rest == whole.rest);
  }
  return 0;
}
