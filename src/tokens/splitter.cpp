#include "tokens/splitter.h"

#include <algorithm>
#include <array>

#include "tokens/unicode.h"

namespace tokens {
namespace {

// A set of classes, as bits.
using Classes = unsigned;
constexpr Classes bit(CharClass kind) { return 1u << static_cast<unsigned>(kind); }
constexpr Classes caseless = bit(CharClass::letter) | bit(CharClass::mark);
constexpr Classes upper_part = bit(CharClass::upper) | caseless;  // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
constexpr Classes lower_part = bit(CharClass::lower) | caseless;  // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
constexpr Classes letters = bit(CharClass::upper) | bit(CharClass::lower) | bit(CharClass::letter);
constexpr Classes signs = bit(CharClass::other) | bit(CharClass::mark);  // [^\s\p{L}\p{N}]

constexpr auto ascii_classes = [] {
  std::array<CharClass, 128> out{};
  for (unsigned c = 0; c < out.size(); ++c) {
    if (c >= '0' && c <= '9') out[c] = CharClass::number;
    if (c >= 'A' && c <= 'Z') out[c] = CharClass::upper;
    if (c >= 'a' && c <= 'z') out[c] = CharClass::lower;
    if (c == ' ' || (c >= '\t' && c <= '\r')) out[c] = CharClass::space;
  }
  return out;
}();

inline Character at(const char* p, const char* end) {
  const auto byte = static_cast<unsigned char>(*p);
  return byte < 0x80 ? Character{ascii_classes[byte], 1} : decode(p, end);
}

bool in(Classes classes, CharClass kind) { return (classes & bit(kind)) != 0; }
bool is_line_end(char c) { return c == '\r' || c == '\n'; }

// Behind the longest run of the classes at p.
inline const char* skip(const char* p, const char* end, Classes classes) {
  while (p < end) {
    const Character next = at(p, end);
    if (!in(classes, next.kind)) break;
    p += next.bytes;
  }
  return p;
}

// Behind (?i:'s|'t|'re|'ve|'m|'ll|'d) at p, or p. "ſ" (U+017F) is an s to whoever ignores case.
const char* skip_contraction(const char* p, const char* end) {
  if (end - p < 2 || *p != '\'') return p;
  const auto small = [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); };
  const char first = small(p[1]);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return p + 2;
  if (end - p < 3) return p;
  const char second = small(p[2]);
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l'))
    return p + 3;
  return p[1] == '\xC5' && p[2] == '\xBF' ? p + 3 : p;
}

// [^\r\n\p{L}\p{N}]?
bool may_lead_a_word(const char* p, CharClass kind) {
  return !in(letters | bit(CharClass::number), kind) && !is_line_end(*p);
}

// The first two alternatives of o200k_base: capitals, then small letters; characters without case and marks count as
// both. `end` of the answer is p if no word begins there.
Piece word_o200k(const char* p, const char* end, Character first) {
  const bool led = may_lead_a_word(p, first.kind);
  const char* const begin = led ? p + first.bytes : p;
  const char* at_lower = begin;          // behind all that may be capitals
  const char* after_caseless = nullptr;  // behind the last of these that may be a small letter, too
  while (at_lower < end) {
    const Character next = at(at_lower, end);
    if (!in(upper_part, next.kind)) {
      if (next.kind != CharClass::lower) break;
      const char* const behind = skip(at_lower, end, lower_part);
      return {skip_contraction(behind, end), behind};
    }
    at_lower += next.bytes;
    if (next.kind != CharClass::upper) after_caseless = at_lower;
  }
  // Without a small letter behind them, the capitals give back until one that may be small ends the word.
  if (after_caseless != nullptr) return {skip_contraction(after_caseless, end), at_lower};
  // A mark that cannot lead a word to its small letter is one itself.
  if (led && first.kind == CharClass::mark) return {skip_contraction(begin, end), at_lower};
  if (at_lower > begin) return {skip_contraction(at_lower, end), at_lower};
  return {p, at_lower};
}

// [^\r\n\p{L}\p{N}]?\p{L}+
Piece word_cl100k(const char* p, const char* end, Character first) {
  const char* const begin = may_lead_a_word(p, first.kind) ? p + first.bytes : p;
  const char* const behind = skip(begin, end, letters);
  return behind > begin ? Piece{behind, behind} : Piece{p, behind};
}

// \p{N}{1,3}
Piece number(const char* p, const char* end, Character first) {
  const char* behind = p + first.bytes;
  for (int digits = 1; digits < 3 && behind < end; ++digits) {
    const Character next = at(behind, end);
    if (next.kind != CharClass::number) break;
    behind += next.bytes;
  }
  return {behind, behind};
}

//  ?[^\s\p{L}\p{N}]+[\r\n/]*, the last class without the slash in cl100k_base. `end` is p if there is none.
template <bool slash>
Piece punctuation(const char* p, const char* end) {
  const char* const begin = *p == ' ' ? p + 1 : p;
  const char* behind = skip(begin, end, signs);
  if (behind == begin) return {p, behind};
  while (behind < end && (is_line_end(*behind) || (slash && *behind == '/'))) ++behind;
  return {behind, behind};
}

// \s*[\r\n]+|\s+(?!\S)|\s+: up to the last line end; else all but the last of it, which may lead a word; else all.
Piece white_space(const char* p, const char* end) {
  const char* behind = p;
  const char* last = p;
  const char* after_line_end = nullptr;
  while (behind < end) {
    const Character next = at(behind, end);
    if (next.kind != CharClass::space) break;
    last = behind;
    behind += next.bytes;
    if (is_line_end(*last)) after_line_end = behind;
  }
  if (after_line_end != nullptr) return {after_line_end, behind};
  if (behind == end || last == p) return {behind, behind};
  return {last, behind};
}

// What both expressions have behind their words.
template <bool slash>
Piece after_words(const char* p, const char* end, Character first, const char* seen) {
  Piece piece{};
  if (first.kind == CharClass::number) {
    piece = number(p, end, first);
  } else {
    piece = punctuation<slash>(p, end);
    if (piece.end == p) {
      seen = std::max(seen, piece.seen);
      piece = white_space(p, end);
    }
  }
  piece.seen = std::max({piece.seen, piece.end, seen});
  return piece;
}

}  // namespace

Piece next_piece_o200k(const char* p, const char* end) noexcept {
  const Character first = at(p, end);
  const Piece word = word_o200k(p, end, first);
  if (word.end > p) return {word.end, std::max(word.seen, word.end)};
  return after_words<true>(p, end, first, word.seen);
}

Piece next_piece_cl100k(const char* p, const char* end) noexcept {
  if (const char* const behind = skip_contraction(p, end); behind > p) return {behind, behind};
  const Character first = at(p, end);
  const Piece word = word_cl100k(p, end, first);
  if (word.end > p) return word;
  return after_words<false>(p, end, first, word.seen);
}

}  // namespace tokens
