#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "quota/decision.h"
#include "quota/keeper.h"

namespace quota {

// One worker's way to reserve; used on its thread only.
class Admission {
 public:
  explicit Admission(Keeper& keeper) : keeper_(keeper) {}

  // Takes `amounts` off every limit at once from free lease money, or nothing: then nullopt, and `record`
  // stays the caller's.
  std::optional<Reservation> try_reserve(std::span<const catalog::Limit* const> limits, const Amounts& amounts,
                                         base::WallTime stamp, std::unique_ptr<events::UsageRecord>& record);

  // The slow way: the keeper asks the store. A reservation begins with a copy of `record`. `decided` is called once, on
  // the store thread; learn() then keeps the leases of the reservation for try_reserve.
  void reserve(std::span<const catalog::Limit* const> limits, const Amounts& amounts, base::WallTime stamp,
               base::Instant deadline, const events::UsageRecord& record, std::function<void(Decision)> decided);
  void learn(const Reservation& reservation);

  // How much of a limit is left (amount - spent - unresolved) as far as this process knows; nullopt if it holds no
  // lease of the limit's current window.
  std::optional<std::int64_t> remaining(const catalog::Limit& limit, base::WallTime stamp) const;

 private:
  Keeper& keeper_;
  std::unordered_map<base::LimitId, std::shared_ptr<Lease>> leases_;
};

}  // namespace quota
