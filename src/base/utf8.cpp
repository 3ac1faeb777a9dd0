#include "base/utf8.h"

#include <simdjson.h>

#include <algorithm>
#include <string_view>

namespace base {
namespace {

bool goes_on(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80; }

// By its first byte.
std::size_t length_of(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0xC0) return 1;
  return byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// The text's first character, or what there is of one.
std::string_view first_of(std::string_view text) {
  const std::string_view most = text.substr(0, length_of(text.front()));
  return {most.begin(), std::find_if_not(most.begin() + 1, most.end(), goes_on)};
}

}  // namespace

std::string valid_utf8(std::string text) {
  if (simdjson::validate_utf8(text)) return text;
  std::string valid;
  for (std::string_view left = text; !left.empty();) {
    const std::string_view first = first_of(left);
    valid += simdjson::validate_utf8(first) ? first : "\uFFFD";
    left.remove_prefix(first.size());
  }
  return valid;
}

}  // namespace base
