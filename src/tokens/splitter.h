#pragma once
// The first half of an encoding: text is cut into pieces, and no token reaches over a cut. Each encoding has a regular
// expression for its pieces (openai_public.py of tiktoken, MIT); here it is a scanner, with the same choice of the
// first alternative that matches.
//
//   o200k_base, an alternative on each line:
//     [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//     [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//     \p{N}{1,3}
//      ?[^\s\p{L}\p{N}]+[\r\n/]*
//     \s*[\r\n]+
//     \s+(?!\S)
//     \s+
//   cl100k_base: the same from the third line on, without the slash, behind
//     (?i:'s|'t|'re|'ve|'m|'ll|'d)
//     [^\r\n\p{L}\p{N}]?\p{L}+

namespace tokens {

// Where a piece ends, and how far the scanner had to look to know it: what a piece costs is seen - begin.
struct Piece {
  const char* end;
  const char* seen;  // >= end
};

// The piece that begins at p, which begins a piece; p < end. It is never empty.
Piece next_piece_o200k(const char* p, const char* end) noexcept;
Piece next_piece_cl100k(const char* p, const char* end) noexcept;

}  // namespace tokens
