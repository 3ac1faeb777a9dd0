// The keeper's held quotes: what was taken becomes one, and a call that redeems one is admitted by it.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/rfc3339.h"
#include "quota/counting.h"
#include "quota/keeper.h"

namespace quota {
namespace {

constexpr std::int64_t retry_quotes_ms = 100;

Refusal unavailable(std::string reason) { return {base::ErrorType::unavailable, {}, std::move(reason)}; }
Refusal not_usable(std::string reason) { return {base::ErrorType::quote_not_usable, {}, std::move(reason)}; }

std::string usd_text(std::int64_t nanos) { return catalog::amount_text(catalog::LimitUnit::usd, nanos) + " usd"; }

std::string in_words(const catalog::Limit& limit, std::int64_t amount) {
  return fmt::format("{} {}", catalog::amount_text(limit.unit, amount), catalog::to_string(limit.unit));
}

}  // namespace

// --- holding ---------------------------------------------------------------------------------------------------------

Decision Keeper::hold_quote(const Waiter& waiter, Reservation::Parts parts) {
  Quote quote{.id = waiter.holds->id,
              .key = waiter.holds->key,
              .created = waiter.stamp,
              .expires = {waiter.stamp.ms + waiter.holds->ttl_ms}};
  for (const Reservation::Part& part : parts)
    quote.parts.push_back({part.lease->counter(), part.amount, part.of_balance});
  // Those of which it is not known come first: the store forgets ended ones when it holds another.
  const base::Status known = resolve_doubtful_quotes();
  const base::Status held = known ? store_.hold(quote, epoch_) : known;
  note(held);
  if (held) {
    for (const Reservation::Part& part : parts) move_to_quote(part);
    next_quote_end_ = std::min(next_quote_end_, quote.expires);
    return quote;
  }
  if (!known) {
    for (const Reservation::Part& part : parts) part.lease->give(part.amount);
    return unavailable(known.error().message);
  }
  for (const Reservation::Part& part : parts) part.lease->note_reserved(part.amount);
  doubtful_quotes_.push_back({quote.id, quote.expires, std::move(parts)});
  return unavailable(held.error().message);
}

// The store has it out of the lease.
void Keeper::move_to_quote(const Reservation::Part& part) {
  Lease& lease = *part.lease;
  ASSERT(lease.totals_.remainder() >= part.amount);
  lease.totals_.consumed += part.amount;
  lease.known_.quoted += part.amount;
}

void Keeper::take_for_quoted(Lease& lease, std::int64_t amount) {
  lease.totals_.consumed += amount;
  lease.maybe_quoted_ += amount;
  beat_wanted_ = true;
}

// What the store did hold is ended: nobody was told of it. One that ended long ago it may have forgotten when another
// node held one: then nobody knows whether it had taken its parts out of the lease, and nothing of them is handed out
// until the next heartbeat tells what the lease's row holds (find_unquoted).
base::Status Keeper::resolve_doubtful_quotes() {
  while (!doubtful_quotes_.empty()) {
    DoubtfulQuote& doubtful = doubtful_quotes_.front();
    const base::WallTime now = wall_now();
    const auto found = store_.find_quote(doubtful.id, now);
    note(found ? base::Status{} : std::unexpected(found.error()));
    if (!found) return std::unexpected(found.error());
    const bool may_be_forgotten = ttl_ms_ && now.ms >= doubtful.expires.ms + ended_quotes_kept_ms / 2;
    for (const Reservation::Part& part : std::exchange(doubtful.parts, {})) {
      part.lease->note_settled(part.amount, 0, 0);
      if (*found)
        move_to_quote(part);
      else if (may_be_forgotten)
        take_for_quoted(*part.lease, part.amount);
      else
        part.lease->give(part.amount);
    }
    if (*found) {
      const auto ended = store_.end_quotes(now, std::span(&doubtful.id, 1));
      note(ended ? base::Status{} : std::unexpected(ended.error()));
      if (!ended) return std::unexpected(ended.error());
      next_quote_end_ = base::WallTime{};  // what went back is to be learnt
    }
    doubtful_quotes_.erase(doubtful_quotes_.begin());
    retry_waiters_ = true;
  }
  return {};
}

base::Status Keeper::end_due_quotes() {
  const auto ended = store_.end_quotes(wall_now(), {});
  note(ended ? base::Status{} : std::unexpected(ended.error()));
  if (!ended) look_at_the_clock();
  if (!ended) return std::unexpected(ended.error());
  next_quote_end_ = ended->next_end.value_or(base::far_future);
  // Also what was ended at another call: a quote is in the way of nobody then.
  Leases touched;
  std::vector<CounterQuery> queries;
  for (const auto& [counter, lease] : leases_) {
    if (lease->known_.quoted == 0) continue;
    touched.push_back(lease);
    queries.push_back(query_of(*lease));
  }
  if (queries.empty()) return {};
  const auto states = store_.read(queries);
  note(states ? base::Status{} : std::unexpected(states.error()));
  if (!states) return std::unexpected(states.error());
  for (std::size_t i = 0; i < touched.size(); ++i) learn(*touched[i], (*states)[i]);
  retry_waiters_ = true;
  return {};
}

void Keeper::tend_quotes(base::Instant now) {
  const auto in_ms = next_quote_in_ms(now);
  if (!in_ms || *in_ms > 0) return;
  base::Status status = resolve_doubtful_quotes();
  if (status && wall_now() >= next_quote_end_) status = end_due_quotes();
  quotes_failed_ = status ? std::nullopt : std::optional(now);
}

std::optional<std::int64_t> Keeper::next_quote_in_ms(base::Instant now) {
  if (doubtful_quotes_.empty() && next_quote_end_ == base::far_future) return std::nullopt;
  // By the clock, not by stamps: those wait where it was set back, and the store thread is to sleep meanwhile.
  const bool due = !doubtful_quotes_.empty() || wall_now() >= next_quote_end_;
  const std::int64_t in_ms = due ? 0 : next_quote_end_.ms - clock_.wall_now().ms;
  if (!quotes_failed_) return in_ms;
  return std::max(in_ms, retry_quotes_ms - base::ns_between(*quotes_failed_, now) / 1'000'000);
}

// --- redeeming -------------------------------------------------------------------------------------------------------

std::optional<Decision> Keeper::redeem(Asking& asking, base::Instant now) {
  Waiter& waiter = asking.waiter;
  const auto quote = store_.find_quote(*waiter.redeems, waiter.stamp);
  note(quote ? base::Status{} : std::unexpected(quote.error()));
  if (!quote) return unavailable(quote.error().message);
  if (auto why = why_not_usable(*quote, waiter); !why.empty()) return not_usable(std::move(why));
  const auto stop = why_stopped(**quote, asking);
  if (!stop) return unavailable(stop.error().message);
  if (!stop->empty()) return not_usable(*stop);

  // Where the quote holds too little the limit itself pays, and the store has to know what was spent of it.
  for (Lease* const lease : overdrawn_of(**quote, asking, nullptr))
    if (const base::Status squared = square(*lease); !squared) return unavailable(squared.error().message);
  if (std::ranges::any_of(asking.leases, [&](const auto& lease) { return is_uncovered(lease.get()); }))
    if (const base::Status covered = flush_batch(); !covered) return unavailable(covered.error().message);
  const Redemption redemption = redemption_of(asking);
  const auto redeemed = redeem_now(redemption, asking);
  if (!redeemed)
    return unavailable(fmt::format("the store did not say whether the quote was redeemed, and it may be gone: {}",
                                   redeemed.error().message));
  if (!redeemed->was_held)
    return not_usable(fmt::format("quote {} has ended while it was asked for", waiter.redeems->to_string()));
  if (redeemed->short_of) return short_of(*redeemed, redemption, asking, now);
  next_quote_end_ = {};  // that of another one is the next
  const bool overrun =
      !overdrawn_of(**quote, asking, &*redeemed).empty();  // settled in the middle of it, and needs the money more
  if (leases_hold() && !overrun) return reservation_from(asking, *redeemed, now);
  // Nothing may be handed out: it stays in the lease, and there is no reservation that would end.
  std::size_t next = 0;
  for (std::size_t i = 0; i < asking.leases.size(); ++i)
    if (waiter.wants[i].limit.leased()) take_granted(*asking.leases[i], redeemed->limits[next++], 0, now);
  for (std::size_t i = 0; i < asking.grants.size(); ++i) take_granted(*asking.grants[i], redeemed->grants[i], 0, now);
  return unavailable(overrun ? "what the call takes was spent while the quote was redeemed" : halted_because());
}

// Those that are overdrawn, of which the quote does not hold all that the call takes; of grants, that it took.
std::vector<Lease*> Keeper::overdrawn_of(const Quote& quote, const Asking& asking, const Redeemed* redeemed) {
  const auto held_in = [&](const Lease& lease) {
    std::int64_t held = 0;
    for (const QuotePart& part : quote.parts)
      if (part.counter == lease.counter()) held += part.amount;
    return held;
  };
  std::vector<Lease*> leases;
  for (std::size_t i = 0; i < asking.leases.size(); ++i) {
    const Waiter::Want& want = asking.waiter.wants[i];
    Lease& lease = *asking.leases[i];
    if (want.limit.leased() && lease.overdrawn() && want.amount > held_in(lease)) leases.push_back(&lease);
  }
  for (std::size_t i = 0; i < asking.grants.size(); ++i) {
    Lease& lease = *asking.grants[i];
    const std::int64_t taken = redeemed != nullptr ? redeemed->grants[i].granted : asking.waiter.balance->amount;
    if (lease.overdrawn() && taken > held_in(lease)) leases.push_back(&lease);
  }
  return leases;
}

// Once more without what this process has idle, where that stands in the way.
base::Result<Redeemed> Keeper::redeem_now(const Redemption& redemption, const Asking& asking) {
  auto redeemed = store_.redeem(redemption);
  note(redeemed ? base::Status{} : std::unexpected(redeemed.error()));
  if (!redeemed) look_at_the_clock();
  if (!redeemed || !redeemed->short_of) return redeemed;
  for (const Leases* const leases : {&asking.leases, &asking.grants})
    for (const auto& lease : *leases) TRY_STATUS(return_free(*lease));
  redeemed = store_.redeem(redemption);
  note(redeemed ? base::Status{} : std::unexpected(redeemed.error()));
  return redeemed;
}

std::string Keeper::why_not_usable(const std::optional<Quote>& quote, const Waiter& waiter) {
  const std::string id = waiter.redeems->to_string();
  if (!quote) return fmt::format("there is no quote {}, or it ended long ago", id);
  if (quote->key != waiter.record->key) return fmt::format("quote {} was held for another key", id);
  if (quote->state == QuoteState::redeemed)
    return fmt::format("quote {} was redeemed already; it pays for one call", id);
  if (quote->state == QuoteState::expired)
    return fmt::format("quote {} has expired; it was held until {}", id, base::to_rfc3339(quote->expires));
  constexpr std::string_view remedy = "ask for less output, or hold a quote of this call";
  for (const Waiter::Want& want : waiter.wants) {
    const std::int64_t held = quote->held_of(want.limit.id);
    if (want.limit.leased() && quote->names(want.limit.id) && want.amount > held)
      return fmt::format("quote {} holds {} of the limit '{}', and this call may need {}; {}", id,
                         in_words(want.limit, held), want.limit.name, in_words(want.limit, want.amount), remedy);
  }
  std::int64_t held = 0;
  for (const QuotePart& part : quote->parts) held += part.of_balance ? part.amount : 0;
  if (waiter.balance && held > 0 && waiter.balance->amount > held)
    return fmt::format("quote {} holds {} of the balance of '{}', and this call may need {}; {}", id, usd_text(held),
                       waiter.balance->name, usd_text(waiter.balance->amount), remedy);
  return {};
}

// By a limit that came into force since: those that the quote was held of have admitted the call.
base::Result<std::string> Keeper::why_stopped(const Quote& quote, const Asking& asking) {
  for (std::size_t i = 0; i < asking.leases.size(); ++i) {
    const catalog::Limit& limit = asking.waiter.wants[i].limit;
    if (quote.names(limit.id) || !stopped(limit, *asking.leases[i])) continue;
    TRY_STATUS(square(*asking.leases[i]));
    if (stopped(limit, *asking.leases[i]))
      return fmt::format("quote {} does not hold anything of the limit '{}', and that admits nothing more",
                         quote.id.to_string(), limit.name);
  }
  return std::string();
}

GrantRequest Keeper::request_of(Lease& lease, std::int64_t amount) {
  lease.in_doubt_ = true;
  return {.of = query_of(lease),
          .at_least = amount,
          .at_most = amount,
          .epoch = epoch_,
          .granted_before = lease.totals_.granted};
}

Redemption Keeper::redemption_of(const Asking& asking) {
  const Waiter& waiter = asking.waiter;
  // One moment for all: what another quote holds whose time is over is there for nobody before the store has ended it.
  Redemption redemption{.quote = *waiter.redeems, .exchange = waiter.record->id, .now = wall_now()};
  for (std::size_t i = 0; i < asking.leases.size(); ++i)
    if (const Waiter::Want& want = waiter.wants[i]; want.limit.leased())
      redemption.limits.push_back(request_of(*asking.leases[i], want.amount));
  redemption.charge = waiter.balance ? waiter.balance->amount : 0;
  for (const auto& lease : asking.grants) redemption.grants.push_back(request_of(*lease, redemption.charge));
  for (auto* const requests : {&redemption.limits, &redemption.grants})
    for (GrantRequest& request : *requests) request.of.at = redemption.now;
  return redemption;
}

// The window turned, a limit came into force, or a grant of the balance ended since the quote was held.
std::optional<Decision> Keeper::short_of(const Redeemed& redeemed, const Redemption& redemption, const Asking& asking,
                                         base::Instant now) const {
  const Waiter& waiter = asking.waiter;
  const CounterState& state = redeemed.state;
  const bool of_balance = *redeemed.short_of == redemption.limits.size();
  const std::int64_t wanted = of_balance ? redemption.charge : redemption.limits[*redeemed.short_of].at_least;
  const bool busy = state.spent + state.unresolved + wanted <= state.amount;
  if (busy && now < waiter.deadline) return std::nullopt;
  const std::string id = waiter.redeems->to_string();
  const char* const held_up = busy ? "; calls in flight hold the rest, try again soon" : "";
  if (of_balance)
    return not_usable(
        fmt::format("quote {} does not hold what the call takes of the balance of '{}' now: that may be "
                    "{}, and {} are left{}",
                    id, waiter.balance->name, usd_text(wanted), usd_text(state.grantable()), held_up));
  const base::LimitId short_limit = redemption.limits[*redeemed.short_of].of.counter.limit;
  const auto want = std::ranges::find_if(waiter.wants, [&](const auto& one) { return one.limit.id == short_limit; });
  return not_usable(
      fmt::format("quote {} does not hold what the call takes of the limit '{}' in its window of now: that "
                  "may be {}, and {} are left of {}{}",
                  id, want->limit.name, in_words(want->limit, wanted), in_words(want->limit, state.grantable()),
                  in_words(want->limit, state.amount), held_up));
}

Reservation Keeper::reservation_from(Asking& asking, const Redeemed& redeemed, base::Instant now) {
  Waiter& waiter = asking.waiter;
  Reservation::Parts parts;
  std::size_t next = 0;
  for (std::size_t i = 0; i < asking.leases.size(); ++i) {
    const Waiter::Want& want = waiter.wants[i];
    const std::shared_ptr<Lease>& lease = asking.leases[i];
    const std::int64_t amount = want.limit.leased() ? want.amount : 0;
    if (want.limit.leased()) take_granted(*lease, redeemed.limits[next++], amount, now);
    parts.push_back({lease, want.limit.unit, amount, lease->sub_window(waiter.stamp), false, want.amount});
  }
  std::int64_t charge = waiter.balance ? waiter.balance->amount : 0;
  for (std::size_t i = 0; i < asking.grants.size(); ++i) {
    const std::int64_t slice = std::min(charge, redeemed.grants[i].granted);
    take_granted(*asking.grants[i], redeemed.grants[i], slice, now);
    charge -= slice;
    if (slice > 0) parts.push_back({asking.grants[i], catalog::LimitUnit::usd, slice, std::nullopt, true});
  }
  ASSERT(charge == 0);
  waiter.record->started = waiter.stamp;
  return {*this, std::move(waiter.record), std::move(parts)};
}

// Learns a grant of which so much is taken at once. A quote pays on a counter that stands above its amount, too; what
// comes back of it then is nobody's.
void Keeper::take_granted(Lease& lease, const Grant& grant, std::int64_t taken, base::Instant now) {
  ASSERT(grant.granted >= taken);
  learn(lease, grant, now);
  const CounterState& state = grant.state;
  if (state.spent + state.leased + state.unresolved + state.quoted > state.amount) {
    lease.note_overdrawn();
    ++lease.overdrawn_known_;
  }
  lease.give(grant.granted - taken);
}

}  // namespace quota
