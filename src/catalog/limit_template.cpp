#include "catalog/limit_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/digest_random.h"
#include "base/sha256.h"
#include "catalog/store.h"

namespace catalog {
namespace {

using AccountsById = std::unordered_map<base::AccountId, const Account*>;

bool in_scope(const TemplateScope& scope, const Account& account, const AccountsById& accounts) {
  const Account* at = &account;
  for (int level = 1;; ++level) {
    if (level == scope.level) return at->parent == scope.below;
    if (!at->parent) return false;
    at = accounts.at(*at->parent);
  }
}

// Of the same template and account the same one, whenever it is made. Its time is that of the younger of the two, for
// lists are in the order of ids.
base::LimitId copy_id(const LimitTemplate& one, const Account& account) {
  base::DigestRandom random(base::sha256(fmt::format("copy {} {}", one.terms.id.to_string(), account.id.to_string())));
  return base::LimitId::create(std::max(one.terms.created, account.created), random);
}

}  // namespace

bool takes_place_of(const LimitTemplate& one, const Limit& limit) {
  return !limit.from_template && limit.mode == LimitMode::enforce && limit.unit == one.terms.unit &&
         limit.filter == one.terms.filter;
}

Limit copy_of(const LimitTemplate& one, const Account& account, base::WallTime now) {
  Limit copy = one.terms;
  copy.id = copy_id(one, account);
  copy.subject = account.id;
  copy.created = now;
  copy.from_template = one.terms.id;
  return copy;
}

CopyChanges changes_of_copies(const Contents& contents, std::optional<base::AccountId> account, base::WallTime now) {
  CopyChanges changes;
  // Whoever has no templates does not pay for them, with a million accounts at every change.
  if (contents.templates.empty() &&
      std::ranges::none_of(contents.limits, [](const Limit& limit) { return limit.from_template.has_value(); }))
    return changes;
  std::unordered_map<base::AccountId, std::vector<const Limit*>> limits;
  std::unordered_map<base::LimitId, const Limit*> copies;  // that nobody has asked for yet
  for (const Limit& limit : contents.limits) {
    const auto* const on = std::get_if<base::AccountId>(&limit.subject);
    if (on == nullptr || (account && *on != *account)) continue;
    limits[*on].push_back(&limit);
    if (limit.from_template) copies.emplace(limit.id, &limit);
  }
  AccountsById accounts;
  if (!contents.templates.empty())
    for (const Account& one : contents.accounts) accounts.emplace(one.id, &one);
  for (const LimitTemplate& one : contents.templates) {
    for (const Account& on : contents.accounts) {
      if ((account && on.id != *account) || !in_scope(one.scope, on, accounts)) continue;
      const auto own = limits.find(on.id);
      if (own != limits.end() &&
          std::ranges::any_of(own->second, [&](const Limit* limit) { return takes_place_of(one, *limit); }))
        continue;
      Limit due = copy_of(one, on, now);
      const auto known = copies.find(due.id);
      if (known == copies.end()) {
        changes.missing.push_back(std::move(due));
        continue;
      }
      due.created = known->second->created;
      due.raise = known->second->raise;
      if (due != *known->second) changes.outdated.push_back(std::move(due));
      copies.erase(known);
    }
  }
  for (const auto& [id, copy] : copies) changes.superfluous.push_back(id);
  std::ranges::sort(changes.superfluous);
  return changes;
}

}  // namespace catalog
