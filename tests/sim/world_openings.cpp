// Limits come into force: new ones, and such that were removed before. What they find spent in their window the auditor
// says from its own books.
#include <algorithm>
#include <utility>

#include "tests/sim/world.h"

namespace sim {
namespace {

Money money(std::int64_t amount) { return Money::from_nanos(amount); }

LimitKind kind_of(const catalog::Limit& limit) {
  if (limit.mode == catalog::LimitMode::shadow) return LimitKind::shadow;
  return limit.admission == catalog::LimitAdmission::lazy ? LimitKind::lazy : LimitKind::hard;
}

LimitTerms terms_of(const catalog::Limit& limit) {
  using Unit = LimitTerms::Unit;
  return {.kind = kind_of(limit),
          .unit = limit.unit == catalog::LimitUnit::usd        ? Unit::usd
                  : limit.unit == catalog::LimitUnit::requests ? Unit::requests
                                                               : Unit::tokens,
          .model = limit.filter.model,
          .rolling = rolling_of(limit.window)};
}

}  // namespace

std::int64_t World::any_amount(Dice& dice, catalog::LimitUnit unit) const {
  if (dice.once_in(25)) return 0;
  if (unit == catalog::LimitUnit::usd) return dice.between(20, dice.once_in(3) ? 20'000 : 2'000) * coin_;
  if (unit == catalog::LimitUnit::requests) return dice.between(1, 200);
  return dice.between(20, dice.once_in(3) ? 20'000 : 2'000);
}

// It is not in force yet.
int World::new_limit(Dice& dice) {
  const auto unit = static_cast<catalog::LimitUnit>(dice.between(0, 2));
  const int number = static_cast<int>(limits_.size());
  limits_.push_back(
      {.limit = {.id = base::LimitId::create(clock_.wall_now(), dice),
                 .subject = subject_of(number),
                 .name = "limit",
                 .unit = unit,
                 .window = window_by(dice.between(0, 31)),
                 .amount = any_amount(dice, unit),
                 .mode = dice.once_in(10) ? catalog::LimitMode::shadow : catalog::LimitMode::enforce,
                 .admission = dice.once_in(8) ? catalog::LimitAdmission::lazy : catalog::LimitAdmission::reserve,
                 .created = clock_.wall_now()},
       .removed = true});
  catalog::Limit& limit = limits_.back().limit;
  if (dice.once_in(4)) limit.filter.model = model_of(static_cast<int>(dice.between(0, 1)));
  LimitTerms terms = terms_of(limit);
  terms.home = home_of(limit);
  const auto cross_at = [&](std::int64_t percent, catalog::ThresholdAction action) {
    limit.thresholds.push_back({static_cast<int>(percent), action});
    terms.thresholds.push_back({static_cast<int>(percent), action == catalog::ThresholdAction::block});
  };
  if (dice.once_in(3)) cross_at(dice.between(1, 60), catalog::ThresholdAction::warn);
  if (dice.once_in(8)) cross_at(dice.between(61, 120), catalog::ThresholdAction::block);
  numbers_.emplace(limit.id, number);
  has_rolling_ = has_rolling_ || terms.rolling;
  auditor_.limit_planned(number, terms);
  trace_.say("  limit {} is to allow {} {}", number, limit.amount, catalog::to_string(unit));
  return number;
}

// Before any process has begun.
void World::found_limit(Dice& dice) {
  const int number = new_limit(dice);
  Operated& operated = limits_[static_cast<std::size_t>(number)];
  if (const auto stored = truth_.catalog().put(operated.limit); !stored) throw Violation(stored.error().message);
  operated.removed = false;
  auditor_.opening_begins(number, money(operated.limit.amount));
  auditor_.opening_ends(number);
}

void World::open(Node& by, Dice& dice) {
  std::vector<int> removed;
  for (int number = 0; std::cmp_less(number, limits_.size()); ++number)
    if (limits_[static_cast<std::size_t>(number)].removed && auditor_.certain_of(number)) removed.push_back(number);
  if (!removed.empty() && (limits_.size() >= limits_max || dice.once_in(2)))
    return open_again(by, dice.any_of(removed), dice);
  if (limits_.size() < limits_max) open_new(by, dice);
}

void World::open_new(Node& by, Dice& dice) {
  const int number = new_limit(dice);
  for (auto& key : keys_) key.push_back(number);
  bring_into_force(by, number, dice);
}

// Under its own id, as the copy of a template comes back, perhaps with another amount.
void World::open_again(Node& by, int number, Dice& dice) {
  catalog::Limit& limit = limits_[static_cast<std::size_t>(number)].limit;
  limit.raise.reset();
  if (dice.once_in(2)) limit.amount = any_amount(dice, limit.unit);
  trace_.say("  limit {} is to be in force again, and to allow {}", number, limit.amount);
  bring_into_force(by, number, dice);
}

// As catalog::Catalog::publish does it for a limit that comes into force. The other nodes hear of it when it has.
void World::bring_into_force(Node& by, int number, Dice& dice) {
  ++figures_.openings;
  const catalog::Limit limit = limits_[static_cast<std::size_t>(number)].limit;
  const int first_after = next_exchange_;
  auditor_.opening_begins(number, money(limit.amount));
  if (dice.once_in(2)) (void)truth_.catalog().look_ahead({.opened = {limit}}, clock_.wall_now());
  const auto open = [&]() -> base::Status {
    TRY(const auto lease, by.process->begin_opening(limit));
    for (std::size_t worker = 0; worker < by.process->worker_count(); ++worker) {
      meanwhile(by, false);
      TRY_STATUS(by.process->take_on(worker, {number, limit, home_of(limit)}, lease, view_of_keys(number)));
    }
    meanwhile(by, false);
    return by.process->open_limit(limit.id, [&](base::WallTime now) {
      return by.link.change([&] { return store_opening(by, limit, first_after, now); });
    });
  };
  base::Status opened;
  try {
    opened = open();
    if (!opened) abandon_opening(by, limit.id, opened.error());
  } catch (const Crash&) {
    auditor_.opening_failed(number);
    throw;
  }
  if (!opened) return auditor_.opening_failed(number);
  ++figures_.opened;
  limits_[static_cast<std::size_t>(number)].removed = false;
  auditor_.opening_ends(number);
  publish_everywhere();
}

void World::abandon_opening(Node& by, base::LimitId limit, const base::Error& why) {
  trace_.say("  it does not come into force: {}", why.message);
  for (std::size_t worker = 0; worker < by.process->worker_count(); ++worker)
    by.process->publish(worker, view_of_keys());
  by.process->abandon_opening(limit);
}

base::Status World::store_opening(const Node& by, const catalog::Limit& limit, int first_after, base::WallTime now) {
  TRY_STATUS(truth_.catalog().open(limit, now));
  const base::Window window = base::window_at(limit.window, now);
  const base::Window counts = quota::shown_window(limit.window, window, now);
  const quota::CounterQuery query = query_of({limit.id, window.label});
  const quota::CounterState state = (*truth_.quota().read(std::span(&query, 1))).front();
  std::int64_t expired = 0;
  for (const auto& open : truth_.open_rows())
    if (open.expired && open.row.counter == query.counter) expired += open.row.totals.remainder();
  auditor_.opened(by.number, touch(query.counter), {.start = counts.start.ms, .end = counts.end.ms}, first_after,
                  records(),
                  {.amount = money(state.amount),
                   .spent = money(state.spent),
                   .leased = money(state.leased),
                   .unresolved = money(state.unresolved),
                   .expired = money(expired)});
  return {};
}

}  // namespace sim
