// However a stream is cut, its bytes come out unchanged and its data are the same. The first byte chooses the cut, the
// second how long an event may be, so that events that are too long are met too.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "meter/chat_reply.h"
#include "meter/sse.h"

namespace {

struct Split {
  std::string relayed;
  std::vector<std::string> data;
  meter::ChatReply reply;
  std::int64_t output_chunks = 0;
};

// Cuts into pieces of 1 to `step` bytes; a step of 0 means one piece.
Split split(std::string_view stream, std::size_t step, std::size_t limit) {
  Split out;
  meter::SseSplitter splitter(limit);
  meter::ChatStreamReader reader;
  std::size_t longest_piece = 0;
  for (std::size_t at = 0, turn = 0; at < stream.size(); ++turn) {
    const std::string_view piece = stream.substr(at, step == 0 ? stream.size() : 1 + turn % step);
    longest_piece = std::max(longest_piece, piece.size());
    splitter.feed(piece, [&](const meter::SseSplitter::Event& event) {
      ASSERT(!event.raw.empty());
      out.relayed.append(event.raw);
      if (event.data.empty()) return;
      out.data.emplace_back(event.data);
      reader.on_event(event.data);
    });
    ASSERT(splitter.rest().size() <= limit);
    at += piece.size();
  }
  out.relayed.append(splitter.rest());
  reader.on_event(splitter.cut_off().data);
  out.reply = reader.reply();
  out.output_chunks = reader.output_chunks();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  const std::string stream(bytes + 2, bytes + size);
  const std::size_t limit = bytes[1] < 128 ? meter::SseSplitter::max_event_bytes : bytes[1];
  const Split whole = split(stream, 0, limit);
  const Split cut = split(stream, 1 + bytes[0] % 64, limit);
  ASSERT(whole.relayed == stream);
  ASSERT(cut.relayed == stream);
  ASSERT(cut.data == whole.data);
  ASSERT(cut.reply.usage == whole.reply.usage);
  ASSERT(cut.reply.model == whole.reply.model);
  ASSERT(cut.output_chunks == whole.output_chunks);
  return 0;
}
