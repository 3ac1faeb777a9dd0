#pragma once
// RFC 4648: section 4 for HTTP's Basic, section 5 without padding for everything of OAuth.

#include <optional>
#include <string>
#include <string_view>

namespace sign_on {

std::string to_base64(std::string_view bytes);
std::string to_base64url(std::string_view bytes);
// nullopt: it is no base64url.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace sign_on
