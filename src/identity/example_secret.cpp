#include "identity/example_secret.h"

#include <algorithm>
#include <string>

namespace identity {

bool is_example_secret(std::string_view secret) {
  std::string small(secret);
  std::ranges::transform(small, small.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  static constexpr std::string_view words[] = {"change-me",   "changeme",   "change-this", "change_this",
                                               "change_me",   "your-super", "your_super",  "your-secret",
                                               "your_secret", "secret-key", "placeholder", "strong-password-here"};
  return std::ranges::any_of(words, [&](std::string_view word) { return small.contains(word); }) ||
         std::ranges::all_of(small, [&](char c) { return c == small.front(); });
}

}  // namespace identity
