#include "catalog/snapshot.h"

#include <algorithm>
#include <functional>
#include <future>

#include "catalog/contradiction.h"

namespace catalog {
namespace {

// Below, another thread costs more than it saves.
constexpr std::size_t rows_worth_a_thread = 20'000;

template <class Id>
std::uint64_t hash_of(const Id& id) {
  return std::hash<Id>{}(id);
}
std::uint64_t hash_of(const base::Sha256& hash) { return base::Sha256Hash{}(hash); }

// Both of them; the second one on a thread of its own where that is worth it.
template <class First, class Second>
base::Status both(bool worth_a_thread, const First& first, const Second& second) {
  auto beside = std::async(worth_a_thread ? std::launch::async : std::launch::deferred, second);
  base::Status status = first();
  base::Status other = beside.get();
  return status ? other : status;
}

}  // namespace

base::Result<std::shared_ptr<const Snapshot>> Snapshot::build(Contents contents) {
  const auto snapshot = std::make_shared<Snapshot>();
  snapshot->accounts_ = std::move(contents.accounts);
  snapshot->keys_ = std::move(contents.keys);
  snapshot->limits_ = std::move(contents.limits);
  snapshot->templates_ = std::move(contents.templates);
  snapshot->limiters_ = std::move(contents.limiters);
  TRY_STATUS(snapshot->index_all());
  TRY_STATUS(snapshot->check_templates());
  TRY_STATUS(snapshot->link_all());
  for (auto one = snapshot->limiters_.begin(); one != snapshot->limiters_.end(); ++one) {
    TRY_STATUS(snapshot->check_limiter(*one));
    TRY_STATUS(snapshot->index_limiter(one.slot()));
  }
  std::vector<base::AccountId> moved;
  if (contents.grants.empty()) return snapshot;
  return snapshot->with_grants(contents.grants, std::nullopt, moved);
}

base::Status Snapshot::index_all() {
  const auto index_keys = [this]() -> base::Status {
    keys_by_hash_.reserve(keys_.size());
    keys_by_id_.reserve(keys_.size());
    for (auto key = keys_.begin(); key != keys_.end(); ++key) TRY_STATUS(index_key(key.slot()));
    return {};
  };
  const auto index_others = [this]() -> base::Status {
    accounts_by_id_.reserve(accounts_.size());
    limits_by_id_.reserve(limits_.size());
    for (auto account = accounts_.begin(); account != accounts_.end(); ++account)
      TRY_STATUS(index_account(account.slot()));
    for (auto limit = limits_.begin(); limit != limits_.end(); ++limit) TRY_STATUS(index_limit(limit.slot()));
    return {};
  };
  return both(keys_.size() > rows_worth_a_thread, index_others, index_keys);
}

base::Status Snapshot::index_account(Slot slot) {
  const Account& account = accounts_[slot];
  if (slot_of(account.id) != no_slot) return contradiction("account {} is there twice", account.id.to_string());
  accounts_by_id_.insert(hash_of(account.id), slot);
  if (!account.external_id.empty())
    accounts_by_external_id_.insert(std::hash<std::string_view>{}(account.external_id), slot);
  return {};
}

base::Status Snapshot::index_key(Slot slot) {
  const Key& key = keys_[slot];
  if (slot_of(key.id) != no_slot) return contradiction("key {} is there twice", key.id.to_string());
  keys_by_id_.insert(hash_of(key.id), slot);
  return index_secrets(slot);
}

base::Status Snapshot::index_secrets(Slot slot) {
  const Key& key = keys_[slot];
  const auto& replaced = key.extras().replaced;
  if (slot_of(key.hash) != no_slot || (replaced && slot_of(replaced->hash) != no_slot))
    return contradiction("key {} has the secret of another one", key.id.to_string());
  keys_by_hash_.insert(hash_of(key.hash), slot);
  if (replaced) keys_by_hash_.insert(hash_of(replaced->hash), slot);
  return {};
}

void Snapshot::forget_secrets(Slot slot) {
  const Key& key = keys_[slot];
  keys_by_hash_.erase(hash_of(key.hash), slot);
  if (const auto& replaced = key.extras().replaced) keys_by_hash_.erase(hash_of(replaced->hash), slot);
}

base::Status Snapshot::index_limit(Slot slot) {
  const Limit& limit = limits_[slot];
  if (slot_of(limit.id) != no_slot) return contradiction("limit {} is there twice", limit.id.to_string());
  limits_by_id_.insert(hash_of(limit.id), slot);
  return {};
}

base::Status Snapshot::check_limiter(const Limiter& limiter) const {
  const Slot key = slot_of(limiter.key);
  if (slot_of(limiter.id) == no_slot || key == no_slot || keys_[key].account != limiter.id)
    return contradiction("limiter {} has no account or no key of it", limiter.code);
  const Slot limit = slot_of(limiter.limit);
  if (!limiter.removed && (limit == no_slot || limits_[limit].subject != LimitSubject(limiter.id)))
    return contradiction("limiter {} has no limit on its account", limiter.code);
  return {};
}

base::Status Snapshot::index_limiter(Slot slot) {
  const Limiter& limiter = limiters_[slot];
  if (limiter_slot(limiter.id) != no_slot) return contradiction("limiter {} is there twice", limiter.code);
  if (find_limiter(limiter.code) != nullptr) return contradiction("the code {} is of two limiters", limiter.code);
  limiters_by_account_.insert(hash_of(limiter.id), slot);
  limiters_by_code_.insert(std::hash<std::string_view>{}(limiter.code), slot);
  return {};
}

base::Status Snapshot::check_templates() const {
  for (const LimitTemplate& one : templates_) {
    if (std::ranges::count(templates_, one.terms.id, [](const LimitTemplate& other) { return other.terms.id; }) > 1)
      return contradiction("the template {} is there twice", one.terms.id.to_string());
    if (one.scope.below && slot_of(*one.scope.below) == no_slot)
      return contradiction("the template {} is for accounts below one that does not exist", one.terms.id.to_string());
  }
  return {};
}

base::Status Snapshot::link_all() {
  account_links_.resize(accounts_.slots());
  key_links_.resize(keys_.slots());
  limit_links_.resize(limits_.slots());
  const auto link_keys = [this]() -> base::Status {
    for (auto key = keys_.begin(); key != keys_.end(); ++key) TRY_STATUS(link_key(key.slot()));
    return {};
  };
  // From the last one on, each to the front of its subject's list: so they are in their order, and no list is walked.
  const auto link_others = [this]() -> base::Status {
    for (Slot slot = limits_.slots(); slot-- > 0;)
      if (limits_.holds(slot)) TRY_STATUS(link_limit(slot));
    for (auto account = accounts_.begin(); account != accounts_.end(); ++account)
      TRY_STATUS(link_account(account.slot()));
    return {};
  };
  return both(keys_.size() > rows_worth_a_thread, link_others, link_keys);
}

base::Status Snapshot::link_account(Slot slot) {
  const Account& account = accounts_[slot];
  Slot parent = no_slot;
  std::size_t steps = 0;
  for (const Account* above = &account; above->parent; ++steps) {
    const Slot next = slot_of(*above->parent);
    if (next == no_slot)
      return contradiction("account {} has the parent {}, which does not exist", above->id.to_string(),
                           above->parent->to_string());
    // A walk upwards that is longer than there are accounts goes round in a circle.
    if (steps >= accounts_.size()) return contradiction("account {} is above itself", above->id.to_string());
    if (steps == 0) parent = next;
    above = &accounts_[next];
  }
  if (account_links_[slot].parent != parent) account_links_.edit(slot).parent = parent;
  return {};
}

base::Status Snapshot::link_key(Slot slot) {
  const Key& key = keys_[slot];
  const Slot account = key.account.is_nil() ? no_slot : slot_of(key.account);
  if (key_links_[slot].account != account) key_links_.edit(slot).account = account;
  if (!key.account.is_nil() && account == no_slot)
    return contradiction("key {} belongs to the account {}, which does not exist", key.id.to_string(),
                         key.account.to_string());
  if (key.account.is_nil() && key.role == KeyRole::data)
    return contradiction("data key {} belongs to no account", key.id.to_string());
  return {};
}

base::Result<Slot*> Snapshot::first_limit_of(const Limit& limit) {
  if (limit.from_template && find_template(*limit.from_template) == nullptr)
    return contradiction("limit {} comes from a template that does not exist", limit.id.to_string());
  const auto* const account = std::get_if<base::AccountId>(&limit.subject);
  const Slot subject = account != nullptr ? slot_of(*account) : slot_of(std::get<base::KeyId>(limit.subject));
  if (subject == no_slot)
    return contradiction("limit {} is on an account or key that does not exist", limit.id.to_string());
  return account != nullptr ? &account_links_.edit(subject).first_limit : &key_links_.edit(subject).first_limit;
}

base::Status Snapshot::link_limit(Slot slot) {
  const Limit& limit = limits_[slot];
  TRY(Slot* const first, first_limit_of(limit));
  limit_links_.edit(slot) = {.next = *first, .filtered = !limit.filter.empty() || limit.unit == LimitUnit::named};
  *first = slot;
  return {};
}

// --- looking up --------------------------------------------------------------------------------------------------

Slot Snapshot::slot_of(base::AccountId id) const {
  return accounts_by_id_.find(hash_of(id), [&](Slot slot) { return accounts_[slot].id == id; });
}
Slot Snapshot::slot_of(base::KeyId id) const {
  return keys_by_id_.find(hash_of(id), [&](Slot slot) { return keys_[slot].id == id; });
}
Slot Snapshot::slot_of(const base::Sha256& hash) const {
  return keys_by_hash_.find(hash_of(hash), [&](Slot slot) {
    const auto& replaced = keys_[slot].extras().replaced;
    return keys_[slot].hash == hash || (replaced && replaced->hash == hash);
  });
}
Slot Snapshot::slot_of(base::LimitId id) const {
  return limits_by_id_.find(hash_of(id), [&](Slot slot) { return limits_[slot].id == id; });
}

std::optional<KeyEntry> Snapshot::find_key(const base::Sha256& hash) const {
  auto entry = entry_at(slot_of(hash));
  if (entry && entry->key->hash != hash) {
    const base::WallTime until = entry->key->extras().replaced->until;
    entry->ends = std::min(entry->ends.value_or(until), until);
  }
  return entry;
}
std::optional<KeyEntry> Snapshot::find_key(base::KeyId id) const { return entry_at(slot_of(id)); }

std::optional<KeyEntry> Snapshot::entry_at(Slot slot) const {
  if (slot == no_slot) return std::nullopt;
  const Key& key = keys_[slot];
  const KeyLinks& links = key_links_[slot];
  std::optional<KeyEntry> entry(std::in_place);
  entry->key = &key;
  entry->usable = key.status == KeyStatus::active;
  entry->ends = key.expires;
  add_limits(links.first_limit, *entry);
  if (links.account != no_slot) entry->account = &accounts_[links.account];
  for (Slot above = links.account; above != no_slot; above = account_links_[above].parent) {
    entry->usable = entry->usable && accounts_[above].status == AccountStatus::active;
    if (!entry->balance) entry->balance = balance_at(above);
    if (entry->book.is_none()) entry->book = accounts_[above].book;
    add_limits(account_links_[above].first_limit, *entry);
  }
  return entry;
}

void Snapshot::add_limits(Slot first, KeyEntry& entry) const {
  for (Slot slot = first; slot != no_slot; slot = limit_links_[slot].next) {
    entry.limits.push_back(&limits_[slot]);
    entry.filtered = entry.filtered || limit_links_[slot].filtered;
  }
}

const Account* Snapshot::find_account(base::AccountId id) const {
  const Slot slot = slot_of(id);
  return slot == no_slot ? nullptr : &accounts_[slot];
}

bool Snapshot::is_within(base::AccountId account, base::AccountId top) const {
  for (Slot slot = slot_of(account); slot != no_slot; slot = account_links_[slot].parent)
    if (accounts_[slot].id == top) return true;
  return false;
}

const Account* Snapshot::find_account_named(std::string_view external_id) const {
  const Slot slot = accounts_by_external_id_.find(std::hash<std::string_view>{}(external_id),
                                                  [&](Slot at) { return accounts_[at].external_id == external_id; });
  return slot == no_slot ? nullptr : &accounts_[slot];
}

const Limit* Snapshot::find_limit(base::LimitId id) const {
  const Slot slot = slot_of(id);
  return slot == no_slot ? nullptr : &limits_[slot];
}

const LimitTemplate* Snapshot::find_template(base::LimitId id) const {
  const auto found = std::ranges::find(templates_, id, [](const LimitTemplate& one) { return one.terms.id; });
  return found == templates_.end() ? nullptr : &*found;
}

const Grant* Snapshot::find_grant(base::GrantId id) const {
  const auto in = [&](Slot account) { return std::ranges::find(grants_at(account), id, &Grant::id); };
  const Slot account =
      accounts_by_grant_.find(hash_of(id), [&](Slot slot) { return in(slot) != grants_at(slot).end(); });
  return account == no_slot ? nullptr : &*in(account);
}

Slot Snapshot::limiter_slot(base::AccountId id) const {
  return limiters_by_account_.find(hash_of(id), [&](Slot slot) { return limiters_[slot].id == id; });
}

const Limiter* Snapshot::find_limiter(base::AccountId id) const {
  const Slot slot = limiter_slot(id);
  return slot == no_slot ? nullptr : &limiters_[slot];
}

const Limiter* Snapshot::find_limiter(std::string_view code) const {
  const Slot slot =
      limiters_by_code_.find(std::hash<std::string_view>{}(code), [&](Slot at) { return limiters_[at].code == code; });
  return slot == no_slot ? nullptr : &limiters_[slot];
}

std::span<const Grant> Snapshot::grants_at(Slot account) const {
  const Slot purse = account_links_[account].purse;
  if (purse == no_slot || purses_[purse] == nullptr) return {};
  return *purses_[purse];
}

std::span<const Grant> Snapshot::grants_of(base::AccountId id) const {
  const Slot slot = slot_of(id);
  return slot == no_slot ? std::span<const Grant>() : grants_at(slot);
}

std::optional<Balance> Snapshot::balance_at(Slot account) const {
  if (!accounts_[account].credit_only) return std::nullopt;
  return Balance{&accounts_[account], grants_at(account)};
}

std::optional<Balance> Snapshot::find_balance(base::AccountId id) const {
  const Slot slot = slot_of(id);
  return slot == no_slot ? std::nullopt : balance_at(slot);
}

LimitList Snapshot::limits_on(base::AccountId id) const {
  KeyEntry entry;
  const Slot account = slot_of(id);
  if (account != no_slot) add_limits(account_links_[account].first_limit, entry);
  return std::move(entry.limits);
}

std::vector<Grant> Snapshot::grants() const {
  std::vector<Grant> all;
  for (std::size_t i = 0; i < purses_.size(); ++i)
    if (purses_[i] != nullptr) all.insert(all.end(), purses_[i]->begin(), purses_[i]->end());
  return all;
}

}  // namespace catalog
