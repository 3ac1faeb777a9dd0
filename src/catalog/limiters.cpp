// The catalog's limiters.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "catalog/catalog.h"
#include "catalog/checks.h"
#include "catalog/key_scope.h"
#include "catalog/limit_filter.h"

namespace catalog {
namespace {

base::Status check_deployments(const std::map<std::string, std::string, std::less<>>& deployments) {
  constexpr std::size_t most = 100;
  if (deployments.size() > most)
    return base::invalid(fmt::format("'deployments' has {} entries; it takes at most {}", deployments.size(), most),
                         "deployments");
  for (const auto& [deployment, model] : deployments) {
    TRY_STATUS(check_text(deployment, 1, "deployments"));
    if (deployment.contains('='))
      return base::invalid(fmt::format("'deployments' holds '{}': a deployment's name has no '='", deployment),
                           "deployments");
    TRY_STATUS(check_text(model, 1, "deployments"));
  }
  return {};
}

std::unexpected<base::Error> conflict(std::string message, std::string field = {}) {
  return base::fail(base::ErrorType::conflict, std::move(message), std::move(field), base::Source::client);
}

}  // namespace

base::Result<Limiter> Catalog::create_limiter(const NewLimiter& wanted) {
  TRY_STATUS(check_text(wanted.name, 1, "name"));
  TRY_STATUS(check_models(wanted.models, "models"));
  TRY_STATUS(check_deployments(wanted.deployments));
  if (!wanted.code.empty()) TRY_STATUS(check_path_code(wanted.code));
  TRY(Limit limit, limit_of({.subject = base::AccountId{},
                             .unit = LimitUnit::usd,
                             .window = wanted.window,
                             .amount = wanted.budget,
                             .refusal_status = wanted.refusal_status}));

  const std::lock_guard lock(changing_);
  if (wanted.parent) {
    TRY_STATUS(check_account(*snapshot_, *wanted.parent, "parent"));
  }
  const base::WallTime now = clock_.wall_now();
  Limiter limiter{.id = base::AccountId::create(now, random_),
                  .code = wanted.code,
                  .key = base::KeyId::create(now, random_),
                  .limit = limit.id,
                  .base_url = wanted.base_url,
                  .provider = wanted.provider,
                  .models = wanted.models,
                  .deployments = wanted.deployments,
                  .created = now};
  while (limiter.code.empty() || (wanted.code.empty() && snapshot_->find_limiter(limiter.code) != nullptr))
    limiter.code = new_path_code(random_);
  if (snapshot_->find_limiter(limiter.code) != nullptr)
    return conflict(fmt::format("the code '{}' is or was another limiter's; codes are never given twice", limiter.code),
                    "code");
  limit.subject = limiter.id;
  const Account account{
      .id = limiter.id, .parent = wanted.parent, .name = wanted.name, .external_id = {}, .created = now};
  Key key{.id = limiter.key,
          .account = limiter.id,
          .name = fmt::format("limiter {}", limiter.code),
          .hint = fmt::format("/v1/{}", limiter.code),
          .created = now,
          .expires = {}};
  random_.fill(std::as_writable_bytes(std::span(key.hash)));  // of no secret at all
  TRY_STATUS(publish_with_copies({.accounts = {account}, .keys = {key}, .limiters = {limiter}, .limits = {limit}},
                                 limiter.id));
  return limiter;
}

base::Result<Limiter> Catalog::find_limiter(base::AccountId id) const {
  const Limiter* const known = snapshot_->find_limiter(id);
  if (known == nullptr || known->removed) return not_found("limiter", id.to_string());
  return *known;
}

base::Result<Limiter> Catalog::edit_limiter(base::AccountId id, const LimiterEdit& edit) {
  if (edit.name) TRY_STATUS(check_text(*edit.name, 1, "name"));
  if (edit.models) TRY_STATUS(check_models(*edit.models, "models"));
  if (edit.deployments) TRY_STATUS(check_deployments(*edit.deployments));
  if (edit.budget && *edit.budget < 0) return base::invalid("'budget' is negative; it is zero or more", "budget");

  const std::lock_guard lock(changing_);
  TRY(Limiter limiter, find_limiter(id));
  Account account = *snapshot_->find_account(id);
  Limit limit = *snapshot_->find_limit(limiter.limit);
  account.name = edit.name.value_or(account.name);
  if (edit.active) account.status = *edit.active ? AccountStatus::active : AccountStatus::suspended;
  if (edit.budget) change(limit, {.amount = edit.budget});
  limiter.base_url = edit.base_url.value_or(limiter.base_url);
  limiter.provider = edit.provider.value_or(limiter.provider);
  limiter.models = edit.models.value_or(limiter.models);
  limiter.deployments = edit.deployments.value_or(limiter.deployments);
  TRY_STATUS(publish({.accounts = {account}, .limiters = {limiter}, .limits = {limit}}));
  return limiter;
}

base::Status Catalog::remove_limiter(base::AccountId id) {
  const std::lock_guard lock(changing_);
  TRY(Limiter limiter, find_limiter(id));
  limiter.removed = clock_.wall_now();
  Account account = *snapshot_->find_account(id);
  account.status = AccountStatus::suspended;
  Key key = *snapshot_->find_key(limiter.key)->key;
  key.status = KeyStatus::revoked;
  return publish({.accounts = {account}, .keys = {key}, .limiters = {limiter}});
}

base::Status Catalog::check_no_limiter(base::AccountId id) const {
  const Limiter* const limiter = snapshot_->find_limiter(id);
  if (limiter == nullptr || limiter->removed) return {};
  return conflict(fmt::format("the account is the limiter {}: delete the limiter first", limiter->code));
}

base::Status Catalog::check_not_of_limiter(const Limit& limit) const {
  const auto* const account = std::get_if<base::AccountId>(&limit.subject);
  const Limiter* const limiter = account != nullptr ? snapshot_->find_limiter(*account) : nullptr;
  if (limiter == nullptr || limiter->removed || limiter->limit != limit.id) return {};
  return conflict(fmt::format("limit {} is the budget of the limiter {}: change its amount, or delete the limiter",
                              limit.id.to_string(), limiter->code));
}

base::Status Catalog::check_not_of_limiter(const Key& key) const {
  const Limiter* const limiter = key.account.is_nil() ? nullptr : snapshot_->find_limiter(key.account);
  if (limiter == nullptr || limiter->removed || limiter->key != key.id) return {};
  return conflict(
      fmt::format("key {} is that of the limiter {}, and has no secret that could get about: switch the "
                  "limiter off, or delete it",
                  key.id.to_string(), limiter->code));
}

}  // namespace catalog
