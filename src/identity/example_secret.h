#pragma once

#include <string_view>

namespace identity {

// Whether a secret is one that stands in documentation, or of one character: somebody has copied it, and everybody
// tries it first. An empty one is too.
bool is_example_secret(std::string_view secret);

}  // namespace identity
