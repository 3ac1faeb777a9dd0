#include "tokens/unicode.h"

#include <array>

namespace tokens {
namespace {

struct Range {
  std::uint32_t first;
  CharClass kind;
};

constexpr auto ranges = [] {
  using enum CharClass;
  return std::to_array<Range>({
#include "tokens/unicode_ranges.inc"
  });
}();

constexpr std::uint32_t code_points = 0x110000;
constexpr std::uint32_t per_block = 256;
constexpr std::uint32_t block_count = code_points / per_block;

constexpr std::uint32_t end_of(std::size_t range) {
  return range + 1 < ranges.size() ? ranges[range + 1].first : code_points;
}

// Blocks that are of one class share the block of that class; the others have one of their own.
constexpr std::size_t class_count = 7;
constexpr std::size_t mixed_blocks = [] {
  std::size_t count = 0;
  std::uint32_t last = block_count;
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    const std::uint32_t block = ranges[i].first / per_block;
    if (ranges[i].first % per_block != 0 && block != last) {
      ++count;
      last = block;
    }
  }
  return count;
}();

struct Table {
  std::array<std::uint8_t, block_count> block_of{};
  std::array<std::array<CharClass, per_block>, class_count + mixed_blocks> blocks{};
};
static_assert(class_count + mixed_blocks <= 256);

// Made by the compiler, but by one that counts its steps (clang) when the program starts.
const Table table = [] {
  Table out;
  for (std::size_t kind = 0; kind < class_count; ++kind) out.blocks[kind].fill(static_cast<CharClass>(kind));
  std::size_t used = class_count;
  std::size_t range = 0;
  for (std::uint32_t block = 0; block < block_count; ++block) {
    const std::uint32_t first = block * per_block;
    while (end_of(range) <= first) ++range;
    if (end_of(range) >= first + per_block) {
      out.block_of[block] = static_cast<std::uint8_t>(ranges[range].kind);
      continue;
    }
    out.block_of[block] = static_cast<std::uint8_t>(used);
    for (std::uint32_t i = 0; i < per_block; ++i) {
      while (end_of(range) <= first + i) ++range;
      out.blocks[used][i] = ranges[range].kind;
    }
    ++used;
  }
  return out;
}();

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }
std::uint32_t low_bits(char byte) { return static_cast<unsigned char>(byte) & 0x3F; }

}  // namespace

CharClass class_of_code_point(std::uint32_t code_point) noexcept {
  return table.blocks[table.block_of[code_point / per_block]][code_point % per_block];
}

Character decode(const char* p, const char* end) noexcept {
  constexpr Character invalid{CharClass::other, 1};
  const auto lead = static_cast<unsigned char>(*p);
  if (lead < 0x80) return {class_of_code_point(lead), 1};
  const std::ptrdiff_t left = end - p;
  if (lead >= 0xC2 && lead < 0xE0 && left >= 2 && continues(p[1]))
    return {class_of_code_point((lead & 0x1Fu) << 6 | low_bits(p[1])), 2};
  if (lead >= 0xE0 && lead < 0xF0 && left >= 3 && continues(p[1]) && continues(p[2])) {
    const std::uint32_t code = (lead & 0xFu) << 12 | low_bits(p[1]) << 6 | low_bits(p[2]);
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    return code >= 0x800 && !surrogate ? Character{class_of_code_point(code), 3} : invalid;
  }
  if (lead >= 0xF0 && lead < 0xF5 && left >= 4 && continues(p[1]) && continues(p[2]) && continues(p[3])) {
    const std::uint32_t code = (lead & 7u) << 18 | low_bits(p[1]) << 12 | low_bits(p[2]) << 6 | low_bits(p[3]);
    return code >= 0x10000 && code < code_points ? Character{class_of_code_point(code), 4} : invalid;
  }
  return invalid;
}

}  // namespace tokens
