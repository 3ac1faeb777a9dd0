#include "base/secret.h"

#include <openssl/crypto.h>

namespace base {

Secret::Secret(std::string text) : characters_(text.begin(), text.end()) { OPENSSL_cleanse(text.data(), text.size()); }

Secret& Secret::operator=(Secret other) noexcept {
  characters_.swap(other.characters_);  // `other` wipes what was here
  return *this;
}

Secret::~Secret() { OPENSSL_cleanse(characters_.data(), characters_.size()); }

}  // namespace base
