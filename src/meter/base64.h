#pragma once
// RFC 4648 base64, as providers put bytes into JSON.

#include <optional>
#include <string>
#include <string_view>

namespace meter {

// The bytes of a text, padded or not; nullopt: it has other letters.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace meter
