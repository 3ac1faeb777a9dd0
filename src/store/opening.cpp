#include "store/opening.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/digest_random.h"
#include "base/rfc3339.h"
#include "quota/counting.h"
#include "store/usage_sums.h"

namespace store {
namespace {

bool is_rolling(const catalog::Limit& limit) { return limit.window.kind == base::WindowPolicy::Kind::rolling; }

// What no longer fits stays at the largest number: nothing more is granted then.
void add_to(std::int64_t& total, std::int64_t amount) {
  if (__builtin_add_overflow(total, amount, &total)) total = std::numeric_limits<std::int64_t>::max();
}

// Whether it is an exchange that was admitted, or what is left of some.
bool stands_for_calls(events::Outcome outcome) {
  using enum events::Outcome;
  return outcome != refused && outcome != corrected && outcome != opened;
}

bool moved_nothing(const events::UsageRecord& record) {
  return std::ranges::all_of(record.holds,
                             [](const events::Hold& hold) { return hold.spent == 0 && hold.unresolved == 0; });
}

}  // namespace

Opening::Opening(const catalog::Limit& limit, Scope scope, base::WallTime now)
    : limit_(limit), scope_(std::move(scope)) {
  const base::Window window = base::window_at(limit.window, now);
  counter_ = {limit.id, window.label};
  const base::Window counts = quota::shown_window(limit.window, window, now);
  from_ = counts.start;
  to_ = counts.end;
}

bool Opening::may_count(std::string_view model) const {
  return limit_.filter.model.empty() || catalog::fits_pattern(limit_.filter.model, model);
}

bool Opening::may_count(base::AccountId account, base::WallTime started) const {
  return scope_.accounts.holds(account, started);
}

bool Opening::applies(const events::UsageRecord& record) const {
  if (!stands_for_calls(record.outcome)) return false;
  const bool within = own_hold(record) != nullptr ||
                      (scope_.key ? record.key == *scope_.key : may_count(record.account, record.started));
  return within && may_count(record.started) &&
         (record.outcome == events::Outcome::unaccounted ||
          limit_.filter.matches(record.model, record.route, record.tags));
}

const events::Hold* Opening::own_hold(const events::UsageRecord& record) const {
  const auto found = std::ranges::find_if(record.holds, [&](const events::Hold& hold) {
    return hold.limit == counter_.limit && hold.label == counter_.label;
  });
  return found == record.holds.end() ? nullptr : &*found;
}

void Opening::add_served(base::WallTime started, std::string_view model, base::Money cost, const meter::Usage& usage) {
  switch (limit_.unit) {
    case catalog::LimitUnit::usd: return add(started, cost.nanos());
    case catalog::LimitUnit::requests: return add(started, model.empty() ? 0 : 1);
    case catalog::LimitUnit::named: ASSERT(false);  // it asks for the route
    default: return add(started, tokens(usage));
  }
}

void Opening::add(const events::UsageRecord& record) {
  if (!applies(record)) return;
  if (const events::Hold* const own = own_hold(record)) return add(record.started, own->spent);
  add(record.started, counted(record).spent);
}

void Opening::add(const quota::UnresolvedItem& item) {
  const events::Hold* const own = own_hold(item.record);
  // What a crash left of this very window stands on its counter, whenever it was found.
  const bool is_of_window = own != nullptr && !is_rolling(limit_);
  if (!is_of_window && !applies(item.record)) return;
  Counted of_item;
  if (own != nullptr) {
    of_item = {own->spent, item.correction ? 0 : own->unresolved};
    if (item.correction)
      for (const events::Hold& hold : item.correction->record.holds)
        if (hold.limit == counter_.limit && hold.label == counter_.label) add_to(of_item.spent, hold.spent);
  } else {
    of_item = counted(item.record);
    if (item.correction) {
      add_to(of_item.spent, corrected(item));
      of_item.unresolved = 0;
    }
    if (of_item.unresolved > 0) {
      events::Hold hold{.limit = counter_.limit, .label = counter_.label, .unresolved = of_item.unresolved};
      // What was counted stands in the opening record. A correction goes on from it.
      hold.spent = of_item.spent;
      if (is_rolling(limit_)) hold.sub_window = base::sub_label(limit_.window, item.record.started);
      carried_.emplace(item.record.id, hold);
    }
  }
  add(item.record.started, of_item.spent);
}

void Opening::add(const TakenUsage& taken) {
  const base::WallTime begin{taken.day * ms_per_day}, end{begin.ms + ms_per_day - 1};
  if (end < from_ || begin >= to_) return;
  const bool within = scope_.key ? taken.key == *scope_.key : scope_.accounts.holds_between(taken.account, begin, end);
  if (!within || !limit_.filter.matches(taken.model, taken.route, {})) return;
  const std::int64_t spent = [&] {
    switch (limit_.unit) {
      case catalog::LimitUnit::usd: return taken.amounts.usd;
      case catalog::LimitUnit::requests: return taken.amounts.requests;
      case catalog::LimitUnit::input_tokens: return taken.amounts.input_tokens;
      case catalog::LimitUnit::output_tokens: return taken.amounts.output_tokens;
      default: return taken.amounts.tokens;
    }
  }();
  add(end, spent);
}

base::Status Opening::check_kept(base::WallTime kept_from) const {
  const bool is_asked_for_more = limit_.unit == catalog::LimitUnit::named || !limit_.filter.tag.empty();
  if (!is_asked_for_more || std::max(from_, scope_.since) >= kept_from) return {};
  return base::fail(
      base::ErrorType::conflict,
      fmt::format(
          "a limit {} cannot come into force in a window that began at {}: of what was used before {} only sums "
          "are kept (usage.keep_days), which do not say it; give it a shorter window",
          limit_.unit == catalog::LimitUnit::named ? "on a unit of its own" : "for a tag", base::to_rfc3339(from_),
          base::to_rfc3339(kept_from)),
      "window", base::Source::client);
}

std::optional<TakenAmounts> Opening::taken_by(const events::UsageRecord& record, std::shared_ptr<const Units> units) {
  if (!stands_for_calls(record.outcome)) return std::nullopt;
  const auto in = [&](catalog::LimitUnit unit) {
    catalog::Limit limit;
    limit.unit = unit;
    Scope scope;
    scope.units = units;
    return Opening(limit, std::move(scope), record.started).counted(record).spent;
  };
  using enum catalog::LimitUnit;
  return TakenAmounts{in(usd), in(requests), in(input_tokens), in(output_tokens), in(catalog::LimitUnit::tokens)};
}

TakenAmounts& TakenAmounts::operator+=(const TakenAmounts& more) {
  add_to(usd, more.usd);
  add_to(requests, more.requests);
  add_to(input_tokens, more.input_tokens);
  add_to(output_tokens, more.output_tokens);
  add_to(tokens, more.tokens);
  return *this;
}

void Opening::add(base::WallTime started, std::int64_t spent) {
  if (spent > 0) add_to(spent_[is_rolling(limit_) ? base::sub_label(limit_.window, started) : counter_.label], spent);
}

std::int64_t Opening::tokens(const std::optional<meter::Usage>& usage) const {
  if (!usage) return 0;
  std::int64_t sum = 0;
  if (limit_.unit != catalog::LimitUnit::output_tokens) add_to(sum, usage->input_tokens.value_or(0));
  if (limit_.unit != catalog::LimitUnit::input_tokens) add_to(sum, usage->output_tokens.value_or(0));
  return sum;
}

bool Opening::has_same_unit(const events::UsageRecord& record) const {
  return std::ranges::any_of(record.holds, [&](const events::Hold& hold) {
    const auto unit = scope_.units->find(hold.limit);
    return unit != scope_.units->end() && unit->second == limit_.unit;
  });
}

Opening::Counted Opening::of_same_unit(const events::UsageRecord& record) const {
  Counted most;
  for (const events::Hold& hold : record.holds) {
    const auto unit = scope_.units->find(hold.limit);
    if (unit == scope_.units->end() || unit->second != limit_.unit) continue;
    most.spent = std::max(most.spent, hold.spent);
    most.unresolved = std::max(most.unresolved, hold.unresolved);
  }
  return most;
}

// Of a limit that counts calls, each as so much.
Opening::Counted Opening::in_calls(const events::UsageRecord& record, std::int64_t each) const {
  if (record.model.empty()) return {};  // a list of models
  if (quota::is_unresolved(record) && quota::cause_of(record) == quota::UnresolvedCause::crash)
    return {.spent = 0, .unresolved = each};
  const bool made = record.outcome == events::Outcome::served || record.holds.empty() || !moved_nothing(record);
  return {.spent = made ? each : 0, .unresolved = 0};  // what failed and moved nothing was never sent
}

// What such a call takes of the limit's named unit; nothing if the provider refused it for certain.
std::int64_t Opening::weight(const events::UsageRecord& record) const {
  if (record.outcome == events::Outcome::failed && !record.usage && record.fault == base::Source::upstream_refusal)
    return 0;
  const auto route = scope_.weights.find(record.route);
  return route == scope_.weights.end() ? 0 : catalog::weight_of(route->second, limit_.unit.name(), record.model);
}

Opening::Counted Opening::counted(const events::UsageRecord& record) const {
  const Counted most = of_same_unit(record);
  if (record.outcome == events::Outcome::unaccounted) return most;
  Counted said;
  switch (limit_.unit) {
    case catalog::LimitUnit::usd:
      said.spent = record.cost.nanos();
      if (quota::is_unresolved(record))
        said.unresolved = std::max(base::Money::zero(), record.estimate - record.cost).nanos();
      break;
    case catalog::LimitUnit::requests: said = in_calls(record, 1); break;
    case catalog::LimitUnit::named: return has_same_unit(record) ? most : in_calls(record, weight(record));
    default: said.spent = tokens(record.usage); break;
  }
  return {std::max(most.spent, said.spent), std::max(most.unresolved, said.unresolved)};
}

// What a correction has counted beyond the record.
std::int64_t Opening::corrected(const quota::UnresolvedItem& item) const {
  const events::UsageRecord& correction = item.correction->record;
  const std::int64_t most = of_same_unit(correction).spent;
  if (item.record.outcome == events::Outcome::unaccounted) return most;
  switch (limit_.unit) {
    case catalog::LimitUnit::usd: return std::max(most, correction.cost.nanos());
    case catalog::LimitUnit::requests:
    case catalog::LimitUnit::named:
      if (item.correction->verdict == quota::Verdict::released) return most;
      return std::max(most, counted(item.record).unresolved);
    default: return std::max(most, tokens(correction.usage));
  }
}

std::optional<events::UsageRecord> Opening::record(const KeptSpend& kept, base::ExchangeId id,
                                                   base::WallTime now) const {
  events::UsageRecord record;
  record.id = id;
  record.started = now;
  record.outcome = events::Outcome::opened;
  record.account = scope_.payer;
  record.key = scope_.key.value_or(base::KeyId{});
  for (const auto& [label, spent] : spent_) {
    const auto known = kept.find(label);
    const std::int64_t missing = spent - (known == kept.end() ? 0 : known->second);
    if (missing <= 0) continue;
    events::Hold hold{.limit = counter_.limit, .label = counter_.label, .spent = missing};
    if (is_rolling(limit_)) hold.sub_window = label;
    record.holds.push_back(hold);
  }
  std::int64_t unresolved = 0;
  for (const auto& [item, hold] : carried_) add_to(unresolved, hold.unresolved);
  if (unresolved > 0)
    record.holds.push_back({.limit = counter_.limit, .label = counter_.label, .unresolved = unresolved});
  if (record.holds.empty()) return std::nullopt;
  return record;
}

base::ExchangeId opening_id(const quota::CounterKey& counter, std::uint64_t commits, base::WallTime now) {
  base::DigestRandom random(
      base::sha256(fmt::format("opening {} {} {}", counter.limit.to_string(), counter.label.ms, commits)));
  return base::ExchangeId::create(now, random);
}

}  // namespace store
