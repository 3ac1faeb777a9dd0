// However a stream is cut, its bytes come out unchanged, and its events say the same to their reader as the stream
// does. The first byte chooses the cut, the second how long an event may be, so that events that are too long are met
// too.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "meter/event_splitter.h"
#include "meter/reply_reader.h"
#include "meter/sse.h"

namespace {

using SseSplitter = meter::EventSplitter<meter::SseScan>;

struct Split {
  std::string relayed;
  meter::Reply reply;
  meter::Output output;
};

// Cuts into pieces of 1 to `step` bytes; a step of 0 means one piece.
Split split(std::string_view stream, std::size_t step, std::size_t limit) {
  Split out;
  SseSplitter splitter(limit);
  meter::ReplyReader reader(meter::Dialect::chat, {});
  for (std::size_t at = 0, turn = 0; at < stream.size(); ++turn) {
    const std::string_view piece = stream.substr(at, step == 0 ? stream.size() : 1 + turn % step);
    splitter.feed(piece, [&](std::string_view event) {
      ASSERT(!event.empty());
      out.relayed.append(event);
      reader.feed(event);
    });
    ASSERT(splitter.rest().size() <= limit);
    at += piece.size();
  }
  out.relayed.append(splitter.rest());
  reader.feed(splitter.rest());
  out.output = reader.output();
  out.reply = reader.finish();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  const std::string stream(bytes + 2, bytes + size);
  const std::size_t limit = bytes[1] < 128 ? SseSplitter::max_event_bytes : bytes[1];
  const Split whole = split(stream, 0, limit);
  const Split cut = split(stream, 1 + bytes[0] % 64, limit);
  ASSERT(whole.relayed == stream);
  ASSERT(cut.relayed == stream);
  ASSERT(cut.reply == whole.reply);
  ASSERT(cut.output.pieces == whole.output.pieces);
  ASSERT(cut.output.tokens_at_most == whole.output.tokens_at_most);
  ASSERT(cut.output.ended == whole.output.ended);
  meter::ReplyReader reader(meter::Dialect::chat, {});
  reader.feed(stream);
  ASSERT(reader.finish() == whole.reply);
  return 0;
}
