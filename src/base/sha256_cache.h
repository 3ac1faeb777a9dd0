#pragma once
// The SHA-256 of texts that come again and again, such as the keys of busy clients.

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/random.h"
#include "base/sha256.h"

namespace base {

// Remembers digests under a keyed hash of their text (SipHash-2-4 with 128 bits, under a key that is drawn for each
// cache), not under the text: no secret is kept, and who does not know the key can make no two texts meet. Of texts
// that share a place the last one is remembered. For one thread.
class Sha256Cache {
 public:
  explicit Sha256Cache(Random& random);
  Sha256 of(std::string_view text);

 private:
  using Tag = std::array<std::uint8_t, 16>;
  struct Entry {
    Tag tag;
    bool filled;
    Sha256 digest;
  };
  static constexpr std::size_t places = 512;

  Tag key_;
  std::unique_ptr<std::array<Entry, places>> entries_ = std::make_unique<std::array<Entry, places>>();
};

}  // namespace base
