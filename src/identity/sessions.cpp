#include "identity/sessions.h"

#include <fmt/format.h>

#include "base/sha256.h"
#include "identity/password.h"

namespace identity {
namespace {

std::unexpected<base::Error> wrong() {
  return base::fail(base::ErrorType::unauthorized, "user name and password do not fit", {}, base::Source::client);
}

std::unexpected<base::Error> over() {
  return base::fail(base::ErrorType::unauthorized, "this session is not known, or over: log in again", {},
                    base::Source::client);
}

}  // namespace

Sessions::Sessions(Store& store, SigningKeys keys, std::int64_t session_ms, IsAdminKey is_admin_key,
                   const base::Clock& clock, base::Random& random)
    : store_(store),
      keys_(std::move(keys)),
      session_ms_(session_ms),
      is_admin_key_(std::move(is_admin_key)),
      clock_(clock),
      random_(random) {}

std::int64_t Sessions::wait_ms(std::string_view name, std::string_view address) {
  const std::lock_guard lock(attempts_mutex_);
  return attempts_.wait_ms(name, address, clock_.wall_now());
}

base::Status Sessions::check_attempt(std::string_view name, std::string_view address) {
  const std::int64_t wait = wait_ms(name, address);
  if (wait == 0) return {};
  return base::fail(base::ErrorType::rate_limited,
                    fmt::format("too many logins failed: try again in {} s", (wait + 999) / 1000), {},
                    base::Source::client);
}

void Sessions::note(bool fits, std::string_view name, std::string_view address) {
  const std::lock_guard lock(attempts_mutex_);
  fits ? attempts_.succeeded(name) : attempts_.failed(name, address, clock_.wall_now());
}

base::Result<LoggedIn> Sessions::log_in(std::string_view name, const base::Secret& password, std::string_view address) {
  // A text that is no name has nobody's password; what was typed is not repeated.
  const auto known = user_name_from(name);
  const std::string who = known ? *known : std::string();
  TRY_STATUS(check_attempt(who, address));
  std::optional<User> user;
  if (known) {
    TRY(user, store_.find_user_named(who));
  }
  const bool fits =
      password_fits(password, user ? user->password : std::string()) && user->status == UserStatus::active;
  note(fits, who, address);
  if (!fits) return wrong();
  return open_for(*user);
}

base::Result<LoggedIn> Sessions::log_in_with_key(const base::Secret& admin_key, std::string_view address) {
  TRY_STATUS(check_attempt({}, address));
  const base::Sha256 digest = base::sha256(admin_key.reveal());
  if (!is_admin_key_(digest)) {
    note(false, {}, address);
    return base::fail(base::ErrorType::unauthorized, "this is no admin key that is known here", "admin_key",
                      base::Source::client);
  }
  return open({.admin_key = digest}, std::nullopt);
}

base::Result<LoggedIn> Sessions::open_for(const User& user) { return open({.user = user.id}, user); }

base::Result<LoggedIn> Sessions::open(Session session, std::optional<User> user) {
  session.created = clock_.wall_now();
  session.id = SessionId::create(session.created, random_);
  session.expires = {session.created.ms + session_ms_};
  TRY_STATUS(store_.open_session(session));
  return LoggedIn{session, std::move(user)};
}

base::Result<LoggedIn> Sessions::find(std::string_view token) {
  const base::WallTime now = clock_.wall_now();
  TRY(const SessionId id, keys_.read(token, now));
  TRY(auto session, store_.find_session(id));
  if (!session || session->expires <= now) return over();
  if (session->admin_key) {
    if (!is_admin_key_(*session->admin_key)) return over();
    return LoggedIn{*session, std::nullopt};
  }
  TRY(auto user, store_.find_user(session->user.value_or(UserId{})));
  if (!user || user->status != UserStatus::active || session->created < user->sessions_from) return over();
  return LoggedIn{*session, std::move(user)};
}

}  // namespace identity
