#include "meter/base64.h"

#include <cstdint>

namespace meter {

std::optional<std::string> from_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char byte : text) {
    if (byte == '=') break;
    const int value = byte >= 'A' && byte <= 'Z'   ? byte - 'A'
                      : byte >= 'a' && byte <= 'z' ? byte - 'a' + 26
                      : byte >= '0' && byte <= '9' ? byte - '0' + 52
                      : byte == '+'                ? 62
                      : byte == '/'                ? 63
                                                   : -1;
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (++count % 4 == 1) continue;
    out += static_cast<char>(bits >> (count % 4 == 2 ? 4 : count % 4 == 3 ? 2 : 0));
  }
  return out;
}

}  // namespace meter
