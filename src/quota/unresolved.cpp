#include "quota/unresolved.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rfc3339.h"

namespace quota {
namespace {

constexpr std::size_t overdue_page = 100;

// Where what is spent of a rolling limit counts; what a crash left does not say it.
std::optional<base::WindowLabel> sub_window_of(const events::Hold& hold, const catalog::Limit* limit,
                                               base::WallTime stamp) {
  if (hold.sub_window || limit == nullptr || limit->window.kind != base::WindowPolicy::Kind::rolling)
    return hold.sub_window;
  return base::sub_label(limit->window, stamp);
}

// Takes all that the item's hold has unresolved off, and books `spent` of it.
events::Hold correcting(const events::Hold& hold, std::int64_t spent, const catalog::Limit* limit,
                        base::WallTime stamp) {
  return {.limit = hold.limit,
          .label = hold.label,
          .reserved = 0,
          .spent = spent,
          .unresolved = -hold.unresolved,
          .sub_window = sub_window_of(hold, limit, stamp)};
}

// What a limit counts of a call that is known; nullopt: this is not known of it.
std::optional<std::int64_t> counted(catalog::LimitUnit unit, const KnownCost& known) {
  switch (unit) {
    case catalog::LimitUnit::usd: return known.cost.nanos();
    case catalog::LimitUnit::requests: return 1;
    case catalog::LimitUnit::input_tokens: return known.input_tokens;
    case catalog::LimitUnit::output_tokens: return known.output_tokens;
    case catalog::LimitUnit::tokens: {
      std::int64_t sum = 0;
      if (!known.input_tokens || !known.output_tokens ||
          __builtin_add_overflow(*known.input_tokens, *known.output_tokens, &sum))
        return std::nullopt;
      return sum;
    }
    case catalog::LimitUnit::named: return std::nullopt;  // all that it held: what it takes was known before
  }
  return std::nullopt;
}

// What is spent of the hold beyond what it has booked already.
base::Result<std::int64_t> spent_on(const events::Hold& hold, const catalog::Limit* limit, const KnownCost& known,
                                    bool one_exchange) {
  // Of a limit that was removed nobody knows the unit, and a lost lease may have held any number of requests: all of it
  // counts, which is never too little.
  if (limit == nullptr || (!one_exchange && limit->unit == catalog::LimitUnit::requests)) return hold.unresolved;
  auto sum = counted(limit->unit, known);
  if (!sum) return hold.unresolved;
  if (limit->unit == catalog::LimitUnit::requests) sum = std::max(*sum, hold.spent);  // a batch has counted more
  if (*sum < hold.spent) {
    const bool money = limit->unit == catalog::LimitUnit::usd;
    return base::invalid(
        fmt::format("{} {} is below the {} that the limit '{}' has counted of this call; what is booked is not taken "
                    "back",
                    catalog::amount_text(limit->unit, *sum), catalog::to_string(limit->unit),
                    catalog::amount_text(limit->unit, hold.spent), limit->name),
        money                                             ? "cost"
        : limit->unit == catalog::LimitUnit::input_tokens ? "input_tokens"
                                                          : "output_tokens");
  }
  return *sum - hold.spent;
}

bool is_same(const Correction& a, const Correction& b) {
  return a.verdict == b.verdict && a.reason == b.reason && a.record.cost == b.record.cost &&
         a.record.usage == b.record.usage && a.record.holds == b.record.holds;
}

std::int64_t count_of(const std::optional<meter::Usage>& usage, std::optional<std::int64_t> meter::Usage::* count) {
  return usage ? ((*usage).*count).value_or(0) : 0;
}

// The tokens beyond those that were counted.
base::Result<std::optional<meter::Usage>> more_usage(const events::UsageRecord& record, const KnownCost& known) {
  if (!known.input_tokens || !known.output_tokens) return std::nullopt;
  if (known.usage && !record.usage) return known.usage;
  const std::int64_t input = *known.input_tokens - count_of(record.usage, &meter::Usage::input_tokens);
  const std::int64_t output = *known.output_tokens - count_of(record.usage, &meter::Usage::output_tokens);
  if (input < 0 || output < 0)
    return base::invalid("fewer tokens than were counted of this call already; what is booked is not taken back",
                         input < 0 ? "input_tokens" : "output_tokens");
  meter::Usage usage;
  usage.input_tokens = input;
  usage.output_tokens = output;
  return usage;
}

}  // namespace

std::string_view to_string(UnresolvedCause cause) noexcept {
  switch (cause) {
    case UnresolvedCause::crash: return "crash";
    case UnresolvedCause::no_usage: return "no_usage";
    case UnresolvedCause::at_least: return "at_least";
    case UnresolvedCause::unaccounted: return "unaccounted";
    case UnresolvedCause::deferred: return "deferred";
  }
  return "no_usage";
}

std::string_view to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::settled: return "settled";
    case Verdict::released: return "released";
    case Verdict::timed_out: return "timed_out";
  }
  return "timed_out";
}

void mark_crashed(events::UsageRecord& record) {
  record.outcome = events::Outcome::failed;
  record.error = base::ErrorType::unavailable;
  record.fault = base::Source::gateway;
}

UnresolvedCause cause_of(const events::UsageRecord& record) {
  if (record.outcome == events::Outcome::unaccounted) return UnresolvedCause::unaccounted;
  if (record.outcome == events::Outcome::deferred) return UnresolvedCause::deferred;
  if (record.usage) return UnresolvedCause::at_least;
  const bool crashed = record.outcome == events::Outcome::failed && record.error == base::ErrorType::unavailable &&
                       record.fault == base::Source::gateway && record.status == 0 && record.duration_us == 0;
  return crashed ? UnresolvedCause::crash : UnresolvedCause::no_usage;
}

bool is_unresolved(const events::UsageRecord& record) {
  if (record.outcome == events::Outcome::deferred) return true;
  return std::ranges::any_of(record.holds, [](const events::Hold& hold) { return hold.unresolved > 0; });
}

std::unexpected<base::Error> no_such_item(base::ExchangeId id) {
  return base::fail(base::ErrorType::not_found,
                    fmt::format("nothing of {} is unresolved: it is unknown, its cost is known, or the call still "
                                "runs; 'metergate unresolved list' shows what there is",
                                id.to_string()),
                    "id", base::Source::client);
}

base::Status check_same_decision(const UnresolvedItem& item, const Correction& wanted) {
  if (!item.correction || is_same(*item.correction, wanted)) return {};
  const Correction& known = *item.correction;
  return base::fail(
      base::ErrorType::conflict,
      fmt::format("{} is {} already, since {}, with {} USD booked; it is never corrected twice",
                  wanted.item.to_string(), known.verdict == Verdict::timed_out ? "timed out" : to_string(known.verdict),
                  base::to_rfc3339(known.record.started), known.record.cost.to_usd()),
      "id", base::Source::client);
}

std::optional<base::WallTime> UnresolvedDesk::settles_at(const UnresolvedItem& item) const {
  if (!settle_after_ms_ || item.correction) return std::nullopt;
  return base::WallTime{item.since.ms + *settle_after_ms_};
}

Correction UnresolvedDesk::begun(const UnresolvedItem& item, Verdict verdict, std::string reason) {
  Correction correction{.item = item.record.id, .verdict = verdict, .reason = std::move(reason), .record = {}};
  events::UsageRecord& record = correction.record;
  record.started = clock_.wall_now();
  record.id = base::ExchangeId::create(record.started, random_);
  record.account = item.record.account;
  record.key = item.record.key;
  record.route = item.record.route;
  record.upstream = item.record.upstream;
  record.model = item.record.model;
  record.price_version = item.record.price_version;
  record.tags = item.record.tags;
  record.stream = item.record.stream;
  record.outcome = events::Outcome::corrected;
  return correction;
}

namespace {

// What the grants of a balance paid for a call is booked in their order, as when it is settled at once: each as much as
// it holds, and what is above all of them on the last.
class Paying {
 public:
  Paying(const UnresolvedItem& item, base::Money cost, const catalog::Snapshot& snapshot) : grants_(item.grants) {
    if (item.grants.empty()) return;
    std::int64_t booked = 0;
    for (const events::Hold& hold : item.record.holds) {
      if (!is_on_grant(hold)) continue;
      last_ = hold.limit;
      booked += hold.spent;
    }
    const base::Money charge = base::with_share(cost, snapshot.find_account(item.payer)->markup);
    left_ = std::max<std::int64_t>(0, charge.nanos() - booked);
  }
  // What more is spent of this hold; nullopt: it is not on a grant.
  std::optional<std::int64_t> spent_on(const events::Hold& hold) {
    if (!is_on_grant(hold)) return std::nullopt;
    const std::int64_t spent = hold.limit == last_ ? left_ : std::min(left_, hold.unresolved);
    left_ -= spent;
    return spent;
  }

 private:
  // Not by the catalog: it does not know a grant of which nothing is left.
  bool is_on_grant(const events::Hold& hold) const { return std::ranges::find(grants_, hold.limit) != grants_.end(); }

  const std::vector<base::LimitId>& grants_;
  base::LimitId last_;
  std::int64_t left_ = 0;
};

}  // namespace

base::Result<UnresolvedItem> UnresolvedDesk::settle(base::ExchangeId id, const KnownCost& known, std::string reason,
                                                    const catalog::Snapshot& snapshot) {
  TRY(const UnresolvedItem item, store_.item(id));
  const bool one_exchange = item.record.outcome != events::Outcome::unaccounted;
  if (known.cost.is_negative()) return base::invalid("'cost' is negative; give what the call cost", "cost");
  if (known.cost < item.record.cost)
    return base::invalid(fmt::format("{} USD is below the {} USD that is booked of this call already; what is booked "
                                     "is not taken back",
                                     known.cost.to_usd(), item.record.cost.to_usd()),
                         "cost");
  Correction correction = begun(item, Verdict::settled, std::move(reason));
  if (one_exchange) {
    TRY(correction.record.usage, more_usage(item.record, known));
    correction.record.cost = known.cost - item.record.cost;
  }
  Paying paying(item, known.cost, snapshot);
  for (const events::Hold& hold : item.record.holds) {
    const catalog::Limit* const limit = snapshot.find_limit(hold.limit);
    std::int64_t spent = 0;
    if (const auto paid = paying.spent_on(hold)) {
      spent = *paid;
    } else {
      TRY(spent, spent_on(hold, limit, known, one_exchange));
    }
    if (spent == 0 && hold.unresolved == 0) continue;
    correction.record.holds.push_back(correcting(hold, spent, limit, item.record.started));
  }
  return store_.correct(correction);
}

base::Result<UnresolvedItem> UnresolvedDesk::release(base::ExchangeId id, std::string reason,
                                                     const catalog::Snapshot& snapshot) {
  TRY(const UnresolvedItem item, store_.item(id));
  Correction correction = begun(item, Verdict::released, std::move(reason));
  for (const events::Hold& hold : item.record.holds)
    if (hold.unresolved > 0)
      correction.record.holds.push_back(correcting(hold, 0, snapshot.find_limit(hold.limit), item.record.started));
  return store_.correct(correction);
}

base::Result<std::size_t> UnresolvedDesk::settle_overdue(const catalog::Snapshot& snapshot) {
  std::size_t settled = 0;
  if (!settle_after_ms_) return settled;
  const base::WallTime not_yet{clock_.wall_now().ms - *settle_after_ms_ + 1};
  for (;;) {
    TRY(const auto items, store_.open_items({.since_before = not_yet, .limit = overdue_page}));
    if (items.empty()) return settled;
    for (const UnresolvedItem& item : items) {
      Correction correction = begun(item, Verdict::timed_out, {});
      // Of an exchange the worst case is known. A lost lease stands for exchanges that nobody knows.
      if (item.record.outcome != events::Outcome::unaccounted)
        correction.record.cost = std::max(base::Money::zero(), item.record.estimate - item.record.cost);
      for (const events::Hold& hold : item.record.holds)
        if (hold.unresolved > 0)
          correction.record.holds.push_back(
              correcting(hold, hold.unresolved, snapshot.find_limit(hold.limit), item.record.started));
      TRY_STATUS(store_.correct(correction));
      ++settled;
    }
  }
}

}  // namespace quota
