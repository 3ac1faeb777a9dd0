#pragma once

#include <optional>

#include "base/ids.h"
#include "catalog/snapshot.h"
#include "identity/audit.h"
#include "identity/session.h"
#include "identity/user.h"

namespace admin {

// Who sent a request, once that is known.
struct Caller {
  identity::Role role = identity::Role::viewer;
  std::optional<base::AccountId> account = {};  // sees this one and those below it; nullopt: everything
  identity::Actor actor = {};
  std::optional<identity::SessionId> session = {};  // that came in a cookie: changes need its CSRF token
};

// Whether the account is in what the caller sees.
bool sees(const Caller& caller, const catalog::Snapshot& snapshot, base::AccountId account);
// The same of a key's account, and of whatever a limit is on. An admin key is for who sees everything.
bool sees(const Caller& caller, const catalog::Snapshot& snapshot, const catalog::Key& key);
bool sees(const Caller& caller, const catalog::Snapshot& snapshot, const catalog::Limit& limit);

// forbidden: what is set for the caller's own account is set by those above: it is changed by them.
base::Status check_not_own(const Caller& caller, base::AccountId account);
base::Status check_not_own(const Caller& caller, const catalog::LimitSubject& subject);

}  // namespace admin
