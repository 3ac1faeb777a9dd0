// The keeper brings a limit into force.
#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "quota/keeper.h"

namespace quota {

base::Result<std::shared_ptr<Lease>> Keeper::begin_opening(const catalog::Limit& limit) {
  base::Result<std::shared_ptr<Lease>> lease;
  run_and_wait([&] {
    lease = lease_for(limit, wall_now());
    if (lease) (*lease)->opening_ = true;
  });
  return lease;
}

base::Status Keeper::open_limits(std::span<const base::LimitId> limits,
                                 const std::function<base::Status(base::WallTime now)>& open) {
  base::Status status;
  run_and_wait([&] {
    status = open_now(limits, open);
    if (status) std::ranges::move(std::exchange(parked_, {}), std::back_inserter(waiters_));
    retry_waiters_ = true;
  });
  return status;
}

void Keeper::abandon_opening(base::LimitId limit) {
  run_and_wait([&] {
    // It stays while a call that has taken it on holds of it, and is forgotten like any other.
    if (const auto lease = opening_lease(limit)) {
      lease->opening_ = false;
      if (lease->epoch() != epoch_) retire(lease);
    }
    for (Waiter& waiter : std::exchange(parked_, {}))
      waiter.decided(Refusal{base::ErrorType::unavailable, {}, "a limit that applies could not be created"});
  });
}

std::shared_ptr<Lease> Keeper::opening_lease(base::LimitId limit) const {
  const auto found = std::ranges::find_if(
      leases_, [&](const auto& entry) { return entry.first.limit == limit && entry.second->opening_; });
  return found == leases_.end() ? nullptr : found->second;
}

// Nobody admits anything without the limits any more. So a record either names them, or it is in the store after the
// flush and is counted by `open`.
base::Status Keeper::open_now(std::span<const base::LimitId> limits,
                              const std::function<base::Status(base::WallTime now)>& open) {
  const base::WallTime now = wall_now();
  Leases leases;
  for (const base::LimitId limit : limits)
    if (auto lease = opening_lease(limit)) leases.push_back(std::move(lease));
  const auto in_time = [&](const auto& lease) { return lease->span().contains(now) && lease->epoch() == epoch_; };
  if (!std::ranges::all_of(leases, in_time))
    return base::fail(base::ErrorType::unavailable,
                      "the limit's window turned while it was created, or what this node had leased expired; "
                      "create it once more",
                      {}, base::Source::gateway);
  take_records();
  TRY_STATUS(flush_all());
  TRY_STATUS(open(now));
  for (const auto& lease : leases) lease->opening_ = false;
  // Where the store fails from here on, what was taken on is made good with the next grant.
  (void)lease_taken_on(leases);
  return {};
}

base::Status Keeper::lease_taken_on(const Leases& leases) {
  std::vector<GrantRequest> requests;
  for (const auto& lease : leases)
    requests.push_back(
        {.of = query_of(*lease), .at_most = lease->owed(), .epoch = epoch_, .granted_before = lease->totals_.granted});
  if (requests.empty()) return {};
  const auto grants = store_.grant(requests);
  note(grants ? base::Status{} : std::unexpected(grants.error()));
  if (!grants) return std::unexpected(grants.error());
  for (std::size_t i = 0; i < leases.size(); ++i) {
    learn(*leases[i], (*grants)[i], clock_.now());
    leases[i]->give((*grants)[i].granted);
  }
  return {};
}

}  // namespace quota
