#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "catalog/snapshot.h"
#include "quota/deferred.h"
#include "quota/keeper.h"
#include "quota/unresolved.h"

namespace quota {

// Writes work down, finds it and settles it, for the workers. Each `done` is called once, on the store thread.
class DeferredDesk {
 public:
  // Both stores are the keeper's own.
  DeferredDesk(DeferredStore& store, UnresolvedStore& unresolved, Keeper& keeper, const base::Clock& clock,
               base::Random& random)
      : store_(store), unresolved_(unresolved), keeper_(keeper), decisions_(unresolved, clock, random, std::nullopt) {}

  struct Found {
    Deferred work;
    bool is_held = false;  // its item is open
  };

  // From any thread.
  void keep(Deferred work, std::function<void(base::Status)> done);
  void find(DeferredQuestion question, std::function<void(base::Result<std::optional<Found>>)> done);
  void list(DeferredListing listing, std::function<void(base::Result<std::vector<Found>>)> done);
  void forget(const Deferred& work, std::function<void(base::Status)> done);
  // Books what the work has cost, and gives back the rest. Gives the item if this settled it; nullopt: it was decided
  // before, or holds nothing.
  void settle(base::ExchangeId exchange, const KnownCost& known, std::string reason,
              std::shared_ptr<const catalog::Snapshot> snapshot,
              std::function<void(base::Result<std::optional<UnresolvedItem>>)> done);

 private:
  // On the store thread. nullopt: nothing is held for it any more, or never was.
  base::Result<std::optional<UnresolvedItem>> open_item(base::ExchangeId exchange);
  base::Result<std::optional<UnresolvedItem>> settle_now(base::ExchangeId exchange, const KnownCost& known,
                                                         const std::string& reason, const catalog::Snapshot& snapshot);

  DeferredStore& store_;
  UnresolvedStore& unresolved_;
  Keeper& keeper_;
  UnresolvedDesk decisions_;
};

}  // namespace quota
