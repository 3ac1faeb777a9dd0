#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "identity/attempts.h"
#include "identity/store.h"

namespace identity {

// A session that counts, and whose it is.
struct LoggedIn {
  Session session;
  std::optional<User> user;  // nullopt: of who holds an admin key

  Role role() const { return user ? user->role : Role::admin; }
  std::optional<base::AccountId> account() const { return user ? user->account : std::nullopt; }
  std::string_view name() const { return user ? std::string_view(user->name) : std::string_view("admin key"); }
};

// Lets users in, and out. Thread-safe. A login takes as long as a password's hash (password.h), so it is not for an
// event loop of the data plane.
class Sessions {
 public:
  // Whether an admin key with this digest may still come in.
  using IsAdminKey = std::function<bool(const base::Sha256&)>;

  Sessions(Store& store, SigningKeys keys, std::int64_t session_ms, IsAdminKey is_admin_key, const base::Clock& clock,
           base::Random& random);

  // unauthorized: name and password do not fit, or the user is disabled; nobody is told which. rate_limited, with the
  // seconds to wait in its message: too many failures by this name, or from this address.
  base::Result<LoggedIn> log_in(std::string_view name, const base::Secret& password, std::string_view address);
  base::Result<LoggedIn> log_in_with_key(const base::Secret& admin_key, std::string_view address);
  // Of a user who has just proved who he is.
  base::Result<LoggedIn> open_for(const User& user);

  // unauthorized: the token is none of ours, or its session does not count any more.
  base::Result<LoggedIn> find(std::string_view token);
  base::Status log_out(SessionId session) { return store_.end_session(session); }

  std::string token_of(const LoggedIn& session) const { return keys_.token_of(session.session, session.name()); }
  const SigningKeys& keys() const { return keys_; }

  // rate_limited: see log_in. Without a name only the address counts.
  base::Status check_attempt(std::string_view name, std::string_view address);
  // Of somebody who came otherwise than with a password, and was not let in.
  void note_failure(std::string_view address) { note(false, {}, address); }
  // Until who may try again; 0: now.
  std::int64_t wait_ms(std::string_view name, std::string_view address);

 private:
  void note(bool fits, std::string_view name, std::string_view address);
  base::Result<LoggedIn> open(Session session, std::optional<User> user);

  Store& store_;
  const SigningKeys keys_;
  const std::int64_t session_ms_;
  const IsAdminKey is_admin_key_;
  const base::Clock& clock_;
  base::Random& random_;
  std::mutex attempts_mutex_;
  LoginAttempts attempts_;
};

}  // namespace identity
