#include "catalog/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

namespace catalog {
namespace {

template <class Map>
auto look_up(const Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  return found == map.end() ? typename Map::mapped_type{} : found->second;
}

// A store whose contents contradict each other is nobody's request: serving on would guess at who may spend.
std::unexpected<base::Error> contradiction(std::string message) {
  return base::fail(base::ErrorType::unavailable, std::move(message), {}, base::Source::store);
}

}  // namespace

base::Result<std::shared_ptr<const Snapshot>> Snapshot::build(Contents contents) {
  const auto snapshot = std::make_shared<Snapshot>();
  snapshot->contents_ = std::move(contents);
  TRY_STATUS(snapshot->index_accounts());
  TRY_STATUS(snapshot->index_keys());
  TRY_STATUS(snapshot->index_templates());
  TRY_STATUS(snapshot->attach_limits());
  TRY_STATUS(snapshot->attach_balances());
  return snapshot;
}

base::Status Snapshot::index_accounts() {
  accounts_.reserve(contents_.accounts.size());
  for (const Account& account : contents_.accounts)
    if (!accounts_.emplace(account.id, &account).second)
      return contradiction(fmt::format("account {} is there twice", account.id.to_string()));

  for (const Account& account : contents_.accounts) {
    std::size_t steps = 0;
    for (const Account* above = &account; above->parent; ++steps) {
      const Account* const parent = find_account(*above->parent);
      if (parent == nullptr)
        return contradiction(fmt::format("account {} has the parent {}, which does not exist", above->id.to_string(),
                                         above->parent->to_string()));
      // A walk upwards that is longer than there are accounts goes round in a circle.
      if (steps >= contents_.accounts.size())
        return contradiction(fmt::format("account {} is above itself", above->id.to_string()));
      above = parent;
    }
  }
  return {};
}

base::Status Snapshot::index_keys() {
  entries_.reserve(contents_.keys.size());  // the tables below point into it
  by_hash_.reserve(contents_.keys.size());
  by_key_id_.reserve(contents_.keys.size());
  for (const Key& key : contents_.keys) {
    KeyEntry entry{.key = key, .account = nullptr, .usable = key.status == KeyStatus::active, .limits = {}};
    if (!key.account.is_nil()) {
      entry.account = find_account(key.account);
      if (entry.account == nullptr)
        return contradiction(fmt::format("key {} belongs to the account {}, which does not exist", key.id.to_string(),
                                         key.account.to_string()));
    } else if (key.role == KeyRole::data) {
      return contradiction(fmt::format("data key {} belongs to no account", key.id.to_string()));
    }
    for (const Account* above = entry.account; above != nullptr; above = parent_of(*above))
      entry.usable = entry.usable && above->status == AccountStatus::active;
    entries_.push_back(std::move(entry));
    const KeyEntry* const stored = &entries_.back();
    if (!by_hash_.emplace(key.hash, stored).second || !by_key_id_.emplace(key.id, stored).second)
      return contradiction(fmt::format("key {} is there twice", key.id.to_string()));
  }
  return {};
}

base::Status Snapshot::index_templates() {
  for (const LimitTemplate& one : contents_.templates) {
    if (!templates_.emplace(one.terms.id, &one).second)
      return contradiction(fmt::format("the template {} is there twice", one.terms.id.to_string()));
    if (one.scope.below && find_account(*one.scope.below) == nullptr)
      return contradiction(
          fmt::format("the template {} is for accounts below one that does not exist", one.terms.id.to_string()));
  }
  return {};
}

base::Status Snapshot::attach_limits() {
  std::unordered_map<base::AccountId, std::vector<const Limit*>> of_account;
  std::unordered_map<base::KeyId, std::vector<const Limit*>> of_key;
  limits_.reserve(contents_.limits.size());
  of_account.reserve(contents_.limits.size());
  for (const Limit& limit : contents_.limits) {
    if (!limits_.emplace(limit.id, &limit).second)
      return contradiction(fmt::format("limit {} is there twice", limit.id.to_string()));
    const auto* const account = std::get_if<base::AccountId>(&limit.subject);
    const auto* const key = std::get_if<base::KeyId>(&limit.subject);
    if (account != nullptr ? find_account(*account) == nullptr : find_key(*key) == nullptr)
      return contradiction(fmt::format("limit {} is on an account or key that does not exist", limit.id.to_string()));
    if (limit.from_template && find_template(*limit.from_template) == nullptr)
      return contradiction(fmt::format("limit {} comes from a template that does not exist", limit.id.to_string()));
    (account != nullptr ? of_account[*account] : of_key[*key]).push_back(&limit);
  }

  for (KeyEntry& entry : entries_) {
    entry.limits = look_up(of_key, entry.key.id);
    for (const Account* above = entry.account; above != nullptr; above = parent_of(*above)) {
      const auto limits = of_account.find(above->id);
      if (limits != of_account.end())
        entry.limits.insert(entry.limits.end(), limits->second.begin(), limits->second.end());
    }
    entry.filtered = std::ranges::any_of(
        entry.limits, [](const Limit* limit) { return !limit->filter.empty() || limit->unit == LimitUnit::named; });
  }
  return {};
}

base::Status Snapshot::attach_balances() {
  for (const Account& account : contents_.accounts)
    if (account.credit_only) balances_[account.id].account = &account;
  for (const Grant& grant : contents_.grants) {
    if (!grants_.emplace(grant.id, &grant).second)
      return contradiction(fmt::format("grant {} is there twice", grant.id.to_string()));
    if (find_account(grant.account) == nullptr)
      return contradiction(fmt::format("grant {} is of an account that does not exist", grant.id.to_string()));
    const auto balance = balances_.find(grant.account);
    if (balance != balances_.end()) balance->second.grants.push_back(&grant);
  }
  for (auto& [id, balance] : balances_)
    std::ranges::sort(balance.grants, [](const Grant* a, const Grant* b) { return burns_before(*a, *b); });
  for (KeyEntry& entry : entries_)
    for (const Account* above = entry.account; above != nullptr && entry.balance == nullptr; above = parent_of(*above))
      entry.balance = find_balance(above->id);
  return {};
}

const Account* Snapshot::parent_of(const Account& account) const {
  return account.parent ? find_account(*account.parent) : nullptr;
}

const KeyEntry* Snapshot::find_key(const base::Sha256& hash) const { return look_up(by_hash_, hash); }
const KeyEntry* Snapshot::find_key(base::KeyId id) const { return look_up(by_key_id_, id); }
const Account* Snapshot::find_account(base::AccountId id) const { return look_up(accounts_, id); }
const Limit* Snapshot::find_limit(base::LimitId id) const { return look_up(limits_, id); }
const LimitTemplate* Snapshot::find_template(base::LimitId id) const { return look_up(templates_, id); }
const Grant* Snapshot::find_grant(base::GrantId id) const { return look_up(grants_, id); }
const Balance* Snapshot::find_balance(base::AccountId id) const {
  const auto found = balances_.find(id);
  return found == balances_.end() ? nullptr : &found->second;
}

}  // namespace catalog
