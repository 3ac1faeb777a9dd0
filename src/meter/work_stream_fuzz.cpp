// What the stream of a response in the background says of it is the same however the bytes are cut, it is of one
// response, and what is over is there whole. The first byte chooses the cut, the second how long an event may be. With
// the first byte odd each line is the response of an event of its own, for a fuzzer seldom guesses one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "meter/work_stream.h"

namespace {

struct Said {
  std::string id, end;
  bool has_ended = false;
  bool operator==(const Said&) const = default;
};

// Cuts into pieces of 1 to `step` bytes; a step of 0 means one piece.
Said read(std::string_view stream, std::size_t step, std::size_t limit) {
  meter::WorkStream reader(limit);
  std::optional<std::string> id;
  const auto look = [&] {
    if (!reader.object()) return;
    if (!id) id = reader.object()->id;
    ASSERT(*id == reader.object()->id);
    ASSERT(reader.has_ended() == !reader.end().empty());
    ASSERT(reader.end().size() <= limit);
  };
  for (std::size_t at = 0, turn = 0; at < stream.size(); ++turn) {
    const std::string_view piece = stream.substr(at, step == 0 ? stream.size() : 1 + turn % step);
    reader.feed(piece);
    look();
    at += piece.size();
  }
  reader.finish();
  look();
  return {id.value_or(""), std::string(reader.end()), reader.has_ended()};
}

std::string as_events(std::string_view lines) {
  std::string stream;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    stream.append("data: {\"response\":").append(line).append("}\n\n");
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
  }
  return stream;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  std::string stream(bytes + 2, bytes + size);
  if (bytes[0] % 2 == 1) stream = as_events(stream);
  const std::size_t limit = bytes[1] < 128 ? meter::WorkStream::max_event_bytes : bytes[1];
  const Said whole = read(stream, 0, limit);
  ASSERT(read(stream, 1 + bytes[0] % 64, limit) == whole);
  return 0;
}
