#include <fmt/format.h>

#include "admin/handlers.h"
#include "admin/limit_fields.h"
#include "admin/references.h"
#include "admin/reply.h"
#include "base/time_text.h"

namespace admin {
namespace {

struct WantedKey {
  catalog::NewKey key;
  std::vector<catalog::LimitText> limits;
};

base::Result<catalog::KeyRole> read_role(base::JsonFields& fields) {
  TRY(const auto role, fields.string("role"));
  if (!role || *role == catalog::to_string(catalog::KeyRole::data)) return catalog::KeyRole::data;
  if (*role == catalog::to_string(catalog::KeyRole::admin)) return catalog::KeyRole::admin;
  return base::invalid("'role' must be data or admin", "role");
}

// An admin key is an admin: nobody else makes one, or ends one.
base::Status check_may_make(const Caller& caller, catalog::KeyRole role) {
  if (role == catalog::KeyRole::data || caller.role == identity::Role::admin) return {};
  return base::fail(base::ErrorType::forbidden, "admin keys are made and revoked by admins", "role",
                    base::Source::client);
}

base::Result<std::optional<base::WallTime>> read_expiry(base::JsonFields& fields, base::WallTime now) {
  TRY(const auto text, fields.string("expires"));
  if (!text) return std::nullopt;
  const auto at = base::parse_time(*text);
  if (!at) return base::invalid(fmt::format("'expires' {}", at.error().message), "expires");
  if (*at <= now) return base::invalid("'expires' lies in the past", "expires");
  return *at;
}

// Of a key that has one already; nullopt within: it is not to end.
base::Result<std::optional<std::optional<base::WallTime>>> read_new_expiry(base::JsonFields& fields,
                                                                           base::WallTime now) {
  const base::Json* const field = fields.any("expires");
  if (field == nullptr) return std::nullopt;
  if (field->kind() == base::Json::Kind::string && field->text() == "never")
    return std::optional(std::optional<base::WallTime>());
  TRY(const auto expires, read_expiry(fields, now));
  return std::optional(expires);
}

using Names = std::vector<std::string>;
struct Allowed {
  std::optional<Names> models, routes, addresses;
};
base::Result<Allowed> read_allowed(base::JsonFields& fields, const Options& options) {
  Allowed allowed;
  TRY(allowed.models, fields.strings("allowed_models"));
  TRY(allowed.routes, fields.strings("allowed_routes"));
  TRY(allowed.addresses, fields.strings("allowed_addresses"));
  for (const std::string& route : allowed.routes.value_or(Names()))
    TRY_STATUS(check_route(options, route, "allowed_routes"));
  return allowed;
}

base::Result<std::vector<catalog::LimitText>> read_limits(base::JsonFields& fields, const Options& options) {
  TRY(const auto texts, fields.strings("limits"));
  std::vector<catalog::LimitText> limits;
  for (const std::string& text : texts.value_or(std::vector<std::string>())) {
    const auto field = fmt::format("limits[{}]", limits.size());
    const auto limit = catalog::parse_limit_text(text);
    if (!limit) return base::invalid(fmt::format("'{}': {}", field, limit.error().message), field);
    if (const auto known = check_unit(options, limit->unit, {}); !known)
      return base::invalid(fmt::format("'{}': {}", field, known.error().message), field);
    for (const catalog::LimitText& other : limits)
      if (other.unit == limit->unit && other.window == limit->window)
        return base::invalid(fmt::format("'{}': {} {} is limited twice; keep one", field,
                                         catalog::to_string(limit->unit), catalog::in_words(limit->window)),
                             field);
    limits.push_back(*limit);
  }
  return limits;
}

base::Result<WantedKey> read_wanted(const Call& call, const catalog::Snapshot& snapshot, const Options& options,
                                    base::WallTime now) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  WantedKey wanted;
  TRY(const auto account, fields.string("account"));
  TRY(wanted.key.name, fields.required_string("name"));
  TRY(wanted.key.role, read_role(fields));
  TRY(wanted.key.expires, read_expiry(fields, now));
  TRY(auto tags, fields.string("tags"));
  wanted.key.tags = std::move(tags).value_or("");
  TRY(auto allowed, read_allowed(fields, options));
  wanted.key.scope = {.models = std::move(allowed.models).value_or(Names()),
                      .routes = std::move(allowed.routes).value_or(Names()),
                      .addresses = std::move(allowed.addresses).value_or(Names())};
  TRY(wanted.limits, read_limits(fields, options));
  TRY_STATUS(fields.finish());
  TRY_STATUS(check_may_make(call.caller, wanted.key.role));
  if (wanted.key.role == catalog::KeyRole::admin) {
    if (account) return base::invalid("an admin key belongs to no account; leave 'account' out", "account");
    if (!wanted.limits.empty()) return base::invalid("an admin key spends nothing; leave 'limits' out", "limits");
    return wanted;
  }
  if (!account) return base::invalid("'account' is missing: whose key is it?", "account");
  TRY(const catalog::Account* found, find_account(snapshot, *account, "account", call.caller));
  wanted.key.account = found->id;
  return wanted;
}

// Puts the limits on a key that nobody knows yet: its secret is shown only when this has succeeded, so there is no
// moment in which it can spend without them. If the store fails half-way, the key is revoked.
base::Result<std::vector<catalog::Limit>> put_limits(catalog::Catalog& catalog, base::KeyId key,
                                                     const std::vector<catalog::LimitText>& texts) {
  std::vector<catalog::Limit> limits;
  for (const catalog::LimitText& text : texts) {
    catalog::NewLimit wanted;
    wanted.subject = key;
    wanted.unit = text.unit;
    wanted.window = text.window;
    wanted.amount = text.amount;
    auto limit = catalog.create_limit(wanted);
    if (!limit) {
      const bool undone = catalog.revoke_key(key).has_value();
      return base::fail(std::move(limit.error())
                            .in(undone ? "the key was revoked again, because a limit could not be stored"
                                       : "a limit could not be stored; the key's secret was shown to nobody"));
    }
    limits.push_back(std::move(*limit));
  }
  return limits;
}

}  // namespace

base::Result<Response> create_key(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const WantedKey wanted, read_wanted(call, *snapshot, services.options, services.clock.wall_now()));
  TRY(const catalog::CreatedKey created, services.catalog.create_key(wanted.key));
  TRY(const auto limits, put_limits(services.catalog, created.key.id, wanted.limits));

  auto reply = to_json(created.key);
  reply["secret"] = created.secret;
  boost::json::array written;
  for (const catalog::Limit& limit : limits) written.push_back(to_json(limit));
  reply["limits"] = std::move(written);
  return json_reply(201, reply);
}

base::Result<Response> list_keys(Services& services, Call& call) {
  TRY(const Page page, read_page(call.query));
  TRY(const auto account, call.query.text("account"));
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  std::optional<base::AccountId> owner;
  if (account) {
    TRY(const catalog::Account* found, find_account(*snapshot, *account, "account", call.caller));
    owner = found->id;
  }
  std::vector<const catalog::Key*> keys;
  for (const catalog::Key& key : snapshot->keys())
    if ((!owner || key.account == *owner) && sees(call.caller, *snapshot, key)) keys.push_back(&key);
  const auto taken = take_page(std::move(keys), page);
  boost::json::array data;
  for (const catalog::Key* key : taken.items) data.push_back(to_json(*key));
  return list_reply(std::move(data), taken.next);
}

base::Result<Response> show_key(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Key* key, find_key(*snapshot, call.id, "id", call.caller));
  return json_reply(200, to_json(*key));
}

base::Result<Response> edit_key(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  catalog::KeyEdit edit;
  TRY(edit.name, fields.string("name"));
  TRY(edit.expires, read_new_expiry(fields, services.clock.wall_now()));
  TRY(edit.tags, fields.string("tags"));
  TRY(auto allowed, read_allowed(fields, services.options));
  edit.models = std::move(allowed.models);
  edit.routes = std::move(allowed.routes);
  edit.addresses = std::move(allowed.addresses);
  TRY_STATUS(fields.finish());
  if (edit == catalog::KeyEdit{})
    return base::invalid(
        "nothing to change: give 'name', 'expires', 'tags', 'allowed_models', 'allowed_routes' or "
        "'allowed_addresses'");
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Key* key, find_key(*snapshot, call.id, "id", call.caller));
  TRY_STATUS(check_may_make(call.caller, key->role));
  TRY(const catalog::Key changed, services.catalog.edit_key(key->id, edit));
  return json_reply(200, to_json(changed));
}

base::Result<Response> rotate_key(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  TRY(const auto overlap, fields.integer("overlap_seconds"));
  TRY_STATUS(fields.finish());
  constexpr std::int64_t a_day = 86'400, most = catalog::Catalog::longest_overlap_ms / 1'000;
  const std::int64_t overlap_seconds = overlap.value_or(a_day);
  if (overlap_seconds < 0 || overlap_seconds > most)
    return base::invalid(
        fmt::format("'overlap_seconds' is {}; the old secret is taken for 0 to {} seconds more", overlap_seconds, most),
        "overlap_seconds");
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Key* key, find_key(*snapshot, call.id, "id", call.caller));
  TRY_STATUS(check_may_make(call.caller, key->role));
  TRY(const catalog::CreatedKey rotated, services.catalog.rotate_key(key->id, overlap_seconds * 1'000));
  auto reply = to_json(rotated.key);
  reply["secret"] = rotated.secret;
  return json_reply(200, reply);
}

base::Result<Response> revoke_key(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(const auto fields, base::JsonFields::of(body));
  TRY_STATUS(fields.finish());
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Key* key, find_key(*snapshot, call.id, "id", call.caller));
  TRY_STATUS(check_may_make(call.caller, key->role));
  TRY(const catalog::Key revoked, services.catalog.revoke_key(key->id));
  return json_reply(200, to_json(revoked));
}

}  // namespace admin
