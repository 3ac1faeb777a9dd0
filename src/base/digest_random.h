#pragma once

#include <algorithm>

#include "base/assert.h"
#include "base/random.h"
#include "base/sha256.h"

namespace base {

// Randomness that is a function of what it stands for.
class DigestRandom final : public Random {
 public:
  explicit DigestRandom(const Sha256& digest) : digest_(digest) {}
  void fill(std::span<std::byte> out) override {
    ASSERT(out.size() <= digest_.size());
    std::ranges::copy(std::as_bytes(std::span(digest_)).first(out.size()), out.begin());
  }

 private:
  const Sha256 digest_;
};

}  // namespace base
