// The keeper's slow path: exchanges that wait for lease money, and leases that run low.
#include <algorithm>
#include <set>

#include "base/assert.h"
#include "quota/counting.h"
#include "quota/keeper.h"

namespace quota {
namespace {

constexpr std::int64_t busy_demand_ms = 200;  // grants that follow each other faster than this double the lease
constexpr std::int64_t lease_share = 8;       // a lease brings at most this part of what is left

}  // namespace

void Keeper::serve_waiters(base::Instant now) {
  const bool overdue = std::ranges::any_of(waiters_, [&](const Waiter& waiter) { return waiter.deadline <= now; });
  const bool recalling = std::ranges::any_of(waiters_, &Waiter::recalled) && next_recall_in_ms(now) == 0;
  if (waiters_.empty() || (!retry_waiters_ && !overdue && !recalling)) return;
  retry_waiters_ = false;
  last_recall_ = now;

  std::vector<Asking> asking;
  for (Waiter& waiter : std::exchange(waiters_, {})) {
    Asking one{.waiter = std::move(waiter), .leases = {}, .grants = {}, .stops = {}};
    const base::Status found = find_leases(one);
    if (found && std::ranges::any_of(one.leases, [](const auto& lease) { return lease->opening_; })) {
      parked_.push_back(std::move(one.waiter));
    } else if (found && one.waiter.redeems) {
      if (auto decision = redeem(one, now))
        one.waiter.decided(std::move(*decision));
      else
        waiters_.push_back(std::move(one.waiter));
    } else if (found) {
      asking.push_back(std::move(one));
    } else {
      one.waiter.decided(Refusal{base::ErrorType::unavailable, {}, found.error().message});
    }
  }
  InHand in_hand;
  base::Status fetched = fetch(asking, in_hand, now);
  // While a batch is in doubt, what the store says cannot be told from what it has of it; and in a fleet nothing else
  // says what the others have done since.
  if (fetched && ttl_ms_ && !batch_.empty())
    fetched = base::fail(base::ErrorType::unavailable, "the store did not confirm what was settled");
  // First come, first served; but a quote is held by a call of the store, in the middle of which anything may happen.
  // Nobody else is served from what was in hand before.
  std::ranges::stable_partition(asking, [](const Asking& one) { return !one.waiter.holds; });
  bool looked = false;
  for (Asking& one : asking) {
    if (!looked || one.waiter.holds) look_again(in_hand, fetched);
    looked = true;
    serve(one, in_hand, fetched, now);
  }
  for (const auto& [lease, amount] : in_hand) lease->give(amount);
}

// Time has passed, and workers have gone on, while the store was asked.
void Keeper::look_again(InHand& in_hand, base::Status& fetched) {
  if (fetched && !leases_hold()) fetched = base::fail(base::ErrorType::unavailable, halted_because());
  // Whoever settled an overrun meanwhile needs what is in hand more than those who wait.
  for (auto& [lease, amount] : in_hand)
    if (lease->overdrawn()) lease->give(std::exchange(amount, 0));
}

void Keeper::serve(Asking& asking, InHand& in_hand, const base::Status& fetched, base::Instant now) {
  auto decision = leases_hold() ? try_serve(asking, in_hand, now) : std::nullopt;
  // Without the store's word a shortage proves nothing.
  if (!fetched && (!decision || std::holds_alternative<Refusal>(*decision)))
    decision.emplace(Refusal{base::ErrorType::unavailable, {}, fetched.error().message});
  if (decision) {
    asking.waiter.decided(std::move(*decision));
  } else {
    waiters_.push_back(std::move(asking.waiter));
  }
}

base::Status Keeper::find_leases(Asking& asking) {
  Waiter& waiter = asking.waiter;
  if (!admitting()) return base::fail(base::ErrorType::unavailable, halted_because());
  // After any wait the windows are those of this moment.
  waiter.stamp = std::max(waiter.stamp, wall_now());
  wall_ = std::max(wall_, waiter.stamp);
  for (const Waiter::Want& want : waiter.wants) {
    std::shared_ptr<Lease> lease = want.lease;
    if (lease != nullptr && lease->epoch() != epoch_)
      return base::fail(base::ErrorType::unavailable,
                        "what this call holds was leased before the store lost sight of this node; nothing is added");
    if (lease == nullptr) {
      TRY(lease, lease_for(want.limit, waiter.stamp));
    }
    if (!lease->stands(waiter.stamp)) TRY_STATUS(end_raise(*lease));
    asking.leases.push_back(std::move(lease));
  }
  if (!waiter.balance) return {};
  for (const catalog::Grant& grant : waiter.balance->grants) {
    if (!grant.usable_at(waiter.stamp)) continue;
    TRY(auto lease, lease_in(catalog::counter_of(grant.id), {.kind = base::WindowPolicy::Kind::total},
                             catalog::window_of(grant), waiter.stamp));
    asking.grants.push_back(std::move(lease));
  }
  return {};
}

// What was granted above the old amount goes back before anything more is handed out.
base::Status Keeper::end_raise(Lease& lease) {
  lease.note_overdrawn();
  ++lease.overdrawn_known_;
  return square(lease);
}

base::Result<std::shared_ptr<Lease>> Keeper::lease_for(const catalog::Limit& limit, base::WallTime stamp) {
  return lease_in(limit.id, limit.window, base::window_at(limit.window, stamp), stamp);
}

base::Result<std::shared_ptr<Lease>> Keeper::lease_in(base::LimitId limit, const base::WindowPolicy& policy,
                                                      const base::Window& window, base::WallTime stamp) {
  const CounterKey key{limit, window.label};
  if (const auto known = leases_.find(key); known != leases_.end()) return known->second;
  const CounterQuery query = quota::query_of(limit, policy, window, stamp, max_skew_ms_);
  const auto states = store_.read(std::span(&query, 1));
  if (!states) {
    note(std::unexpected(states.error()));
    return std::unexpected(states.error());
  }
  auto lease = std::make_shared<Lease>(limit, policy, window, epoch_);
  lease->known_ = states->front();
  lease->amount_ = lease->known_.amount;
  lease->raised_until_ms_ = lease->known_.raised_until.value_or(base::WallTime{Lease::not_raised}).ms;
  lease->spent_ = lease->known_.spent;
  lease->read_ = {lease->known_.spent, lease->known_.unresolved};
  lease->unresolved_ = lease->known_.unresolved;
  leases_.emplace(key, lease);
  return lease;
}

CounterQuery Keeper::query_of(const Lease& lease) {
  return quota::query_of(lease.counter().limit, lease.policy_, lease.span(), wall_now(), max_skew_ms_);
}

base::Status Keeper::fetch(std::span<Asking> asking, InHand& in_hand, base::Instant now) {
  InHand need;
  base::Status squared;
  std::set<const Lease*> asked;  // however many wait for the same limit, the store is asked about it once
  for (Asking& one : asking) {
    for (std::size_t i = 0; i < one.leases.size(); ++i) {
      const Waiter::Want& want = one.waiter.wants[i];
      Lease& lease = *one.leases[i];
      if (stopped(want.limit, lease) && asked.insert(&lease).second)
        if (base::Status status = square(lease); !status) squared = std::move(status);
      one.stops.push_back(stopped(want.limit, lease).has_value());
      if (want.limit.leased() && !one.stops.back()) need[&lease] += want.amount;
    }
    if (!one.waiter.balance) continue;
    bool fresh = false;
    for (const auto& lease : one.grants) fresh = asked.insert(lease.get()).second || fresh;
    if (fresh)
      if (base::Status status = square_balance(one.grants); !status) squared = std::move(status);
    need_of_balance(one, need);
  }

  if (base::Status status = give_back_retired(need); !status) squared = std::move(status);
  std::vector<Wish> wishes;
  for (const auto& [lease, amount] : need) {
    std::int64_t& have = in_hand[lease] = 0;
    // What is on its way back is nobody's until the store has it.
    if (lease->overdrawn() || lease->return_pending_) {
      if (base::Status status = square(*lease); !status) squared = std::move(status);
      if (lease->overdrawn()) continue;
    }
    have = lease->take_up_to(std::numeric_limits<std::int64_t>::max());
    if (have >= amount) continue;
    const std::int64_t missing = amount - have + lease->owed();
    wishes.push_back({lease, 1, missing + surplus_of(*lease, missing, now), missing});
  }
  if (!squared || wishes.empty()) return squared;
  TRY(const auto grants, ask_for(wishes));
  for (std::size_t i = 0; i < grants.size(); ++i) {
    Lease& lease = *wishes[i].lease;
    const std::int64_t granted = grants[i].granted;
    learn(lease, grants[i], now);
    const std::int64_t makes_good = std::min(granted, lease.owed());
    lease.give(makes_good);
    in_hand[&lease] += granted - makes_good;
  }
  return {};
}

base::Result<std::vector<Grant>> Keeper::ask_for(std::span<const Wish> wishes) {
  if (std::ranges::any_of(wishes, [&](const Wish& wish) { return is_uncovered(wish.lease); }))
    TRY_STATUS(flush_batch());
  std::vector<GrantRequest> requests;
  for (const Wish& wish : wishes) {
    wish.lease->in_doubt_ = true;
    requests.push_back({.of = query_of(*wish.lease),
                        .at_least = wish.at_least,
                        .at_most = wish.at_most,
                        .needed = wish.needed,
                        .epoch = epoch_,
                        .granted_before = wish.lease->totals_.granted});
  }
  auto grants = store_.grant(requests);
  note(grants ? base::Status{} : std::unexpected(grants.error()));
  if (!grants) look_at_the_clock();
  ASSERT(!grants || grants->size() == requests.size());
  return grants;
}

base::Status Keeper::square_balance(const Leases& grants) {
  const auto square_overdrawn = [&]() -> base::Status {
    for (const auto& lease : grants)
      if (lease->overdrawn()) TRY_STATUS(square(*lease));
    return {};
  };
  const auto is_overdrawn = [](const auto& lease) { return lease->overdrawn(); };
  TRY_STATUS(square_overdrawn());
  if (std::ranges::none_of(grants, is_overdrawn)) return {};
  // The account owes. Each grant gives back what it has idle, and pays of the debt what it can: it may take several.
  std::vector<Wish> wishes;
  for (const auto& lease : grants) {
    if (!lease->overdrawn()) {
      lease->note_overdrawn();
      ++lease->overdrawn_known_;
      TRY_STATUS(square(*lease));
    }
    wishes.push_back({lease.get()});
  }
  TRY(const auto made_good, ask_for(wishes));
  for (std::size_t i = 0; i < grants.size(); ++i) {
    Lease& lease = *grants[i];
    lease.totals_.granted += made_good[i].granted;  // that was never heard of
    lease.in_doubt_ = false;
    lease.give(made_good[i].granted);
    learn(lease, made_good[i].state);
  }
  return square_overdrawn();
}

void Keeper::need_of_balance(Asking& asking, InHand& need) {
  std::int64_t missing = asking.waiter.balance->amount;
  // What was known was not so, and what is known now may not be so any more: each is asked for all of it, and then the
  // store has said at one moment what can be had of them together.
  asking.all_asked = asking.waiter.asked_again;
  for (const std::shared_ptr<Lease>& lease : asking.grants) {
    if (asking.all_asked) break;
    std::int64_t& needed = need[lease.get()];
    const std::int64_t left =
        lease->amount() - lease->spent() - lease->unresolved() - lease->known_.quoted - lease->reserved() - needed;
    const std::int64_t part = std::clamp<std::int64_t>(left, 0, missing);
    needed += part;
    missing -= part;
  }
  // It does not fit as far as is known here, and the store may know better.
  asking.all_asked = asking.all_asked || missing > 0;
  if (asking.all_asked)
    for (const std::shared_ptr<Lease>& lease : asking.grants) need[lease.get()] += missing;
}

std::int64_t Keeper::missing_of_balance(const Asking& asking, InHand& in_hand) {
  std::int64_t missing = asking.waiter.balance->amount;
  for (const std::shared_ptr<Lease>& lease : asking.grants) {
    std::int64_t& have = in_hand[lease.get()];
    if (have < missing && !lease->overdrawn()) have += lease->take_up_to(missing - have);
    missing -= std::min(missing, have);
  }
  return missing;
}

base::Status Keeper::square(Lease& lease) {
  take_records();
  TRY_STATUS(flush_all());
  TRY_STATUS(return_free(lease));
  const CounterQuery query = query_of(lease);
  const auto states = store_.read(std::span(&query, 1));
  if (!states) {
    note(std::unexpected(states.error()));
    return std::unexpected(states.error());
  }
  const CounterState& state = states->front();
  learn(lease, state);
  // Above its amount nothing is granted, and what others give back must go to the store before anybody takes it.
  if (state.spent + state.leased + state.unresolved + state.quoted > state.amount) return {};
  lease.overdrawn_.fetch_sub(std::exchange(lease.overdrawn_known_, 0), std::memory_order_relaxed);
  return {};
}

std::optional<Decision> Keeper::try_serve(Asking& asking, InHand& in_hand, base::Instant now) {
  Waiter& waiter = asking.waiter;
  bool fits = true;
  for (std::size_t i = 0; i < asking.leases.size(); ++i) {
    Lease& lease = *asking.leases[i];
    const bool stop = stopped(waiter.wants[i].limit, lease).has_value();
    const bool is_short = !stop && waiter.wants[i].limit.leased() && !take_wanted(lease, waiter.wants[i], in_hand);
    // By what was settled since the store was asked: it is to be asked again.
    if ((stop && !asking.stops[i]) || (is_short && owes_more(lease))) {
      retry_waiters_ = true;
      return std::nullopt;
    }
    fits = fits && !stop && !is_short;
  }
  const bool short_of_balance = waiter.balance && missing_of_balance(asking, in_hand) > 0;
  fits = fits && !short_of_balance;
  if (waiter.balance && (std::ranges::any_of(asking.grants, [](const auto& lease) { return owes_more(*lease); }) ||
                         (!waiter.asked_again && is_to_ask_again(asking, in_hand, short_of_balance)))) {
    waiter.asked_again = true;
    retry_waiters_ = true;
    return std::nullopt;
  }
  if (!fits) {
    Refusal refusal = refusal_of(asking, in_hand);
    if (refusal.type == base::ErrorType::limit_busy && (may_be_recalled(asking, now) || now < waiter.deadline))
      return std::nullopt;
    return refusal;
  }
  Reservation::Parts parts;
  for (std::size_t i = 0; i < asking.leases.size(); ++i) {
    const Waiter::Want& want = waiter.wants[i];
    const std::int64_t amount = want.limit.leased() ? want.amount : 0;
    if (amount > 0) in_hand[asking.leases[i].get()] -= amount;
    const auto sub_window = asking.leases[i]->sub_window(waiter.stamp);
    parts.push_back({std::move(asking.leases[i]), want.limit.unit, amount, sub_window, false, want.amount});
  }
  std::int64_t charge = waiter.balance ? waiter.balance->amount : 0;
  for (std::shared_ptr<Lease>& lease : asking.grants) {
    const std::int64_t slice = std::min(charge, in_hand[lease.get()]);
    if (slice == 0) continue;
    in_hand[lease.get()] -= slice;
    charge -= slice;
    parts.push_back({std::move(lease), catalog::LimitUnit::usd, slice, std::nullopt, true});
  }
  ASSERT(charge == 0);
  if (waiter.holds) return hold_quote(waiter, std::move(parts));
  if (waiter.record == nullptr) return Reservation::Extension(std::move(parts));
  waiter.record->started = waiter.stamp;  // one stamp: the windows that it counts in are those of its record
  return Reservation(*this, std::move(waiter.record), std::move(parts));
}

bool Keeper::take_wanted(Lease& lease, const Waiter::Want& want, InHand& in_hand) {
  std::int64_t& have = in_hand[&lease];
  if (have < want.amount && !lease.overdrawn()) have += lease.take_up_to(want.amount - have);
  return have >= want.amount;
}

bool Keeper::owes_more(const Lease& lease) { return lease.overdrawn_ > lease.overdrawn_known_; }

// The grants were asked for their shares by what was known of them: where the store knew better, or something came back
// meanwhile, there may be more of one that is passed over for those behind it, also of one that nothing was to be had
// of.
bool Keeper::is_to_ask_again(const Asking& asking, const InHand& in_hand, bool is_short) {
  if (is_short && !asking.all_asked) return true;
  std::int64_t missing = asking.waiter.balance->amount;
  for (const std::shared_ptr<Lease>& lease : asking.grants) {
    const std::int64_t have = in_hand.at(lease.get());
    missing -= std::min(missing, have);
    if (missing == 0) return false;
    const std::int64_t left = lease->amount() - lease->spent() - lease->unresolved() - lease->known_.quoted -
                              lease->reserved() - lease->others_;
    if (!lease->overdrawn() && left > have) return true;
  }
  return false;
}

bool Keeper::may_be_recalled(Asking& asking, base::Instant now) const {
  Waiter& waiter = asking.waiter;
  if (!ttl_ms_ || waiter.recalled) return false;
  const auto others_have = [](const auto& lease) { return lease->others_ > 0; };
  if (!std::ranges::any_of(asking.leases, others_have) && !std::ranges::any_of(asking.grants, others_have))
    return false;
  waiter.recalled = true;
  waiter.deadline = std::max(waiter.deadline, now.plus_ms(options_.recall_wait_ms));
  return true;
}

// --- refills -------------------------------------------------------------------------------------------------------

void Keeper::serve_refills(base::Instant now) {
  if (refills_.empty()) return;
  const Leases leases = std::exchange(refills_, {});
  std::vector<Wish> wishes;
  for (const auto& lease : leases) {
    // A window that is over grants only to extend; and what a lease got that is not known here nobody would give back.
    const auto known = leases_.find(lease->counter());
    if (known == leases_.end() || known->second != lease || lease->span().end <= wall_now()) continue;
    const std::int64_t surplus = lease->overdrawn() ? 0 : surplus_of(*lease, 0, now);
    if (surplus == 0) lease->refill_below_ = 0;  // near the limit each exchange asks for exactly what it needs
    lease->refill_asked_ = false;
    if (surplus == 0) continue;
    wishes.push_back({lease.get(), 1, surplus});
  }
  if (wishes.empty()) return;
  const auto grants = ask_for(wishes);
  if (!grants) return;  // those who then find the lease empty wait, and are told why
  for (std::size_t i = 0; i < grants->size(); ++i) {
    learn(*wishes[i].lease, (*grants)[i], now);
    wishes[i].lease->give((*grants)[i].granted);
  }
}

std::int64_t Keeper::surplus_of(Lease& lease, std::int64_t need, base::Instant now) const {
  const bool busy = base::ns_between(lease.last_grant_, now) < busy_demand_ms * 1'000'000;
  const std::int64_t left = lease.amount() - lease.spent() - lease.unresolved() - lease.known_.quoted -
                            lease.reserved() - lease.free() - need;
  const std::int64_t most = std::max<std::int64_t>(left / lease_share / nodes_, 0);
  lease.size_ = std::min(busy ? std::max(lease.size_ * 2, need) : std::max(lease.size_ / 2, need), most);
  return lease.size_;
}

void Keeper::learn(Lease& lease, const Grant& grant, base::Instant now) {
  ASSERT(grant.granted >= 0);
  lease.totals_.granted += grant.granted;
  lease.in_doubt_ = false;
  lease.others_ = grant.others;
  lease.last_grant_ = now;
  lease.refill_below_ = lease.size_ / 2;
  learn(lease, grant.state);
}

// What workers settle meanwhile goes on counting beside what the store knows: of a rolling limit that becomes less with
// time. While a batch is in doubt nobody knows how much of it the store has counted.
void Keeper::learn(Lease& lease, const CounterState& state) {
  const bool was_raised = lease.raised_until_ms_ != Lease::not_raised;
  if (was_raised && state.amount < lease.amount_) {  // it has ended, while the keeper looked away: see end_raise
    lease.note_overdrawn();
    ++lease.overdrawn_known_;
    retry_waiters_ = true;
  }
  lease.amount_ = state.amount;
  lease.raised_until_ms_ = state.raised_until.value_or(base::WallTime{Lease::not_raised}).ms;
  lease.read_ = {state.spent, state.unresolved};
  if (!batch_.empty()) return;
  lease.spent_ += state.spent - lease.known_.spent;
  lease.unresolved_ += state.unresolved - lease.known_.unresolved;
  lease.known_ = state;
}

}  // namespace quota
