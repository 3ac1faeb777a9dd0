#include "base/ids.h"

#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace base {
namespace {

// "000102…fdfeff".
constexpr auto hex_of_bytes = [] {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<char, 512> table{};
  for (std::size_t i = 0; i < 256; ++i) {
    table[2 * i] = digits[i >> 4];
    table[2 * i + 1] = digits[i & 15];
  }
  return table;
}();

}  // namespace

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
  // Groups of 4, 2, 2, 2 and 6 bytes.
  for (const auto& [begin, end] : {std::pair{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}}) {
    if (begin != 0) *out++ = '-';
    for (int i = begin; i < end; ++i, out += 2)
      std::memcpy(out, &hex_of_bytes[2 * std::size_t{bytes[static_cast<std::size_t>(i)]}], 2);
  }
}

std::string Uuid::to_string() const {
  std::string text(36, '\0');
  write_to(text.data());
  return text;
}

}  // namespace base
