#include <algorithm>

#include <fmt/format.h>

#include "admin/handlers.h"
#include "admin/references.h"
#include "admin/reply.h"
#include "catalog/checks.h"

namespace admin {
namespace {

using identity::User;

// By id or by name.
base::Result<User> find_user(Services& services, const Call& call) {
  if (const auto id = identity::UserId::parse(call.id)) return services.users.find(*id);
  TRY(const std::string name, identity::user_name_from(call.id));
  TRY(auto user, services.identity.find_user_named(name));
  if (user) return std::move(*user);
  return base::fail(base::ErrorType::not_found, fmt::format("there is no user '{}'", name), "id", base::Source::client);
}

// The field `account`: of whom it sees; null is everything.
base::Result<std::optional<std::optional<base::AccountId>>> read_account(base::JsonFields& fields, const Call& call,
                                                                         const catalog::Snapshot& snapshot) {
  TRY(const auto account, fields.string("account"));
  if (!account) return std::nullopt;
  if (*account == "*") return std::optional(std::optional<base::AccountId>());
  TRY(const catalog::Account* found, find_account(snapshot, *account, "account", call.caller));
  TRY_STATUS(catalog::check_not_deleted(*found, "account"));
  return std::optional(std::optional(found->id));
}

base::Result<std::optional<identity::Role>> read_role(base::JsonFields& fields) {
  TRY(const auto role, fields.string("role"));
  if (!role) return std::nullopt;
  return identity::role_from(*role);
}

// The field `login`: whether the user logs in with the provider; false if it is not there.
base::Result<bool> read_to_provider(base::JsonFields& fields, bool has_password) {
  TRY(const auto login, fields.string("login"));
  if (!login) return false;
  if (*login != "password" && *login != "oidc") return base::invalid("'login' must be password or oidc", "login");
  if (*login == "oidc" && has_password)
    return base::invalid("who logs in with the provider (oidc) has no password here: leave it out", "password");
  if (*login == "password" && !has_password)
    return base::invalid("'password' is missing: who is to log in with a password needs one", "password");
  return *login == "oidc";
}

}  // namespace

base::Result<Response> create_user(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  const auto snapshot = services.catalog.current();
  identity::NewUser wanted;
  TRY(wanted.name, fields.required_string("username"));
  TRY(auto password, fields.string("password"));
  TRY(const bool to_provider, read_to_provider(fields, password.has_value()));
  TRY(const auto role, read_role(fields));
  TRY(const auto account, read_account(fields, call, *snapshot));
  TRY_STATUS(fields.finish());
  if (!password && !to_provider)
    return base::invalid("'password' is missing; who logs in with the provider has 'login' oidc instead", "password");
  if (password) wanted.password = base::Secret(std::move(*password));
  wanted.role = role.value_or(identity::Role::viewer);
  wanted.account = account.value_or(std::nullopt);
  TRY(const User created, services.users.create(wanted));
  return json_reply(201, to_json(created));
}

base::Result<Response> list_users(Services& services, Call& call) {
  TRY(const Page page, read_page(call.query));
  TRY_STATUS(call.query.finish());
  TRY(const auto users, services.users.all());
  std::vector<const User*> pointers;
  for (const User& user : users) pointers.push_back(&user);
  const auto taken = take_page(std::move(pointers), page);
  boost::json::array data;
  for (const User* user : taken.items) data.push_back(to_json(*user));
  return list_reply(std::move(data), taken.next);
}

base::Result<Response> show_user(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  TRY(const User user, find_user(services, call));
  return json_reply(200, to_json(user));
}

base::Result<Response> edit_user(Services& services, Call& call) {
  TRY(const User user, find_user(services, call));
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  const auto snapshot = services.catalog.current();
  identity::UserEdit edit;
  TRY(edit.role, read_role(fields));
  TRY(edit.account, read_account(fields, call, *snapshot));
  TRY(const auto status, fields.string("status"));
  TRY(auto password, fields.string("password"));
  TRY(edit.to_provider, read_to_provider(fields, password.has_value()));
  TRY_STATUS(fields.finish());
  if (status) {
    if (*status != "active" && *status != "disabled")
      return base::invalid("'status' must be active or disabled", "status");
    edit.status = *status == "active" ? identity::UserStatus::active : identity::UserStatus::disabled;
  }
  if (password) edit.password = base::Secret(std::move(*password));
  if (!edit.role && !edit.account && !edit.status && !edit.password && !edit.to_provider)
    return base::invalid("nothing to change: give 'role', 'account', 'status', 'login' or 'password'");
  TRY(const User changed, services.users.edit(user.id, edit));
  return json_reply(200, to_json(changed));
}

base::Result<Response> remove_user(Services& services, Call& call) {
  TRY(const User user, find_user(services, call));
  TRY_STATUS(services.users.remove(user.id));
  return Response{204, {}, {}, {}};
}

}  // namespace admin
