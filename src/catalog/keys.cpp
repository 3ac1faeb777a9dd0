// The catalog's keys.
#include <fmt/format.h>

#include <utility>

#include "base/assert.h"
#include "base/rfc3339.h"
#include "catalog/catalog.h"
#include "catalog/checks.h"
#include "catalog/tags.h"

namespace catalog {
namespace {

base::Status check_ahead(base::WallTime expires, base::WallTime now) {
  if (expires > now) return {};
  return base::invalid(fmt::format("expires is {}, which is past", base::to_rfc3339(expires)), "expires");
}

// An admin key makes no calls.
base::Status check_makes_calls(KeyRole role, const std::string& tags, const KeyScope& scope) {
  if (role == KeyRole::data) return {};
  if (!tags.empty()) return base::invalid("an admin key makes no calls; leave its tags out", "tags");
  if (scope.empty()) return {};
  return base::invalid("an admin key makes no calls; leave what it allows out", !scope.models.empty() ? "allowed_models"
                                                                                : !scope.routes.empty()
                                                                                    ? "allowed_routes"
                                                                                    : "allowed_addresses");
}

std::unexpected<base::Error> revoked(const Key& key) {
  return base::fail(base::ErrorType::conflict,
                    fmt::format("key {} is revoked, which is for ever; create another one", key.id.to_string()), {},
                    base::Source::client);
}

}  // namespace

base::Result<CreatedKey> Catalog::create_key(const NewKey& wanted) {
  TRY_STATUS(check_text(wanted.name, 1, "name"));
  const base::WallTime now = clock_.wall_now();
  if (wanted.expires) TRY_STATUS(check_ahead(*wanted.expires, now));
  TRY(const std::string tags, parse_tags(wanted.tags, "tags"));
  TRY_STATUS(check_scope(wanted.scope));

  const std::lock_guard lock(changing_);
  if (wanted.role == KeyRole::admin && !wanted.account.is_nil())
    return base::invalid("an admin key belongs to no account", "account");
  TRY_STATUS(check_makes_calls(wanted.role, tags, wanted.scope));
  if (wanted.role == KeyRole::data) {
    TRY_STATUS(check_account(*snapshot_, wanted.account, "account"));
  }

  CreatedKey created{.key = {}, .secret = new_secret(wanted.role, random_)};
  created.key = {.id = base::KeyId::create(now, random_),
                 .account = wanted.account,
                 .name = wanted.name,
                 .hash = base::sha256(created.secret),
                 .hint = hint_of(created.secret),
                 .role = wanted.role,
                 .status = KeyStatus::active,
                 .created = now,
                 .expires = wanted.expires,
                 .tags = tags};
  created.key.set_extras({.scope = wanted.scope});
  TRY_STATUS(publish({.keys = {created.key}}));
  return created;
}

base::Result<Key> Catalog::edit_key(base::KeyId id, const KeyEdit& edit) {
  if (edit.name) TRY_STATUS(check_text(*edit.name, 1, "name"));
  if (edit.expires && *edit.expires) TRY_STATUS(check_ahead(**edit.expires, clock_.wall_now()));

  const std::lock_guard lock(changing_);
  const auto known = snapshot_->find_key(id);
  if (!known) return not_found("key", id.to_string());
  Key changed = *known->key;
  TRY_STATUS(check_not_of_limiter(changed));
  if (changed.status == KeyStatus::revoked) return revoked(changed);
  changed.name = edit.name.value_or(changed.name);
  changed.expires = edit.expires.value_or(changed.expires);
  if (edit.tags) {
    TRY(changed.tags, parse_tags(*edit.tags, "tags"));
  }
  KeyExtras extras = changed.extras();
  extras.scope.models = edit.models.value_or(extras.scope.models);
  extras.scope.routes = edit.routes.value_or(extras.scope.routes);
  extras.scope.addresses = edit.addresses.value_or(extras.scope.addresses);
  TRY_STATUS(check_scope(extras.scope));
  TRY_STATUS(check_makes_calls(changed.role, changed.tags, extras.scope));
  changed.set_extras(std::move(extras));
  TRY_STATUS(publish({.keys = {changed}}));
  return changed;
}

base::Result<CreatedKey> Catalog::rotate_key(base::KeyId id, std::int64_t overlap_ms) {
  ASSERT(overlap_ms >= 0 && overlap_ms <= longest_overlap_ms);
  const std::lock_guard lock(changing_);
  const auto known = snapshot_->find_key(id);
  if (!known) return not_found("key", id.to_string());
  CreatedKey created{.key = *known->key, .secret = new_secret(known->key->role, random_)};
  Key& key = created.key;
  TRY_STATUS(check_not_of_limiter(key));
  if (key.status == KeyStatus::revoked) return revoked(key);
  KeyExtras extras = key.extras();
  extras.replaced.reset();
  if (overlap_ms > 0)
    extras.replaced = ReplacedSecret{.hash = key.hash, .hint = key.hint, .until = {clock_.wall_now().ms + overlap_ms}};
  key.set_extras(std::move(extras));
  key.hash = base::sha256(created.secret);
  key.hint = hint_of(created.secret);
  TRY_STATUS(publish({.keys = {key}}));
  return created;
}

base::Result<Key> Catalog::revoke_key(base::KeyId id) {
  const std::lock_guard lock(changing_);
  const auto known = snapshot_->find_key(id);
  if (!known) return not_found("key", id.to_string());
  Key changed = *known->key;
  if (changed.status == KeyStatus::revoked) return changed;
  TRY_STATUS(check_not_of_limiter(changed));

  changed.status = KeyStatus::revoked;
  TRY_STATUS(publish({.keys = {changed}}));
  return changed;
}

}  // namespace catalog
