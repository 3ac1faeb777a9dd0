// The catalog in memory: what points nowhere or is taken is refused, as a database's constraints do.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "store/memory/memory_store.h"

namespace store {
namespace {

std::unexpected<base::Error> conflict(std::string message, std::string field) {
  return base::fail(base::ErrorType::conflict, std::move(message), std::move(field), base::Source::store);
}

std::unexpected<base::Error> nothing_to_remove(std::string_view what, base::LimitId id) {
  return base::fail(base::ErrorType::not_found, fmt::format("there is no {} {}", what, id.to_string()), {},
                    base::Source::client);
}

}  // namespace

base::Result<catalog::Contents> MemoryStore::load() {
  const std::lock_guard lock(mutex_);
  catalog::Contents contents;
  for (const auto& [id, account] : accounts_) contents.accounts.push_back(account);
  for (const auto& [id, key] : keys_) contents.keys.push_back(key);
  for (const auto& [id, stored] : limits_)
    if (!stored.removed) contents.limits.push_back(stored.limit);
  for (const auto& [id, one] : templates_) contents.templates.push_back(one);
  for (const auto& [id, limiter] : limiters_) contents.limiters.push_back(limiter);
  contents.grants = live_grants({});
  return contents;
}

base::Result<std::vector<catalog::Grant>> MemoryStore::load_grants(std::optional<base::AccountId> account) {
  const std::lock_guard lock(mutex_);
  return live_grants(account.value_or(base::AccountId{}));
}

std::vector<catalog::Grant> MemoryStore::live_grants(base::AccountId account) const {
  std::vector<catalog::Grant> grants;
  for (const ledger::GrantState& state : book_of(account))
    if (ledger::is_live(state)) grants.push_back(state.grant);
  std::ranges::sort(grants, {}, &catalog::Grant::id);
  return grants;
}

base::Status MemoryStore::apply(const catalog::Changes& changes, base::WallTime now) {
  const std::lock_guard lock(mutex_);
  auto before = std::tuple(accounts_, moves_, keys_, templates_, limits_, limiters_);
  base::Status status = apply_all(changes, now);
  if (!status) std::tie(accounts_, moves_, keys_, templates_, limits_, limiters_) = std::move(before);
  return status;
}

base::Status MemoryStore::apply_all(const catalog::Changes& changes, base::WallTime now) {
  for (const catalog::Account& account : changes.accounts) TRY_STATUS(write(account, now));
  for (const catalog::Key& key : changes.keys) TRY_STATUS(write(key));
  for (const catalog::LimitTemplate& one : changes.templates) {
    if (one.scope.below && !accounts_.contains(*one.scope.below))
      return conflict("the account that the template names does not exist", "account");
    templates_[one.terms.id] = one;
  }
  for (const base::LimitId id : changes.removed_templates)
    if (templates_.erase(id) == 0) return nothing_to_remove("template", id);
  for (const base::LimitId id : changes.removed) {
    const auto stored = limits_.find(id);
    if (stored == limits_.end() || stored->second.removed) return nothing_to_remove("limit", id);
    stored->second.removed = true;
  }
  for (const catalog::Limit& limit : changes.limits) TRY_STATUS(write(limit));
  for (const catalog::Limiter& limiter : changes.limiters) TRY_STATUS(write(limiter));
  for (const catalog::Limit& limit : changes.opened) {
    if (const auto known = limits_.find(limit.id); known != limits_.end() && !known->second.removed)
      return conflict(fmt::format("limit {} is in force already", limit.id.to_string()), {});
    TRY_STATUS(write(limit));
  }
  return changes.opened.empty() ? base::Status{} : open_all(changes, now);
}

base::Status MemoryStore::write(const catalog::Account& account, base::WallTime now) {
  if (account.parent && *account.parent != account.id && !accounts_.contains(*account.parent))
    return conflict("the account's parent does not exist", "parent");
  for (const auto& [id, other] : accounts_)
    if (!account.external_id.empty() && id != account.id && other.external_id == account.external_id)
      return conflict("the external_id is taken", "external_id");
  const base::WallTime newest = usage_.empty() ? now : usage_.rbegin()->first.first;
  if (const auto known = accounts_.find(account.id); known != accounts_.end() && known->second.parent != account.parent)
    moves_.push_back({account.id, known->second.parent, now, std::max(now, newest)});
  accounts_[account.id] = account;
  return {};
}

base::Status MemoryStore::write(const catalog::Key& key) {
  if (!key.account.is_nil() && !accounts_.contains(key.account))
    return conflict("the key's account does not exist", "account");
  for (const auto& [id, other] : keys_)
    if (id != key.id && other.hash == key.hash) return conflict("the key's hash is taken", "hash");
  keys_[key.id] = key;
  return {};
}

base::Status MemoryStore::write(const catalog::Limit& limit) {
  const auto* const account = std::get_if<base::AccountId>(&limit.subject);
  const bool known =
      account != nullptr ? accounts_.contains(*account) : keys_.contains(std::get<base::KeyId>(limit.subject));
  if (!known) return conflict("the limit's subject does not exist", "subject");
  limits_[limit.id] = {.limit = limit, .removed = false};
  return {};
}

base::Status MemoryStore::write(const catalog::Limiter& limiter) {
  if (!accounts_.contains(limiter.id) || !keys_.contains(limiter.key) || !limits_.contains(limiter.limit))
    return conflict("the limiter's account, key or limit does not exist", "limiter");
  for (const auto& [id, other] : limiters_)
    if (id != limiter.id && other.code == limiter.code) return conflict("the limiter's code is taken", "code");
  limiters_[limiter.id] = limiter;
  return {};
}

base::Result<std::vector<std::string>> MemoryStore::secret_names() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, secret] : secrets_) names.push_back(name);
  return names;
}

base::Result<std::optional<base::Secret>> MemoryStore::find_secret(std::string_view upstream) {
  const std::lock_guard lock(mutex_);
  const auto found = secrets_.find(upstream);
  return found == secrets_.end() ? std::nullopt : std::optional(found->second);
}

base::Status MemoryStore::put_secret(std::string_view upstream, const base::Secret& secret) {
  const std::lock_guard lock(mutex_);
  secrets_.insert_or_assign(std::string(upstream), secret);
  return {};
}

base::Status MemoryStore::remove_secret(std::string_view upstream) {
  const std::lock_guard lock(mutex_);
  const auto found = secrets_.find(upstream);
  if (found == secrets_.end())
    return base::fail(base::ErrorType::not_found, fmt::format("there is no secret of {}", upstream), {},
                      base::Source::client);
  secrets_.erase(found);
  return {};
}

}  // namespace store
