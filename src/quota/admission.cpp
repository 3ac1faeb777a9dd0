#include "quota/admission.h"

#include <algorithm>
#include <utility>

#include "quota/balance.h"
#include "quota/counting.h"
#include "quota/scribe.h"

namespace quota {

std::optional<Reservation> Admission::try_reserve(std::span<const catalog::Limit* const> limits, const Amounts& amounts,
                                                  base::WallTime stamp, std::unique_ptr<events::UsageRecord>& record,
                                                  const catalog::Balance* balance) {
  if (!keeper_.admitting()) return std::nullopt;
  Reservation::Parts parts;
  const auto undo = [&] {
    for (const Reservation::Part& part : parts) part.lease->give(part.amount);
  };
  for (const catalog::Limit* limit : limits) {
    const auto known = leases_.find(limit->id);
    if (known == leases_.end() || !known->second->usable(stamp)) {
      undo();
      return std::nullopt;
    }
    const std::shared_ptr<Lease>& lease = known->second;
    const std::int64_t wanted = amounts.in(limit->unit);
    const std::int64_t amount = limit->leased() ? wanted : 0;
    const bool plain = limit->leased() && limit->thresholds.empty();
    if ((!plain && stopped(*limit, *lease)) || (amount > 0 && !lease->take(amount))) {
      undo();
      return std::nullopt;
    }
    if (limit->leased() && lease->wants_refill()) keeper_.ask_refill(lease);
    parts.push_back({lease, limit->unit, amount, lease->sub_window(stamp), false, wanted});
  }
  if (balance != nullptr && !take_from(*balance, amounts.charge, stamp, parts)) {
    undo();
    return std::nullopt;
  }
  if (scribe_ == nullptr) return Reservation(keeper_, std::move(record), std::move(parts));
  auto entry = scribe_->reserve(*record, parts);
  if (!entry) {  // the keeper's way meets the same, and says so
    journal_error_ = entry.error().message;
    undo();
    return std::nullopt;
  }
  Reservation reservation(keeper_, std::move(record), std::move(parts));
  reservation.entered(*scribe_, std::move(*entry));
  return reservation;
}

bool Admission::take_from(const catalog::Balance& balance, base::Money charge, base::WallTime stamp,
                          Reservation::Parts& parts) {
  std::int64_t missing = want_of(charge);
  // What one is below zero the others owe: nothing is handed out before the keeper has looked.
  for (const catalog::Grant& grant : balance.grants) {
    const auto known = grant.usable_at(stamp) ? leases_.find(catalog::counter_of(grant.id)) : leases_.end();
    if (known != leases_.end() && known->second->overdrawn()) return false;
  }
  for (const catalog::Grant& grant : balance.grants) {
    if (!grant.usable_at(stamp)) continue;
    const auto known = leases_.find(catalog::counter_of(grant.id));
    // One of an epoch that is over only takes what comes back.
    if (known == leases_.end() || !known->second->usable(stamp)) return false;
    const std::shared_ptr<Lease>& lease = known->second;
    const std::int64_t taken = lease->take_up_to(missing);
    if (taken > 0) parts.push_back({lease, catalog::LimitUnit::usd, taken, std::nullopt, true});
    if (lease->wants_refill()) keeper_.ask_refill(lease);
    missing -= taken;
    if (missing == 0) return true;
    // The next grant is touched when this one has nothing more, not when the lease of it is short.
    if (!is_exhausted(*lease, taken)) return false;
  }
  return false;
}

void Admission::reserve(std::span<const catalog::Limit* const> limits, const Amounts& amounts, base::WallTime stamp,
                        base::Instant deadline, const events::UsageRecord& record,
                        std::function<void(Decision)> decided, const catalog::Balance* balance,
                        std::optional<base::QuoteId> quote) {
  Waiter waiter{.wants = {},
                .balance = {},
                .stamp = stamp,
                .deadline = deadline,
                .record = std::make_unique<events::UsageRecord>(record),
                .decided = std::move(decided),
                .redeems = quote};
  for (const catalog::Limit* limit : limits) waiter.wants.push_back({*limit, amounts.in(limit->unit)});
  if (balance != nullptr) waiter.balance = want_from(*balance, amounts.charge);
  keeper_.submit(std::move(waiter));
}

namespace {

// A limit that is not there any more has a name no longer; of that one the store grants nothing.
catalog::Limit limit_of(const Reservation::Part& part, std::span<const catalog::Limit* const> limits) {
  const base::LimitId id = part.lease->counter().limit;
  const auto found = std::ranges::find_if(limits, [&](const catalog::Limit* one) { return one->id == id; });
  if (found != limits.end()) return **found;
  catalog::Limit gone;
  gone.id = id;
  gone.name = id.to_string();
  gone.unit = part.unit;
  return gone;
}

std::int64_t more_of(const Reservation::Part& part, const Amounts& more) {
  return part.amount > 0 ? more.in(part.unit) : 0;
}

}  // namespace

std::optional<Reservation::Extension> Admission::try_extend(const Reservation& reservation,
                                                            std::span<const catalog::Limit* const> limits,
                                                            const Amounts& more, base::WallTime now,
                                                            const catalog::Balance* balance) {
  if (!keeper_.admitting()) return std::nullopt;
  Reservation::Parts parts;
  bool enough = true;
  for (const Reservation::Part& held : reservation.parts()) {
    if (held.of_balance) continue;
    const catalog::Limit limit = limit_of(held, limits);
    const std::int64_t amount = limit.leased() ? more_of(held, more) : 0;
    enough = held.lease->stands(now) && !stopped(limit, *held.lease) && (amount == 0 || held.lease->take(amount));
    if (!enough) break;
    if (amount > 0) parts.push_back({held.lease, held.unit, amount});
  }
  if (enough && balance != nullptr && more.charge > base::Money::zero())
    enough = take_from(*balance, more.charge, now, parts);
  if (enough) return Reservation::Extension(std::move(parts));
  for (const Reservation::Part& part : parts) part.lease->give(part.amount);
  return std::nullopt;
}

void Admission::extend(const Reservation& reservation, std::span<const catalog::Limit* const> limits,
                       const Amounts& more, base::WallTime now, base::Instant deadline,
                       std::function<void(Decision)> decided, const catalog::Balance* balance) {
  Waiter waiter{
      .wants = {}, .balance = {}, .stamp = now, .deadline = deadline, .record = nullptr, .decided = std::move(decided)};
  if (balance != nullptr && more.charge > base::Money::zero()) waiter.balance = want_from(*balance, more.charge);
  for (const Reservation::Part& held : reservation.parts()) {
    if (!held.of_balance)
      waiter.wants.push_back({limit_of(held, limits), more_of(held, more), held.lease, held.amount});
    else if (waiter.balance)
      waiter.balance->held += held.amount;
  }
  keeper_.submit(std::move(waiter));
}

base::Status Admission::adopt(Reservation& reservation) {
  for (const Reservation::Part& part : reservation.parts()) leases_[part.lease->counter().limit] = part.lease;
  if (scribe_ == nullptr) return {};
  TRY(auto entry, scribe_->reserve(reservation.record(), reservation.parts()));
  reservation.entered(*scribe_, std::move(entry));
  return {};
}

bool Admission::durable(const Reservation& reservation) const {
  const auto position = reservation.journal_position();
  return !position || scribe_->durable(*position);
}

void Admission::when_durable(const Reservation& reservation, std::function<void(base::Status)> ready) {
  scribe_->when_durable(*reservation.journal_position(), std::move(ready));
}

std::string Admission::trouble() const { return keeper_.admitting() ? journal_error_ : keeper_.halted_because(); }

std::optional<std::int64_t> Admission::remaining(const catalog::Limit& limit, base::WallTime stamp) const {
  const auto known = leases_.find(limit.id);
  if (known == leases_.end() || !known->second->span().contains(stamp)) return std::nullopt;
  const Lease& lease = *known->second;
  return lease.amount() - lease.spent() - lease.unresolved();
}

std::optional<catalog::Threshold> Admission::warning(const catalog::Limit& limit, base::WallTime stamp) const {
  const auto known = leases_.find(limit.id);
  if (known == leases_.end() || !known->second->span().contains(stamp)) return std::nullopt;
  const Lease& lease = *known->second;
  std::optional<catalog::Threshold> highest;
  for (const catalog::Threshold& threshold : limit.thresholds)
    if (threshold.action == catalog::ThresholdAction::warn &&
        lease.spent() >= catalog::level_of(threshold, lease.amount()))
      highest = threshold;
  return highest;
}

std::optional<std::int64_t> Admission::remaining(const catalog::Balance& balance, base::WallTime stamp) const {
  std::int64_t left = 0;
  for (const catalog::Grant& grant : balance.grants) {
    if (!grant.usable_at(stamp)) continue;
    const auto known = leases_.find(catalog::counter_of(grant.id));
    if (known == leases_.end()) return std::nullopt;
    left += known->second->amount() - known->second->spent() - known->second->unresolved();
  }
  return left;
}

}  // namespace quota
