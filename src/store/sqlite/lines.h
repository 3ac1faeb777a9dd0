#pragma once
// Lists of short texts in one column, an entry a line: names and patterns have no control characters of their own.

#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace store::sqlite {

template <class Take>
void each_line(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  each_line(text, [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

inline std::string as_lines(std::span<const std::string> entries) {
  return fmt::format("{}", fmt::join(entries, "\n"));
}

}  // namespace store::sqlite
