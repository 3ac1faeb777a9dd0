// The next snapshot: a copy that shares everything, in which what changes is put in place.
#include <algorithm>
#include <functional>
#include <iterator>
#include <map>

#include "catalog/contradiction.h"
#include "catalog/snapshot.h"

namespace catalog {
namespace {

std::uint64_t text_hash(std::string_view text) { return std::hash<std::string_view>{}(text); }

template <class Links>
void give_links(Sequence<Links>& links, Slot slot) {
  if (slot == links.size())
    links.push_back({});
  else
    links.edit(slot) = {};
}

}  // namespace

base::Result<std::shared_ptr<const Snapshot>> Snapshot::with(const Changes& changes) const {
  const auto next = std::make_shared<Snapshot>(*this);
  // All rows first, for they may point to each other.
  std::vector<Slot> accounts, keys;
  for (const Account& account : changes.accounts) {
    TRY(const Slot slot, next->put(account));
    accounts.push_back(slot);
  }
  for (const Key& key : changes.keys) {
    TRY(const Slot slot, next->put(key));
    keys.push_back(slot);
  }
  for (const Slot slot : accounts) TRY_STATUS(next->link_account(slot));
  for (const Slot slot : keys) TRY_STATUS(next->link_key(slot));
  for (const LimitTemplate& one : changes.templates) TRY_STATUS(next->put(one));
  for (const base::LimitId id : changes.removed) TRY_STATUS(next->remove_limit(id));
  for (const base::LimitId id : changes.removed_templates) TRY_STATUS(next->remove_template(id));
  for (const Limit& limit : changes.limits) TRY_STATUS(next->put(limit));
  for (const Limit& limit : changes.opened) TRY_STATUS(next->put(limit));
  for (const Limiter& limiter : changes.limiters) TRY_STATUS(next->put(limiter));
  return next;
}

base::Result<Slot> Snapshot::put(const Account& account) {
  const Slot known = slot_of(account.id);
  if (known == no_slot) {
    const Slot slot = accounts_.put(account);
    give_links(account_links_, slot);
    TRY_STATUS(index_account(slot));
    return slot;
  }
  const std::string& before = accounts_[known].external_id;
  if (before != account.external_id) {
    if (!before.empty()) accounts_by_external_id_.erase(text_hash(before), known);
    if (!account.external_id.empty()) accounts_by_external_id_.insert(text_hash(account.external_id), known);
  }
  accounts_.edit(known) = account;
  return known;
}

base::Result<Slot> Snapshot::put(const Key& key) {
  const Slot known = slot_of(key.id);
  if (known == no_slot) {
    const Slot slot = keys_.put(key);
    give_links(key_links_, slot);
    TRY_STATUS(index_key(slot));
    return slot;
  }
  const bool same_secrets = keys_[known].hash == key.hash && keys_[known].extras().replaced == key.extras().replaced;
  if (!same_secrets) forget_secrets(known);
  keys_.edit(known) = key;
  if (!same_secrets) TRY_STATUS(index_secrets(known));
  return known;
}

base::Status Snapshot::put(const Limit& limit) {
  const Slot known = slot_of(limit.id);
  if (known != no_slot && limits_[known].subject == limit.subject) {
    if (limit.from_template && find_template(*limit.from_template) == nullptr)
      return contradiction("limit {} comes from a template that does not exist", limit.id.to_string());
    limits_.edit(known) = limit;
    return {};
  }
  if (known != no_slot) TRY_STATUS(remove_limit(limit.id));
  const Slot slot = limits_.put(limit);
  give_links(limit_links_, slot);
  TRY_STATUS(index_limit(slot));
  return append_limit(slot);
}

base::Status Snapshot::append_limit(Slot slot) {
  const Limit& limit = limits_[slot];
  TRY(Slot* const first, first_limit_of(limit));
  limit_links_.edit(slot).filtered = !limit.filter.empty() || limit.unit == LimitUnit::named;
  Slot last = *first;
  if (last == no_slot) {
    *first = slot;
    return {};
  }
  while (limit_links_[last].next != no_slot) last = limit_links_[last].next;
  limit_links_.edit(last).next = slot;
  return {};
}

base::Status Snapshot::remove_limit(base::LimitId id) {
  const Slot slot = slot_of(id);
  if (slot == no_slot) return contradiction("limit {} is to be removed and not there", id.to_string());
  TRY(Slot* const first, first_limit_of(limits_[slot]));
  const Slot after = limit_links_[slot].next;
  if (*first == slot) {
    *first = after;
  } else {
    Slot before = *first;
    while (limit_links_[before].next != slot) before = limit_links_[before].next;
    limit_links_.edit(before).next = after;
  }
  limits_by_id_.erase(std::hash<base::LimitId>{}(id), slot);
  limits_.remove(slot);
  return {};
}

base::Status Snapshot::put(const LimitTemplate& one) {
  const auto known =
      std::ranges::find(templates_, one.terms.id, [](const LimitTemplate& other) { return other.terms.id; });
  if (known == templates_.end())
    templates_.push_back(one);
  else
    *known = one;
  return check_templates();
}

base::Status Snapshot::remove_template(base::LimitId id) {
  // Its copies have gone before.
  if (std::ranges::any_of(limits_, [&](const Limit& limit) { return limit.from_template == id; }))
    return contradiction("the template {} is removed, and limits come from it", id.to_string());
  std::erase_if(templates_, [&](const LimitTemplate& one) { return one.terms.id == id; });
  return {};
}

base::Status Snapshot::put(const Limiter& limiter) {
  TRY_STATUS(check_limiter(limiter));
  const Slot known = limiter_slot(limiter.id);
  if (known == no_slot) return index_limiter(limiters_.put(limiter));
  if (limiters_[known].code != limiter.code)
    return contradiction("limiter {} has another code than before", limiter.code);
  limiters_.edit(known) = limiter;
  return {};
}

base::Result<std::shared_ptr<const Snapshot>> Snapshot::with_grants(std::span<const Grant> grants,
                                                                    std::optional<base::AccountId> account,
                                                                    std::vector<base::AccountId>& moved) const {
  const auto next = std::make_shared<Snapshot>(*this);
  std::map<base::AccountId, std::vector<Grant>> now;
  for (const Grant& grant : grants) {
    if (slot_of(grant.account) == no_slot)
      return contradiction("grant {} is of an account that does not exist", grant.id.to_string());
    now[grant.account].push_back(grant);
  }
  if (account) {
    now[*account];
  } else {
    for (std::size_t i = 0; i < purses_.size(); ++i)
      if (purses_[i] != nullptr) now[purses_[i]->front().account];
  }
  for (auto& [id, list] : now) {
    std::ranges::sort(list, burns_before);
    const Slot slot = slot_of(id);
    if (slot == no_slot || std::ranges::equal(grants_at(slot), list)) continue;
    moved.push_back(id);
    TRY_STATUS(next->put_grants(slot, std::move(list)));
  }
  return next;
}

base::Status Snapshot::put_grants(Slot account, std::vector<Grant> grants) {
  for (const Grant& gone : grants_at(account)) accounts_by_grant_.erase(std::hash<base::GrantId>{}(gone.id), account);
  std::vector<base::GrantId> ids;
  for (const Grant& grant : grants) ids.push_back(grant.id);
  std::ranges::sort(ids);
  if (const auto twice = std::ranges::adjacent_find(ids); twice != ids.end())
    return contradiction("grant {} is there twice", twice->to_string());
  for (const base::GrantId id : ids) {
    const Slot other = accounts_by_grant_.find(std::hash<base::GrantId>{}(id), [&](Slot slot) {
      return slot != account && std::ranges::find(grants_at(slot), id, &Grant::id) != grants_at(slot).end();
    });
    if (other != no_slot) return contradiction("grant {} is of two accounts", id.to_string());
    accounts_by_grant_.insert(std::hash<base::GrantId>{}(id), account);
  }
  Slot& purse = account_links_.edit(account).purse;
  if (purse == no_slot) {
    if (grants.empty()) return {};
    purse = static_cast<Slot>(purses_.size());
    purses_.push_back({});
  }
  purses_.edit(purse) = grants.empty() ? nullptr : std::make_shared<const std::vector<Grant>>(std::move(grants));
  return {};
}

Sharing Snapshot::sharing_with(const Snapshot& other) const {
  Sharing sharing = accounts_.sharing_with(other.accounts_);
  sharing += keys_.sharing_with(other.keys_);
  sharing += limits_.sharing_with(other.limits_);
  sharing += account_links_.sharing_with(other.account_links_);
  sharing += key_links_.sharing_with(other.key_links_);
  sharing += limit_links_.sharing_with(other.limit_links_);
  sharing += purses_.sharing_with(other.purses_);
  sharing += accounts_by_id_.sharing_with(other.accounts_by_id_);
  sharing += accounts_by_external_id_.sharing_with(other.accounts_by_external_id_);
  sharing += keys_by_hash_.sharing_with(other.keys_by_hash_);
  sharing += keys_by_id_.sharing_with(other.keys_by_id_);
  sharing += limits_by_id_.sharing_with(other.limits_by_id_);
  sharing += accounts_by_grant_.sharing_with(other.accounts_by_grant_);
  sharing += limiters_.sharing_with(other.limiters_);
  sharing += limiters_by_account_.sharing_with(other.limiters_by_account_);
  sharing += limiters_by_code_.sharing_with(other.limiters_by_code_);
  return sharing;
}

}  // namespace catalog
