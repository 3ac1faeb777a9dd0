#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace base {

// Where the first of two bytes stands; the text's size if neither does. Eight bytes at a time and never looking past
// the one found: two memchr would read the whole text again wherever only one of them occurs.
inline std::size_t find_either(std::string_view text, char a, char b) {
  // True if one of eight bytes is the one that `pattern` repeats (Warren, Hacker's Delight, 6-1: find the zero byte).
  constexpr std::uint64_t ones = 0x0101010101010101;
  const auto has = [](std::uint64_t eight, std::uint64_t pattern) {
    const std::uint64_t zero_where_equal = eight ^ pattern;
    return ((zero_where_equal - ones) & ~zero_where_equal & (ones * 0x80)) != 0;
  };
  const std::uint64_t all_a = ones * static_cast<unsigned char>(a);
  const std::uint64_t all_b = ones * static_cast<unsigned char>(b);
  std::size_t at = 0;
  for (std::uint64_t eight = 0; at + sizeof eight <= text.size(); at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if (has(eight, all_a) || has(eight, all_b)) break;
  }
  while (at < text.size() && text[at] != a && text[at] != b) ++at;
  return at;
}

}  // namespace base
