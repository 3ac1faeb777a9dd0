// Why the keeper refuses: what is missing of each limit and of the balance, and whether waiting can help.
#include <algorithm>

#include "base/assert.h"
#include "quota/counting.h"
#include "quota/keeper.h"

namespace quota {

// What all grants have together once what is leased and quoted has come back. The amount of each is less by what the
// others are below zero, also by what is only leased: so one that is below zero shows the whole debt of the account,
// which counts once, and not against each of the others.
std::int64_t Keeper::left_of_balance(const Leases& grants) {
  const auto uncommitted = [](const CounterState& state) {
    return state.amount - state.spent - state.unresolved - state.leased - state.quoted;
  };
  std::int64_t debt = 0;
  for (const auto& lease : grants) debt = std::max(debt, -uncommitted(lease->known_));
  std::int64_t left = -debt;
  for (const auto& lease : grants) {
    const CounterState& known = lease->known_;
    const std::int64_t used_since = lease->spent() - known.spent + lease->unresolved() - known.unresolved;
    left += uncommitted(known) + debt + known.leased + known.quoted - used_since;
  }
  return left;
}

// Grants show each other's debts, so what they were known to have at different moments cannot be added up: one may
// still count against another what was made good since.
base::Status Keeper::look_at_balance(const Leases& grants) {
  std::vector<CounterQuery> queries;
  for (const auto& lease : grants) queries.push_back(query_of(*lease));
  const auto states = store_.read(queries);
  if (!states) {
    note(std::unexpected(states.error()));
    return std::unexpected(states.error());
  }
  for (std::size_t i = 0; i < grants.size(); ++i) learn(*grants[i], (*states)[i]);
  return {};
}

base::Status Keeper::refuse_balance(const Asking& asking, const InHand& in_hand, Refusal& refusal) {
  const BalanceWant& want = *asking.waiter.balance;
  const bool in_doubt = !batch_.empty();  // what the store says of its use cannot be learnt then
  if ((in_doubt || asking.grants.size() > 1) && left_of_balance(asking.grants) - want.held < want.amount) {
    if (in_doubt) TRY_STATUS(flush_batch());
    TRY_STATUS(look_at_balance(asking.grants));
  }
  BalanceStanding standing{.left = left_of_balance(asking.grants) - want.held};
  for (const std::shared_ptr<Lease>& lease : asking.grants) {
    standing.amount += lease->amount();
    standing.available += std::max<std::int64_t>(in_hand.at(lease.get()), 0);
  }
  judge(want, standing, refusal);
  return {};
}

Refusal Keeper::refusal_of(const Asking& asking, const InHand& in_hand) {
  Refusal refusal{.type = base::ErrorType::limit_busy, .shortages = {}, .reason = {}};
  for (std::size_t i = 0; i < asking.leases.size(); ++i) {
    const Lease& lease = *asking.leases[i];
    const Waiter::Want& want = asking.waiter.wants[i];
    const auto have = in_hand.find(asking.leases[i].get());
    const Lease::Use certain = certain_use(lease);
    judge(want.limit, want.amount,
          {.amount = lease.amount(),
           .spent = lease.spent(),
           .spent_certainly = certain.spent,
           .unresolved = certain.unresolved + want.held,  // waiting for oneself does not help
           .available = have == in_hand.end() ? 0 : have->second,
           .window = lease.span(),
           .resets_at = resets_at(lease.policy_, lease.span(), lease.known_, max_skew_ms_)},
          refusal);
  }
  if (asking.waiter.balance)
    if (const base::Status looked = refuse_balance(asking, in_hand, refusal); !looked)
      return {.type = base::ErrorType::unavailable, .shortages = {}, .reason = looked.error().message};
  ASSERT(!refusal.shortages.empty());
  return refusal;
}

Lease::Use Keeper::certain_use(const Lease& lease) {
  if (!lease.rolling()) return {lease.spent(), lease.unresolved()};
  take_records();
  Lease::Use use = lease.read_;
  for (const Settled& settled : unflushed_) add_use(*settled.record, lease, use);
  return use;
}

void Keeper::add_use(const events::UsageRecord& record, const Lease& lease, Lease::Use& use) {
  const auto live_from = query_of(lease).live_from;
  for (const events::Hold& hold : record.holds) {
    if (hold.limit != lease.counter().limit) continue;
    if (hold.sub_window >= live_from) use.spent += hold.spent;
    use.unresolved += hold.unresolved;
  }
}

}  // namespace quota
