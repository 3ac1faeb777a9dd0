#include "catalog/limit_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/digest_random.h"
#include "base/sha256.h"
#include "catalog/snapshot.h"

namespace catalog {
namespace {

bool in_scope(const TemplateScope& scope, const Account& account, const Snapshot& catalog) {
  if (account.status == AccountStatus::deleted) return false;
  const Account* at = &account;
  for (int level = 1;; ++level) {
    if (level == scope.level) return at->parent == scope.below;
    if (!at->parent) return false;
    at = catalog.find_account(*at->parent);
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

namespace {

void add_changes(const Snapshot& catalog, const Account& account, base::WallTime now, CopyChanges& changes) {
  const LimitList limits = catalog.limits_on(account.id);
  std::vector<base::LimitId> due_ids;
  for (const LimitTemplate& one : catalog.templates()) {
    if (!in_scope(one.scope, account, catalog) ||
        std::ranges::any_of(limits, [&](const Limit* limit) { return takes_place_of(one, *limit); }))
      continue;
    Limit due = copy_of(one, account, now);
    due_ids.push_back(due.id);
    const auto known = std::ranges::find(limits, due.id, [](const Limit* limit) { return limit->id; });
    if (known == limits.end()) {
      changes.missing.push_back(std::move(due));
      continue;
    }
    due.created = (*known)->created;
    due.raise = (*known)->raise;
    if (due != **known) changes.outdated.push_back(std::move(due));
  }
  for (const Limit* limit : limits)
    if (limit->from_template && std::ranges::find(due_ids, limit->id) == due_ids.end())
      changes.superfluous.push_back(limit->id);
}

}  // namespace

CopyChanges changes_of_copies(const Snapshot& catalog, std::optional<base::AccountId> account, base::WallTime now) {
  CopyChanges changes;
  if (account) {
    const Account* const on = catalog.find_account(*account);
    ASSERT(on != nullptr);
    add_changes(catalog, *on, now, changes);
    return changes;
  }
  // Whoever has no templates does not walk through a million accounts for them.
  if (catalog.templates().empty() &&
      std::ranges::none_of(catalog.limits(), [](const Limit& limit) { return limit.from_template.has_value(); }))
    return changes;
  for (const Account& on : catalog.accounts()) add_changes(catalog, on, now, changes);
  return changes;
}

}  // namespace catalog
