#pragma once
// Port: where users, sessions and the audit log are kept. One conformance suite (tests/conformance) holds for every
// implementation. What it says is durable against power loss when it returns.

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "identity/audit.h"
#include "identity/session.h"
#include "identity/user.h"

namespace identity {

class Store {
 public:
  virtual ~Store() = default;

  // In the order in which they were made.
  virtual base::Result<std::vector<User>> users() = 0;
  virtual base::Result<std::optional<User>> find_user(UserId id) = 0;
  virtual base::Result<std::optional<User>> find_user_named(std::string_view name) = 0;
  // Inserts, or replaces the one with its id. conflict: another one has the name.
  virtual base::Status put_user(const User& user) = 0;
  // With its sessions. not_found: there is none.
  virtual base::Status remove_user(UserId id) = 0;

  // Takes sessions away on the way whose time is over.
  virtual base::Status open_session(const Session& session) = 0;
  virtual base::Result<std::optional<Session>> find_session(SessionId id) = 0;
  // There may be none.
  virtual base::Status end_session(SessionId id) = 0;

  // An entry that was not there yet.
  virtual base::Status begin_change(const AuditEntry& entry) = 0;
  // Completes the entry with this id by its subject, after and status.
  virtual base::Status end_change(const AuditEntry& entry) = 0;
  // Newest first.
  virtual base::Result<std::vector<AuditEntry>> changes(const AuditFilter& filter) = 0;
};

}  // namespace identity
