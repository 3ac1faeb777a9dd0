#include "net/plain_path.h"

#include <fmt/format.h>

#include <optional>

namespace net {
namespace {

std::unexpected<base::Error> refused(std::string_view path, std::string_view why) {
  return base::fail(base::ErrorType::invalid_request,
                    fmt::format("the path {} {}; send it in its plain form", path.substr(0, 200), why), "path",
                    base::Source::client);
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int letter = (c | 0x20) - 'a';
  return letter >= 0 && letter < 6 ? std::optional(letter + 10) : std::nullopt;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

base::Result<std::string> plain_path(std::string_view path) {
  std::string plain;
  plain.reserve(path.size());
  for (std::size_t at = 0; at < path.size(); ++at) {
    char c = path[at];
    if (c == '\\') return refused(path, "holds a backslash");
    if (c == '%') {
      const auto high = at + 2 < path.size() ? hex_digit(path[at + 1]) : std::nullopt;
      const auto low = high ? hex_digit(path[at + 2]) : std::nullopt;
      if (!low) return refused(path, "holds a '%' that begins no escape");
      c = static_cast<char>(*high * 16 + *low);
      if (c == '/' || c == '\\' || c == '%') {
        plain.append({'%', lower(path[at + 1]), lower(path[at + 2])});
        at += 2;
        continue;
      }
      at += 2;
    }
    if (is_control(c)) return refused(path, "holds a control character");
    plain += lower(c);
  }
  while (plain.size() > 1 && plain.ends_with('/') && !plain.ends_with("//")) plain.pop_back();
  if (plain.contains("//")) return refused(path, "has an empty segment");
  for (std::size_t from = 0; from < plain.size();) {
    const std::size_t begin = from + 1;
    from = std::min(plain.find('/', begin), plain.size());
    const std::string_view segment = std::string_view(plain).substr(begin, from - begin);
    if (segment == "." || segment == "..") return refused(path, "has the segment '.' or '..'");
  }
  return plain;
}

}  // namespace net
