#pragma once
// identity: who may operate Metergate: users with a role and a password, the sessions that they log in to, and the log
// of what each of them changed. Who spends is the catalog's business: an account's key opens nothing here, and a user's
// password nothing on the proxy.
//
// Always: a password is stored as its Argon2id hash and nothing else; a session counts only while its token's signature
// fits, its row stands in the store, its time is not over, and whose it is may still come in; there is no user who
// could be guessed, because none comes with the program; who comes by a provider is never taken for a user who has a
// password, nor for one whom the provider knew as somebody else.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace identity {

using UserId = base::Id<struct UserTag>;

// Each may do what those before it may.
enum class Role : std::uint8_t {
  viewer,    // sees
  operates,  // "operator": changes accounts, keys, limits and balances
  admin,     // changes users, secrets of upstreams, and the store itself
};
enum class UserStatus : std::uint8_t { active, disabled };

struct User {
  UserId id;
  std::string name;  // that logs in; unique, whatever its letters' case
  Role role = Role::viewer;
  // Sees and changes this account and those below it, and nothing else; never of an admin.
  std::optional<base::AccountId> account = {};
  // Its Argon2id hash in libsodium's text form (password.h); empty: it logs in with the provider, if there is one.
  std::string password;
  UserStatus status = UserStatus::active;
  base::WallTime created;
  // Sessions that began before do not count any more: the password was changed, or the user was disabled.
  base::WallTime sessions_from;
  std::string provider_subject = {};  // whom the provider knows it as (ProviderUser); empty: it has not come yet

  bool operator==(const User&) const = default;
};

// Whom an OpenID provider says that it has let in (sign_on/).
struct ProviderUser {
  std::string subject;            // issuer, a space, and what the provider never gives to anybody else
  std::string name;               // as user_name_from takes it
  std::optional<Role> role = {};  // where the provider's groups decide it; nullopt: it is given here
};

std::string_view to_string(Role role) noexcept;  // "viewer", "operator", "admin"
std::string_view to_string(UserStatus status) noexcept;
// invalid_request with the field `role`: it is none.
base::Result<Role> role_from(std::string_view text);

// The name as it is stored, in small letters. invalid_request with the field `username`: not 1 to 64 of
// a-z 0-9 . _ - @ +, or it begins with none of a-z 0-9.
base::Result<std::string> user_name_from(std::string_view text);

}  // namespace identity
