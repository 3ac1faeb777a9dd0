#pragma once
// Port: where the catalog is kept. One conformance suite (tests/conformance) holds for every implementation.

#include <vector>

#include "base/result.h"
#include "catalog/account.h"
#include "catalog/grant.h"
#include "catalog/key.h"
#include "catalog/limit.h"

namespace catalog {

struct Contents {
  std::vector<Account> accounts;
  std::vector<Key> keys;
  std::vector<Limit> limits;  // those in force; a removed limit keeps its counters but is not loaded
  // Those that something is left of or held; they are made by the ledger (ledger/store.h).
  std::vector<Grant> grants = {};
};

class Store {
 public:
  virtual ~Store() = default;
  virtual base::Result<Contents> load() = 0;
  // Inserts, or replaces the one with the same id. Durable against power loss when it returns.
  virtual base::Status put(const Account& account) = 0;
  virtual base::Status put(const Key& key) = 0;
  virtual base::Status put(const Limit& limit) = 0;
  // Puts a limit that is not in force. In the same transaction its counter of the window of `now` opens with what the
  // usage records of that window say: the cost, tokens and requests of every exchange that it would have applied to,
  // and that is not counted on it already. Without it, to remove a limit and create it again would forgive what was
  // spent.
  virtual base::Status open(const Limit& limit, base::WallTime now) = 0;
  // Adds up most of what open() will have to, before: so that open() is short. From any thread; nobody waits for it.
  // It takes time with the records of the window.
  virtual base::Status look_ahead(const Limit& limit, base::WallTime now) = 0;
  virtual base::Status remove(base::LimitId limit, base::WallTime now) = 0;
};

}  // namespace catalog
