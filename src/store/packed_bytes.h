#pragma once
// What the packed usage log is made of: numbers as few bytes (base/packed_bytes.h), and a hash that finds damage.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/packed_bytes.h"

namespace store {

using base::ByteReader;
using base::ByteWriter;
using base::number_bytes_max;

// A 64-bit hash, the same on every machine and in every version: it is on disk. It finds damage, not forgery.
inline std::uint64_t hash_of(std::string_view bytes) {
  constexpr std::uint64_t first = 0x9E37'79B9'7F4A'7C15, second = 0xC2B2'AE3D'27D4'EB4F;
  std::uint64_t hash = bytes.size() * second;
  const auto mix = [&](std::uint64_t word) { hash = std::rotl(hash ^ word * first, 29) * second; };
  std::uint64_t word = 0;
  for (; bytes.size() >= sizeof word; bytes.remove_prefix(sizeof word)) {
    std::memcpy(&word, bytes.data(), sizeof word);
    mix(word);
  }
  word = 0;
  if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
  mix(word);
  hash = (hash ^ hash >> 32) * first;
  return hash ^ hash >> 29;
}

}  // namespace store
