#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "catalog/snapshot.h"
#include "events/usage_log.h"
#include "quota/deferred.h"
#include "quota/keeper.h"
#include "quota/unresolved.h"

namespace quota {

// Writes work down, finds it and settles it, for the workers. Each `done` is called once, on the store thread.
class DeferredDesk {
 public:
  // The stores are the keeper's own.
  DeferredDesk(DeferredStore& store, UnresolvedStore& unresolved, events::UsageLog& usage, Keeper& keeper,
               const base::Clock& clock, base::Random& random)
      : store_(store),
        unresolved_(unresolved),
        usage_(usage),
        keeper_(keeper),
        decisions_(unresolved, clock, random, std::nullopt) {}

  struct Found {
    Deferred work;
    bool is_held = false;     // its item is open
    bool is_running = false;  // a response whose first stream goes on, here or at another node
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
  base::Result<bool> has_ended(base::ExchangeId exchange);
  base::Result<std::optional<UnresolvedItem>> settle_now(base::ExchangeId exchange, const KnownCost& known,
                                                         const std::string& reason, const catalog::Snapshot& snapshot);

  DeferredStore& store_;
  UnresolvedStore& unresolved_;
  events::UsageLog& usage_;
  Keeper& keeper_;
  UnresolvedDesk decisions_;
};

}  // namespace quota
