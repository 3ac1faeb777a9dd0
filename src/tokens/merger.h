#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tokens/rank_table.h"

namespace tokens {

// What merges took. Both grow with the bytes that were merged: at most three of each for a byte.
struct MergeWork {
  std::int64_t lookups = 0;  // of a pair's rank
  std::int64_t queued = 0;   // pairs put into the queue of long pieces
};

// The second half of an encoding, byte pair encoding: a piece begins as its bytes; of all neighbours that are a token
// together, those of the lowest rank, and of equals the leftmost, become one, until there are none.
class Merger {
 public:
  explicit Merger(const RankTable& ranks) : ranks_(ranks) {}

  // The tokens of a piece of 2 bytes or more, in order; the span lives until the next call.
  std::span<const TokenId> merge(std::string_view piece);
  const MergeWork& work() const { return work_; }

 private:
  // Up to here, looking for the lowest rank among all pairs is faster than keeping a queue of them.
  static constexpr std::size_t short_piece = 64;
  // Above this, the memory of a long piece is given back.
  static constexpr std::size_t kept_parts = 1 << 14;

  // A part of a long piece, at the index of its first byte.
  struct Part {
    std::uint32_t next;  // where the part behind it begins, or the piece's size
    std::uint32_t previous;
    TokenId joined;  // what it and the part behind it are together; no_token once it is part of another
  };

  // A piece that was merged not long ago, and its tokens: words come again, in every language.
  struct Remembered {
    std::array<char, 48> bytes;
    std::array<TokenId, 16> tokens;
    std::uint8_t size = 0;  // of the piece; 0: none is remembered here
    std::uint8_t count = 0;
  };
  static constexpr std::size_t remembered_pieces = 2048;

  void merge_anew(std::string_view piece);
  void remember(std::string_view piece, Remembered& place) const;
  void merge_short(std::string_view piece);
  void merge_long(std::string_view piece);
  void start_long(std::string_view piece);
  void join(std::string_view piece, std::uint32_t at);
  TokenId rank_of_pair(std::string_view piece, std::uint32_t at);
  void queue(std::uint32_t at);
  TokenId find(const char* bytes, std::size_t size) {
    ++work_.lookups;
    return ranks_.find(bytes, size);
  }

  const RankTable& ranks_;
  std::vector<TokenId> tokens_;
  std::vector<Part> parts_;
  std::vector<std::uint64_t> queue_;  // a heap; rank << 32 | index, so that the leftmost of equal ranks comes first
  std::vector<Remembered> memory_;    // by hash, each in one place; empty until the first piece is merged
  MergeWork work_;
};

}  // namespace tokens
