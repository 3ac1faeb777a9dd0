#pragma once
// Port: where the catalog is kept. One conformance suite (tests/conformance) holds for every implementation.

#include <optional>
#include <vector>

#include "base/result.h"
#include "catalog/account.h"
#include "catalog/grant.h"
#include "catalog/key.h"
#include "catalog/limit.h"
#include "catalog/limit_template.h"
#include "catalog/limiter.h"
#include "catalog/route.h"
#include "catalog/table.h"

namespace catalog {

struct Contents {
  Table<Account> accounts = {};
  Table<Key> keys = {};
  Table<Limit> limits = {};  // those in force; a removed limit keeps its counters but is not loaded
  // Those that something is left of or held; they are made by the ledger (ledger/store.h).
  std::vector<Grant> grants = {};
  std::vector<LimitTemplate> templates = {};  // their copies are among the limits
  Table<Limiter> limiters = {};               // removed ones too: their codes are theirs for ever
};

// What changes together: all of it, or nothing. What has an id that is known replaces what has it.
struct Changes {
  std::vector<Account> accounts = {};
  std::vector<Key> keys = {};
  std::vector<Limiter> limiters = {};
  std::vector<LimitTemplate> templates = {};
  std::vector<base::LimitId> removed_templates = {};  // their copies are removed beside them
  std::vector<base::LimitId> removed = {};
  std::vector<Limit> limits = {};
  // Limits that are not in force, and come into it. In the same transaction the counter of each, in the window of
  // `now`, opens with what the usage records of that window say: the cost, tokens and requests of every exchange that
  // it would have applied to, and that is not counted on it already. Without it, to remove a limit and create it again
  // would forgive what was spent.
  std::vector<Limit> opened = {};
  // What calls take of named units, for openings: where no record says what a call took, it is what it would take now.
  RouteWeights weights = {};

  bool operator==(const Changes&) const = default;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual base::Result<Contents> load() = 0;
  // Contents::grants as they are now; `account`: only that one's.
  virtual base::Result<std::vector<Grant>> load_grants(std::optional<base::AccountId> account) = 0;
  // Durable against power loss when it returns. Conflict: something points nowhere, is taken, or is in force already;
  // not_found: there is nothing to remove.
  virtual base::Status apply(const Changes& changes, base::WallTime now) = 0;
  // Adds up most of what the openings of these changes will have to, before: so that apply() is short. From any thread;
  // nobody waits for it. It takes time with the records of the window, hardly with the number of limits.
  virtual base::Status look_ahead(const Changes& changes, base::WallTime now) = 0;

  // A single change.
  base::Status put(const Account& account) { return apply({.accounts = {account}}, {}); }
  base::Status put(const Key& key) { return apply({.keys = {key}}, {}); }
  base::Status put(const LimitTemplate& one) { return apply({.templates = {one}}, {}); }
  base::Status put(const Limit& limit) { return apply({.limits = {limit}}, {}); }
  base::Status open(const Limit& limit, base::WallTime now) { return apply({.opened = {limit}}, now); }
  base::Status remove(base::LimitId limit, base::WallTime now) { return apply({.removed = {limit}}, now); }
};

}  // namespace catalog
