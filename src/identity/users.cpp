#include "identity/users.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/sha256.h"
#include "identity/password.h"

namespace identity {
namespace {

std::string random_link(base::Random& random) {
  std::array<std::byte, 24> bytes;
  random.fill(bytes);
  std::string link;
  for (const std::byte byte : bytes) link += fmt::format("{:02x}", std::to_integer<int>(byte));
  return link;
}

std::unexpected<base::Error> no_user(UserId id) {
  return base::fail(base::ErrorType::not_found, fmt::format("there is no user {}", id.to_string()), {},
                    base::Source::client);
}

base::Status check_scope(const User& user) {
  if (user.role == Role::admin && user.account)
    return base::invalid("an admin sees everything: leave 'account' out, or make it an operator or a viewer",
                         "account");
  return {};
}

std::unexpected<base::Error> refused(std::string why) {
  return base::fail(base::ErrorType::forbidden, std::move(why), {}, base::Source::client);
}

bool is_open_admin(const User& user) { return user.role == Role::admin && user.status == UserStatus::active; }

// It may do less than it might before: sessions of then must not go on.
bool is_less(const User& before, const User& after) {
  return after.role < before.role || after.account != before.account || after.status != UserStatus::active ||
         after.password != before.password || after.provider_subject != before.provider_subject;
}

}  // namespace

Users::Users(Store& store, const base::Clock& clock, base::Random& random)
    : store_(store), clock_(clock), random_(random), link_(random_link(random)) {}

base::Result<User> Users::find(UserId id) {
  TRY(auto user, store_.find_user(id));
  if (!user) return no_user(id);
  return std::move(*user);
}

base::Result<User> Users::create(const NewUser& wanted) {
  const std::lock_guard lock(changing_);
  return create_locked(wanted);
}

base::Result<User> Users::create_locked(const NewUser& wanted, std::string provider_subject) {
  const base::WallTime now = clock_.wall_now();
  User user{.id = UserId::create(now, random_),
            .name = {},
            .role = wanted.role,
            .account = wanted.account,
            .password = {},
            .created = now,
            .sessions_from = now,
            .provider_subject = std::move(provider_subject)};
  TRY(user.name, user_name_from(wanted.name));
  TRY_STATUS(check_scope(user));
  if (wanted.password) TRY_STATUS(check_new_password(*wanted.password, user.name));
  TRY(const auto other, store_.find_user_named(user.name));
  if (other)
    return base::fail(base::ErrorType::conflict, fmt::format("there is a user '{}' already", user.name), "username",
                      base::Source::client);
  if (wanted.password) {
    TRY(user.password, hash_password(*wanted.password));
  }
  TRY_STATUS(store_.put_user(user));
  return user;
}

base::Result<User> Users::edit(UserId id, const UserEdit& edit) {
  const std::lock_guard lock(changing_);
  TRY(const User before, find(id));
  return edit_locked(before, edit, edit.password || edit.to_provider ? std::string() : before.provider_subject);
}

base::Result<User> Users::edit_locked(const User& before, const UserEdit& edit, std::string provider_subject) {
  User after = before;
  after.provider_subject = std::move(provider_subject);
  after.role = edit.role.value_or(after.role);
  after.account = edit.account.value_or(after.account);
  after.status = edit.status.value_or(after.status);
  TRY_STATUS(check_scope(after));
  if (edit.password) {
    TRY_STATUS(check_new_password(*edit.password, after.name));
    TRY(after.password, hash_password(*edit.password));
  } else if (edit.to_provider) {
    after.password.clear();
  }
  if (after == before) return after;
  TRY_STATUS(check_last_admin(before, &after));
  if (is_less(before, after)) after.sessions_from = clock_.wall_now();
  TRY_STATUS(store_.put_user(after));
  return after;
}

base::Result<User> Users::come_in(const ProviderUser& visitor) {
  const std::lock_guard lock(changing_);
  TRY(const auto users, store_.users());
  const auto known = std::ranges::find(users, visitor.subject, &User::provider_subject);
  const auto found = known != users.end() ? known : std::ranges::find(users, visitor.name, &User::name);
  if (found == users.end()) {
    if (visitor.role) return create_locked({.name = visitor.name, .role = *visitor.role}, visitor.subject);
    return refused(
        fmt::format("there is no user '{}'; an admin can make one who logs in with the provider", visitor.name));
  }
  if (!found->password.empty())
    return refused(
        fmt::format("'{}' logs in with a password; an admin can let it log in with the provider", found->name));
  if (known == users.end() && !found->provider_subject.empty())
    return refused(fmt::format("'{}' is somebody else at the provider; an admin can remove that user", found->name));
  if (found->status != UserStatus::active) return refused(fmt::format("'{}' is disabled", found->name));
  return edit_locked(*found, {.role = visitor.role}, visitor.subject);
}

base::Status Users::remove(UserId id) {
  const std::lock_guard lock(changing_);
  TRY(const User user, find(id));
  TRY_STATUS(check_last_admin(user, nullptr));
  return store_.remove_user(id);
}

base::Status Users::check_last_admin(const User& before, const User* after) {
  if (!is_open_admin(before) || (after != nullptr && is_open_admin(*after))) return {};
  TRY(const auto users, store_.users());
  for (const User& other : users)
    if (other.id != before.id && is_open_admin(other)) return {};
  return base::fail(base::ErrorType::conflict,
                    fmt::format("'{}' is the last admin who may log in; make another one first", before.name), {},
                    base::Source::client);
}

base::Result<std::optional<base::Secret>> Users::setup_link() {
  const std::lock_guard lock(changing_);
  TRY(const auto users, store_.users());
  if (!users.empty()) return std::nullopt;
  return link_;
}

base::Result<User> Users::set_up(const base::Secret& link, std::string name, base::Secret password) {
  const std::lock_guard lock(changing_);
  TRY(const auto users, store_.users());
  if (!users.empty())
    return base::fail(base::ErrorType::conflict, "there are users already: log in, or ask one of the admins", {},
                      base::Source::client);
  if (!base::equal_in_constant_time(base::sha256(link.reveal()), base::sha256(link_.reveal())))
    return base::fail(base::ErrorType::unauthorized,
                      "this is not the link that the server printed at its last start; it prints a new one each time",
                      "link", base::Source::client);
  return create_locked({.name = std::move(name), .password = std::move(password), .role = Role::admin});
}

}  // namespace identity
