#pragma once
// The classes of characters that the encodings' patterns tell apart, by Unicode 16.0 (unicode_ranges.inc).

#include <cstddef>
#include <cstdint>

namespace tokens {

enum class CharClass : std::uint8_t {
  other,   // none of the below: punctuation, symbols, controls, what is not assigned
  space,   // White_Space, with line ends: \s
  number,  // N
  mark,    // M
  upper,   // Lu, Lt
  lower,   // Ll
  letter,  // Lm, Lo: neither upper nor lower
};

CharClass class_of_code_point(std::uint32_t code_point) noexcept;

struct Character {
  CharClass kind = CharClass::other;
  std::uint8_t bytes = 1;  // >= 1
};

// The first character of UTF-8 text; p < end. A byte that does not belong to a valid sequence is one character of no
// class, as U+FFFD would be.
Character decode(const char* p, const char* end) noexcept;

}  // namespace tokens
