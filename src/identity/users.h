#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "identity/store.h"

namespace identity {

struct NewUser {
  std::string name;
  std::optional<base::Secret> password = {};  // nullopt: it logs in with the provider
  Role role = Role::viewer;
  std::optional<base::AccountId> account = {};  // that exists: the caller has looked
};

// What is set is changed.
struct UserEdit {
  std::optional<Role> role = {};
  std::optional<std::optional<base::AccountId>> account = {};
  std::optional<UserStatus> status = {};
  std::optional<base::Secret> password = {};  // logs in with it from now on, and no longer with the provider
  bool to_provider = false;                   // logs in with the provider from now on, and has no password any more
};

// The users, and the one-time link by which the first one is made. Thread-safe.
//
// Somebody can always come in: the last admin who may is neither removed, disabled nor made less (conflict). The data
// folder's socket stays open to whoever may read it, so even that is not the end.
class Users {
 public:
  Users(Store& store, const base::Clock& clock, base::Random& random);

  base::Result<std::vector<User>> all() { return store_.users(); }
  // not_found: there is none.
  base::Result<User> find(UserId id);

  base::Result<User> create(const NewUser& wanted);
  // Another password, a role or an account that is less, and disabling end the sessions that there are.
  base::Result<User> edit(UserId id, const UserEdit& edit);
  base::Status remove(UserId id);

  // The user as whom a provider's user comes in: who came as him before; else the one of his name who has no password
  // and as whom nobody came yet; else a new one, where the provider's groups give a role. A role that they give is the
  // user's from now on. forbidden: there is none such, or it is disabled, with the remedy. conflict: it is the last
  // admin, who would be less.
  base::Result<User> come_in(const ProviderUser& visitor);

  // The secret of the link by which whoever has it makes the first user, an admin; nullopt: there are users already.
  // Another one each time the program starts; it is kept nowhere.
  base::Result<std::optional<base::Secret>> setup_link();
  // unauthorized: it is not the link, or was used. conflict: there are users already.
  base::Result<User> set_up(const base::Secret& link, std::string name, base::Secret password);

 private:
  base::Result<User> create_locked(const NewUser& wanted, std::string provider_subject = {});
  base::Result<User> edit_locked(const User& before, const UserEdit& edit, std::string provider_subject);
  base::Status check_last_admin(const User& before, const User* after);

  Store& store_;
  const base::Clock& clock_;
  base::Random& random_;
  std::mutex changing_;
  base::Secret link_;
};

}  // namespace identity
