#include "meter/sse.h"

#include "base/find_byte.h"

namespace meter {

std::size_t SseSplitter::scan(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const char byte = bytes[at];
    if (byte == '\n' && after_return_) {  // the second half of a CRLF
      after_return_ = false;
      ++length_;
      ++at;
      continue;
    }
    after_return_ = false;
    if (byte != '\n' && byte != '\r') {
      const std::size_t length = base::find_either(bytes.substr(at), '\n', '\r');
      line_empty_ = false;
      length_ += length;
      at += length;
      continue;
    }
    ++at;
    const bool blank = line_empty_;
    line_empty_ = true;
    if (!blank) {
      after_return_ = byte == '\r';
      ++length_;
      continue;
    }
    // The event is over with the CR. An LF that has come with it belongs to it; one that comes later is a blank line.
    if (byte == '\r' && bytes.substr(at).starts_with('\n')) ++at;
    blank_line_ = true;
    return at;
  }
  blank_line_ = false;
  return at;
}

std::string_view SseSplitter::take(std::string_view& bytes) {
  const std::string_view taken = bytes.substr(0, scan(bytes));
  bytes.remove_prefix(taken.size());
  const bool too_long = length_ > limit_;
  if (!blank_line_ && !oversized_ && !too_long) {
    pending_.append(taken);
    return {};
  }
  // Here it is handed out: the whole event, or a piece of one that is too long.
  oversized_ = !blank_line_;
  if (blank_line_) length_ = 0;
  if (pending_.empty()) return taken;
  pending_.append(taken);
  held_.swap(pending_);
  pending_.clear();
  return held_;
}

}  // namespace meter
