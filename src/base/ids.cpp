#include "base/ids.h"

#include <fmt/format.h>

namespace base {

Uuid Uuid::version7(WallTime now, Random& random) {
  Uuid uuid;
  random.fill(std::as_writable_bytes(std::span(uuid.bytes)));
  for (int i = 0; i < 6; ++i)
    uuid.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(now.ms >> (40 - 8 * i));
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0F) | 0x70);
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3F) | 0x80);
  return uuid;
}

Result<Uuid> Uuid::parse(std::string_view text) {
  const auto nibble = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  Uuid uuid;
  std::size_t byte = 0;
  bool valid = text.size() == 36;
  for (std::size_t at = 0; valid && at < 36;) {
    if (at == 8 || at == 13 || at == 18 || at == 23) {
      valid = text[at++] == '-';
      continue;
    }
    const int high = nibble(text[at]);
    const int low = nibble(text[at + 1]);
    valid = high >= 0 && low >= 0;
    uuid.bytes[byte++] = static_cast<std::uint8_t>(high * 16 + low);
    at += 2;
  }
  if (!valid)
    return invalid(
        fmt::format("'{}' is not an id; ids look like 0190a6d2-7c1e-7f3a-9b52-3f1f0d6c1a2b", text.substr(0, 64)));
  return uuid;
}

void Uuid::write_to(char* out) const {
  static constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = digits[bytes[i] >> 4];
    *out++ = digits[bytes[i] & 15];
  }
}

std::string Uuid::to_string() const {
  std::string text(36, '\0');
  write_to(text.data());
  return text;
}

}  // namespace base
