#pragma once
// A template is a limit for every account of a level that has none of its own: each of them has a copy of it, and a
// new one has it from the start. A limit that is put on the account itself, enforced, of the template's unit and filter
// and of any window, takes the copy's place, and the copy comes back when that limit goes.
//
// A copy is a limit like any other, under an id that follows from the template and the account; so whoever counts,
// reserves or examines knows nothing of templates. What was spent stays spent, whichever of the two is in force: both
// open with what the usage records of their window say.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "catalog/account.h"
#include "catalog/limit.h"

namespace catalog {

// How deep accounts may be below what a template names.
inline constexpr int template_level_max = 16;

// Which accounts: those so many levels below the account, 1 being directly below it; without an account, those with so
// many levels of the tree down to them, 1 being the accounts that have no parent.
struct TemplateScope {
  std::optional<base::AccountId> below = std::nullopt;
  int level = 1;  // 1 to template_level_max
  bool operator==(const TemplateScope&) const = default;
};

struct LimitTemplate {
  Limit terms;  // its id is the template's; its subject is nil, and it is never raised
  TemplateScope scope;
  bool operator==(const LimitTemplate&) const = default;
};

// Whether a limit takes the place of the template's copy on the account that it is on.
bool takes_place_of(const LimitTemplate& one, const Limit& limit);

// The template's limit on that account; created now.
Limit copy_of(const LimitTemplate& one, const Account& account, base::WallTime now);

// What is to change so that every copy is there that should be, and no other. `account`: only of that one; nullopt: of
// all. A raise of a copy stays.
struct CopyChanges {
  std::vector<Limit> missing = {};
  std::vector<Limit> outdated = {};  // as they should be
  std::vector<base::LimitId> superfluous = {};
};
class Snapshot;
CopyChanges changes_of_copies(const Snapshot& catalog, std::optional<base::AccountId> account, base::WallTime now);

}  // namespace catalog
