#include "sign_on/base64.h"

#include <sodium.h>

namespace sign_on {
namespace {

std::string encoded(std::string_view bytes, int variant) {
  std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    variant);
  out.pop_back();  // its terminating zero
  return out;
}

}  // namespace

std::string to_base64(std::string_view bytes) { return encoded(bytes, sodium_base64_VARIANT_ORIGINAL); }

std::string to_base64url(std::string_view bytes) { return encoded(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING); }

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(), nullptr,
                        &size, nullptr, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
    return std::nullopt;
  out.resize(size);
  return out;
}

}  // namespace sign_on
