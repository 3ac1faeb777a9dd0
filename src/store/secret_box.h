#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace store {

// A secret that only a SecretBox can read: a type of its own, so that plain text is never stored in its place.
struct SealedSecret {
  std::string bytes;
  bool operator==(const SealedSecret&) const = default;
};

// Encrypts the secrets of upstreams at rest (libsodium's secretbox: XSalsa20-Poly1305, a random nonce each time). The
// key lies in `secret.key` beside the database: whoever has only a copy or backup of the database reads no secret.
class [[nodiscard]] SecretBox {
 public:
  // Whether the store holds sealed secrets already: then a missing key is a loss, not a first start.
  enum class Sealed : std::uint8_t { none, some };

  // Reads the key from the data folder, or creates it (0600). Fails if the key is missing while secrets are sealed
  // with it, if its size is wrong, or if others may read it.
  static base::Result<SecretBox> open(const std::filesystem::path& data_folder, Sealed existing, base::Random& random);

  SecretBox(SecretBox&& other) noexcept;
  SecretBox& operator=(SecretBox&&) = delete;
  ~SecretBox();

  // Bound to its name: sealed for one upstream, it cannot be passed off as another's.
  SealedSecret seal(std::string_view name, const base::Secret& secret) const;
  // Fails if it was sealed with another key or under another name, or was changed.
  base::Result<base::Secret> unseal(std::string_view name, const SealedSecret& sealed) const;

 private:
  static constexpr std::size_t key_bytes = 32;
  using Key = std::array<unsigned char, key_bytes>;

  SecretBox(const Key& key, base::Random& random) : key_(key), random_(random) {}

  Key key_;
  base::Random& random_;
};

}  // namespace store
