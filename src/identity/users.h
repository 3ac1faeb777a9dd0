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
  base::Secret password;
  Role role = Role::viewer;
  std::optional<base::AccountId> account = {};  // that exists: the caller has looked
};

// What is set is changed.
struct UserEdit {
  std::optional<Role> role = {};
  std::optional<std::optional<base::AccountId>> account = {};
  std::optional<UserStatus> status = {};
  std::optional<base::Secret> password = {};
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

  // The secret of the link by which whoever has it makes the first user, an admin; nullopt: there are users already.
  // Another one each time the program starts; it is kept nowhere.
  base::Result<std::optional<base::Secret>> setup_link();
  // unauthorized: it is not the link, or was used. conflict: there are users already.
  base::Result<User> set_up(const base::Secret& link, std::string name, base::Secret password);

 private:
  base::Result<User> create_locked(const NewUser& wanted);
  base::Status check_last_admin(const User& before, const User* after);

  Store& store_;
  const base::Clock& clock_;
  base::Random& random_;
  std::mutex changing_;
  base::Secret link_;
};

}  // namespace identity
