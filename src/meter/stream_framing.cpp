#include "meter/stream_framing.h"

#include <algorithm>
#include <array>

#include "base/find_byte.h"
#include "meter/event_stream.h"

namespace meter {
namespace {

struct Named {
  std::string_view content_type;
  Framing framing;
};
constexpr std::array by_name{
    Named{"text/event-stream", Framing::sse},         Named{"application/vnd.amazon.eventstream", Framing::messages},
    Named{"application/x-ndjson", Framing::lines},    Named{"application/ndjson", Framing::lines},
    Named{"application/stream+json", Framing::lines}, Named{"application/jsonl", Framing::lines},
};

bool is_same_name(std::string_view a, std::string_view lower) {
  return std::ranges::equal(a, lower, [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x | 0x20 : x) == y; });
}

}  // namespace

Framing framing_of(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  content_type = content_type.substr(0, content_type.find_last_not_of(" \t") + 1);
  const auto* const named =
      std::ranges::find_if(by_name, [&](const Named& entry) { return is_same_name(content_type, entry.content_type); });
  return named == by_name.end() ? Framing::unknown : named->framing;
}

std::size_t JsonScan::scan(std::string_view bytes) {
  std::size_t at = 0;
  ended_ = false;
  while (at < bytes.size() && !ended_) {
    if (in_string_ && !escaped_) at += base::find_either(bytes.substr(at), '"', '\\');
    if (at == bytes.size()) break;
    const char byte = bytes[at++];
    if (!in_string_) {
      ended_ = ends_with(byte);
    } else if (escaped_) {
      escaped_ = false;
    } else {
      in_string_ = byte != '"';
      escaped_ = byte == '\\';
    }
  }
  return at;
}

// A byte outside of strings.
bool JsonScan::ends_with(char byte) {
  switch (byte) {
    case '"': in_string_ = true; return false;
    case '{':
    case '[': ++depth_; return false;
    case '}':
    case ']': depth_ = std::max<std::int64_t>(depth_ - 1, 0); return in_array_ && depth_ <= 1;
    case '\n': return depth_ == 0;
    default: return false;
  }
}

std::size_t MessageScan::scan(std::string_view bytes) {
  ended_ = damaged_;
  if (damaged_) return bytes.size();
  std::size_t at = 0;
  if (left_ == 0) {
    at = std::min(bytes.size(), message_prelude_bytes - prelude_.size());
    prelude_ += bytes.substr(0, at);
    if (prelude_.size() < message_prelude_bytes) return at;
    const auto lengths = read_prelude(prelude_);
    prelude_.clear();
    damaged_ = !lengths;
    if (damaged_) return scan(bytes);
    left_ = lengths->total - static_cast<std::uint32_t>(message_prelude_bytes);
  }
  const std::size_t taken = std::min<std::size_t>(bytes.size() - at, left_);
  left_ -= static_cast<std::uint32_t>(taken);
  ended_ = left_ == 0;
  return at + taken;
}

// What stands before the byte that tells.
std::size_t StreamScan::find_framing(std::string_view bytes) {
  const std::size_t at = std::min(bytes.find_first_not_of(" \t\r\n\xEF\xBB\xBF"), bytes.size());
  if (at == bytes.size()) return at;
  switch (bytes[at]) {
    case '{': found_ = Framing::lines; break;
    case '[': found_ = Framing::array; break;
    case '\0':  // of a length below 16 MB, and of one below 32
    case '\1': found_ = Framing::messages; break;
    default: found_ = Framing::sse;
  }
  return at;
}

std::size_t StreamScan::scan(std::string_view bytes) {
  std::size_t before = 0;
  ended_ = false;
  if (found_ == Framing::unknown) {
    before = find_framing(bytes);
    bytes.remove_prefix(before);
  }
  switch (found_) {
    case Framing::unknown: return before;
    case Framing::sse: return before + scan_with(events_, bytes);
    case Framing::messages: return before + scan_with(messages_, bytes);
    case Framing::lines: return before + scan_with(lines_, bytes);
    case Framing::array: return before + scan_with(array_, bytes);
  }
  return before;
}

}  // namespace meter
