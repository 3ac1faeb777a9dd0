#include "meter/sse.h"

#include <cstdint>
#include <cstring>

namespace meter {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// True if one of eight bytes is the one that `pattern` repeats (Warren, Hacker's Delight, 6-1: find the zero byte).
bool has_byte(std::uint64_t eight, std::uint64_t pattern) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  const std::uint64_t zero_where_equal = eight ^ pattern;
  return ((zero_where_equal - ones) & ~zero_where_equal & (ones * 0x80)) != 0;
}

// The bytes before the first CR or LF. Eight at a time and never looking past the line: two memchr for the two ends
// would read the whole chunk again for every line of a stream that uses only one of them.
std::size_t line_length(std::string_view text) {
  std::size_t at = 0;
  for (std::uint64_t eight = 0; at + sizeof eight <= text.size(); at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if (has_byte(eight, 0x0A0A0A0A0A0A0A0A) || has_byte(eight, 0x0D0D0D0D0D0D0D0D)) break;
  }
  while (at < text.size() && text[at] != '\n' && text[at] != '\r') ++at;
  return at;
}

}  // namespace

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
      const std::size_t length = line_length(bytes.substr(at));
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

bool SseSplitter::take(std::string_view& bytes, Event& event) {
  const std::string_view taken = bytes.substr(0, scan(bytes));
  bytes.remove_prefix(taken.size());
  const bool too_long = length_ > limit_;
  if (!blank_line_ && !oversized_ && !too_long) {
    pending_.append(taken);
    return false;
  }
  // Here it is handed out: the whole event, or a piece of one that is too long.
  event = Event{taken, {}};
  if (!pending_.empty()) {
    pending_.append(taken);
    held_.swap(pending_);
    pending_.clear();
    event.raw = held_;
  }
  if (blank_line_ && !too_long) event.data = data_of(event.raw);
  oversized_ = !blank_line_;
  if (blank_line_) {
    length_ = 0;
    at_start_ = false;
  }
  return true;
}

SseSplitter::Event SseSplitter::cut_off() {
  return Event{pending_, oversized_ ? std::string_view{} : data_of(pending_)};
}

std::string_view SseSplitter::data_of(std::string_view raw) {
  if (at_start_ && raw.starts_with(byte_order_mark)) raw.remove_prefix(byte_order_mark.size());
  std::string_view data;
  std::size_t lines = 0;
  while (!raw.empty()) {
    const std::string_view line = raw.substr(0, line_length(raw));
    raw.remove_prefix(line.size());
    if (!raw.empty()) raw.remove_prefix(raw.starts_with("\r\n") ? 2 : 1);
    if (!line.starts_with("data")) continue;
    std::string_view value = line.substr(4);
    if (!value.empty() && !value.starts_with(':')) continue;  // another field, such as "database"
    if (!value.empty()) value.remove_prefix(1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    // One line, the usual case, is a view of raw; further lines are joined in a buffer.
    if (++lines == 1) {
      data = value;
      continue;
    }
    if (lines == 2) joined_.assign(data);
    joined_.append(1, '\n').append(value);
    data = joined_;
  }
  return data;
}

}  // namespace meter
