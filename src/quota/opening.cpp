// The keeper brings a limit into force.
#include <algorithm>
#include <iterator>
#include <map>
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
  for (const auto& lease : leases) {
    lease->opening_ = false;
    lease->touched_ = true;  // what it was found to have spent is to be read
  }
  // Where the store fails from here on, what was taken on is made good with the next grant.
  (void)lease_taken_on(leases);
  return {};
}

base::Status Keeper::lease_taken_on(const Leases& leases) {
  std::vector<Wish> wishes;
  for (const auto& lease : leases) wishes.push_back({.lease = lease.get(), .at_most = lease->owed()});
  if (wishes.empty()) return {};
  TRY(const auto grants, ask_for(wishes));
  for (std::size_t i = 0; i < leases.size(); ++i) {
    learn(*leases[i], grants[i], clock_.now());
    leases[i]->give(grants[i].granted);
  }
  return {};
}

// The store takes what a record has kept off what it has leased, also off a grant whose answer was lost, and off what
// is on its way back. Where the records of a batch keep more of a lease than this process has of it, the two are to say
// the same before the batch is offered, and until it is confirmed, or what is free here would be consumed there.
base::Status Keeper::agree_on_taken_on() {
  Leases leases = kept_beyond_leased();
  for (const auto& lease : leases)
    if (lease->return_pending_) TRY_STATUS(return_free(*lease));
  std::erase_if(leases, [](const auto& lease) { return !lease->in_doubt_; });
  TRY_STATUS(lease_taken_on(leases));
  uncovered_ = kept_beyond_leased();
  return {};
}

Keeper::Leases Keeper::kept_beyond_leased() const {
  std::map<CounterKey, std::int64_t> kept;
  Leases leases;
  for (const auto& record : batch_)
    for (const events::Hold& hold : record->holds) {
      const auto known = leases_.find({hold.limit, hold.label});
      if (known == leases_.end() || known->second->epoch() != hold.lease_epoch) continue;
      if (known->second->owed() == 0) continue;  // it has leased all that is kept, reserved and free
      const std::int64_t leased = known->second->totals_.remainder();
      std::int64_t& sum = kept[known->first];
      const bool was_covered = sum <= leased;
      sum += std::min(hold.reserved, hold.spent + hold.unresolved);
      if (was_covered && sum > leased) leases.push_back(known->second);
    }
  return leases;
}

bool Keeper::is_uncovered(const Lease* lease) const {
  return std::ranges::any_of(uncovered_, [&](const auto& one) { return one.get() == lease; });
}

}  // namespace quota
