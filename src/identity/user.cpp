#include "identity/user.h"

#include <fmt/format.h>

#include <algorithm>

namespace identity {
namespace {

constexpr std::size_t longest_name = 64;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool may_stand_in_name(char c) { return is_letter_or_digit(c) || std::string_view("._-@+").contains(c); }

}  // namespace

std::string_view to_string(Role role) noexcept {
  switch (role) {
    case Role::viewer: return "viewer";
    case Role::operates: return "operator";
    case Role::admin: return "admin";
  }
  return "?";
}

std::string_view to_string(UserStatus status) noexcept { return status == UserStatus::active ? "active" : "disabled"; }

base::Result<Role> role_from(std::string_view text) {
  for (const Role role : {Role::viewer, Role::operates, Role::admin})
    if (to_string(role) == text) return role;
  return base::invalid("'role' must be viewer, operator or admin", "role");
}

base::Result<std::string> user_name_from(std::string_view text) {
  std::string name(text);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (name.empty() || name.size() > longest_name || !is_letter_or_digit(name.front()) ||
      !std::ranges::all_of(name, may_stand_in_name))
    return base::invalid(
        fmt::format("'username' is 1 to {} of a-z, 0-9 and . _ - @ +, and begins with a letter or digit", longest_name),
        "username");
  return name;
}

}  // namespace identity
