#include "base/sha256_cache.h"

#include <sodium/crypto_shorthash_siphash24.h>

#include <cstring>

namespace base {

Sha256Cache::Sha256Cache(Random& random) { random.fill(std::as_writable_bytes(std::span(key_))); }

Sha256 Sha256Cache::of(std::string_view text) {
  static_assert(sizeof(Tag) == crypto_shorthash_siphashx24_BYTES &&
                sizeof(Tag) == crypto_shorthash_siphashx24_KEYBYTES);
  Tag tag;
  crypto_shorthash_siphashx24(tag.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                              key_.data());
  std::size_t place = 0;
  std::memcpy(&place, tag.data(), sizeof place);
  Entry& entry = (*entries_)[place % places];
  if (!entry.filled || entry.tag != tag) entry = {.tag = tag, .filled = true, .digest = sha256(text)};
  return entry.digest;
}

}  // namespace base
