#pragma once
// The tokens of an encoding and their ranks, in a form that is used where it lies: made when the project is built
// (packer/main.cpp), put into the binary as read-only data, and read from disk page by page when it is first used.
//
// In 32-bit words: format, count, slot bits, longest; where each token's bytes begin (count + 1); a hash table of
// 2^(slot bits) slots; then the bytes of all tokens. A token's id is its rank. A slot holds 14 bits of the hash above
// an 18-bit id.

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tokens {

using TokenId = std::uint32_t;
inline constexpr TokenId no_token = UINT32_MAX;

inline constexpr std::uint32_t rank_table_format = 0x4D475232;  // "MGR2"
inline constexpr unsigned id_bits = 18;
inline constexpr std::uint32_t empty_slot = UINT32_MAX;
inline constexpr std::size_t header_words = 4;
inline constexpr std::size_t byte_pairs = 1 << 16;

// Where a pair stands among them. Every merge begins with a lookup of each pair.
inline std::size_t pair_index(const char* bytes) noexcept {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) << 8 | static_cast<unsigned char>(bytes[1]);
}

// One hash for the program that makes the table and the one that reads it. Most tokens are shorter than eight bytes.
inline std::uint64_t hash_of(const char* bytes, std::size_t size) noexcept {
  constexpr std::uint64_t odd = 0x9E3779B97F4A7C15;
  std::uint64_t hash = size * odd;
  const auto mix = [&hash](std::uint64_t word) {
    const unsigned __int128 product = static_cast<unsigned __int128>(hash ^ word) * 0xD6E8FEB86659FD93;
    hash = static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
  };
  const auto word_at = [](const char* at, std::size_t count) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, count);
    return word;
  };
  for (; size > 8; bytes += 8, size -= 8) mix(word_at(bytes, 8));
  // Two halves that may overlap: no loop over the last bytes.
  if (size >= 4) {
    mix(word_at(bytes, 4) | word_at(bytes + size - 4, 4) << 32);
  } else if (size > 0) {
    mix(word_at(bytes, 1) | word_at(bytes + size / 2, 1) << 8 | word_at(bytes + size - 1, 1) << 16);
  }
  return hash ^ (hash >> 29);
}

// A view; what it looks at lives as long as the program.
class RankTable {
 public:
  // `words` begins with a header of rank_table_format.
  explicit RankTable(const std::uint32_t* words);

  // The id of exactly these bytes, or no_token.
  TokenId find(const char* bytes, std::size_t size) const noexcept {
    if (size > longest_) return no_token;
    if (size == 2) return pairs_[pair_index(bytes)];
    const std::uint64_t hash = hash_of(bytes, size);
    const auto tag = static_cast<std::uint32_t>(hash >> (64 - (32 - id_bits)));
    for (std::uint64_t slot = hash & mask_;; slot = (slot + 1) & mask_) {
      const std::uint32_t entry = slots_[slot];
      if (entry == empty_slot) return no_token;
      if (entry >> id_bits != tag) continue;
      const TokenId id = entry & ((1u << id_bits) - 1);
      if (starts_[id + 1] - starts_[id] == size && same_bytes(bytes_ + starts_[id], bytes, size)) return id;
    }
  }
  // id < count().
  std::string_view bytes_of(TokenId id) const { return {bytes_ + starts_[id], starts_[id + 1] - starts_[id]}; }
  std::uint32_t count() const { return count_; }
  // Of a token, in bytes.
  std::uint32_t longest() const { return longest_; }

 private:
  // memcmp without the call for what is nearly always compared.
  static bool same_bytes(const char* a, const char* b, std::size_t size) noexcept {
    const auto same = [a, b](std::size_t at, std::size_t count) { return std::memcmp(a + at, b + at, count) == 0; };
    if (size >= 4 && size <= 8) return same(0, 4) && same(size - 4, 4);
    if (size > 8 && size <= 16) return same(0, 8) && same(size - 8, 8);
    return std::memcmp(a, b, size) == 0;
  }

  std::uint32_t count_;
  std::uint32_t longest_;
  std::uint64_t mask_;
  const std::uint32_t* starts_;
  const TokenId* pairs_;
  const std::uint32_t* slots_;
  const char* bytes_;
};

}  // namespace tokens
