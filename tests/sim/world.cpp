#include "tests/sim/world.h"

#include <algorithm>

#include "quota/unresolved.h"

namespace sim {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t rest_at_most_ms = 60'000;  // until everything has come to rest after the last fault

Money money(std::int64_t amount) { return Money::from_nanos(amount); }

std::int64_t any_amount(Dice& dice, catalog::LimitUnit unit, std::int64_t coin) {
  if (dice.once_in(25)) return 0;
  if (unit == catalog::LimitUnit::usd) return dice.between(20, dice.once_in(3) ? 20'000 : 2'000) * coin;
  if (unit == catalog::LimitUnit::requests) return dice.between(1, 200);
  return dice.between(20, dice.once_in(3) ? 20'000 : 2'000);
}

LimitKind kind_of(const catalog::Limit& limit) {
  if (limit.mode == catalog::LimitMode::shadow) return LimitKind::shadow;
  return limit.admission == catalog::LimitAdmission::lazy ? LimitKind::lazy : LimitKind::hard;
}

Keeping keeping_by(Dice& dice) {
  const std::int64_t kind = dice.between(1, 4);
  if (kind == 1) return Keeping::nothing;
  return kind == 2 ? Keeping::power : Keeping::process;
}

}  // namespace

World::World(std::uint64_t seed, Figures& figures, Trace& trace)
    : figures_(figures),
      trace_(trace),
      birth_(seed),
      link_(truth_, figures),
      machine_(keeping_by(birth_), birth_.next()),
      auditor_(figures, clock_),
      account_({.id = base::AccountId::create({1}, birth_),
                .parent = {},
                .name = "account",
                .external_id = {},
                .created = {}}),
      around_({link_, clock_, auditor_, figures_, trace_, account_.id, numbers_, next_exchange_, exchanges_,
               machine_.bells}) {
  clock_.set(1'795'233'960'000 + birth_.between(-400 * day_ms, 400 * day_ms));
  around_.coin = birth_.once_in(2) ? 1 : birth_.between(1, 2'000'000'000);
  options_ = {.flush_every_ms = birth_.between(1, birth_.once_in(4) ? 5'000 : 50),
              .flush_records = static_cast<std::size_t>(birth_.between(1, 64)),
              .idle_return_ms = birth_.between(50, 2'000),
              .unflushed_max = static_cast<std::size_t>(birth_.once_in(4) ? birth_.between(5, 50) : 200'000)};
  workers_ = static_cast<std::size_t>(birth_.between(1, 3));
  (void)truth_.put(account_);
  for (std::int64_t count = birth_.between(1, 4); count > 0; --count) open_limit(birth_);
  for (std::int64_t count = birth_.between(1, 3); count > 0; --count) {
    auto& key = keys_.emplace_back();
    for (int number = 0; number < static_cast<int>(limits_.size()); ++number) {
      if (!birth_.once_in(4)) key.push_back(number);
    }
  }
  link_.meanwhile = [this](bool slow) { meanwhile(slow); };
  link_.dies = [this] { machine_.kill(); };
  link_.touched = [this](const quota::CounterKey& counter) { touch(counter); };
  link_.grant_lost = [this](const quota::CounterKey& counter, std::int64_t amount) {
    trace_.say("  a grant of {} is never heard of", amount);
    auditor_.grant_lost(touch(counter), money(amount));
  };
  (void)start(birth_, EndOfProcess::closed);
}

Place World::touch(const quota::CounterKey& counter) {
  const Place place{.limit = numbers_.at(counter.limit), .label = label_of(counter)};
  if (touched_.insert(counter).second) auditor_.touched(place);
  return place;
}

int World::open_limit(Dice& dice) {
  const auto unit = static_cast<catalog::LimitUnit>(dice.between(0, 2));
  const int number = static_cast<int>(limits_.size());
  limits_.push_back(
      {.limit = {.id = base::LimitId::create(clock_.wall_now(), dice),
                 .subject = account_.id,
                 .name = "limit",
                 .unit = unit,
                 .window = window_by(dice.between(0, 31)),
                 .amount = any_amount(dice, unit, around_.coin),
                 .mode = dice.once_in(10) ? catalog::LimitMode::shadow : catalog::LimitMode::enforce,
                 .admission = dice.once_in(8) ? catalog::LimitAdmission::lazy : catalog::LimitAdmission::reserve,
                 .created = clock_.wall_now()}});
  const catalog::Limit& limit = limits_.back().limit;
  if (const auto stored = truth_.put(limit); !stored) throw Violation(stored.error().message);
  numbers_.emplace(limit.id, number);
  const auto rolling = rolling_of(limit.window);
  has_rolling_ = has_rolling_ || rolling;
  auditor_.limit_opened(number, money(limit.amount), kind_of(limit), rolling);
  trace_.say("  limit {} allows {} {}", number, limit.amount, catalog::to_string(unit));
  return number;
}

View World::view_of_keys() const {
  auto view = std::make_shared<std::vector<Key>>();
  for (const auto& numbers : keys_) {
    Key& key = view->emplace_back();
    for (const int number : numbers)
      if (const Operated& operated = limits_[static_cast<std::size_t>(number)]; !operated.removed)
        key.push_back({number, operated.limit});
  }
  return view;
}

// --- a life --------------------------------------------------------------------------------------------------------

void World::live(const Plan& plan) {
  for (const Step& next : plan.steps) {
    Dice dice(next.dice);
    dice_ = &dice;
    plain_ = next.plain;
    link_.roll_with(dice);
    ++figures_.steps;
    trace_.say("step {} {} at {} ms", next.number, to_string(next.act), clock_.wall_ms);
    try {
      step(next, dice);
    } catch (const Crash&) {
      trace_.say("  the process dies in the middle of it");
      crash(dice);
    }
    look();
  }
}

void World::step(const Step& step, Dice& dice) {
  switch (step.act) {
    case Act::ask: return process_->ask(dice);
    case Act::go_on: return process_->go_on(dice);
    case Act::answer: return process_->answer(dice);
    case Act::turn: return process_->turn();
    case Act::pass: return pass(dice);
    case Act::jump: return jump(dice);
    case Act::weather: return change_weather(dice);
    case Act::edit: return edit(dice);
    case Act::remove: return remove(dice);
    case Act::numbers: return process_->read_numbers(dice);
    case Act::echo: return link_.echo(dice);
    case Act::crash: return crash(dice);
    case Act::close: return close(dice);
    case Act::calm: return calm(dice);
  }
}

// What the rest of the process, and time, do while the store is at work.
void World::meanwhile(bool slow) {
  if (plain_ || process_ == nullptr) return;
  if (slow) pass_ms(dice_->between(1, dice_->once_in(4) ? 30'000 : 100));
  for (std::int64_t acts = dice_->between(-2, slow ? 6 : 2); acts > 0; --acts) process_->any_act(*dice_);
}

void World::pass_ms(std::int64_t ms) { clock_.pass_ms(ms); }

void World::pass(Dice& dice) {
  const std::int64_t kind = dice.between(1, 100);
  if (dice.once_in(8)) process_->write_through();
  if (dice.once_in(8)) machine_.write_back();
  if (kind <= 60) return pass_ms(dice.between(0, 60));
  if (kind <= 94) return pass_ms(dice.between(0, 2'000));
  if (kind <= 96) return pass_ms(dice.between(0, 40) * day_ms);
  // To the edge of a day, or just over it.
  const std::int64_t to_midnight = day_ms - clock_.wall_ms % day_ms;
  pass_ms(to_midnight + dice.between(-2, 2));
}

void World::jump(Dice& dice) {
  ++figures_.jumps;
  const std::int64_t kind = dice.between(1, 10);
  std::int64_t by = dice.between(-2'000, 2'000);
  if (kind > 5) by = dice.between(-2 * day_ms, 2 * day_ms);
  if (kind > 8) by = dice.between(-40, 40) * day_ms;
  // A store forgets what a rolling limit no longer counts, so far as clocks are right within a day.
  highest_ms_ = std::max(highest_ms_, clock_.wall_ms);
  std::int64_t to = clock_.wall_ms + by;
  if (has_rolling_) to = std::max(to, highest_ms_ - quota::sub_windows_kept_ms * 9 / 10);
  clock_.set(to);
  trace_.say("  the clock is set by {} ms", by);
}

void World::change_weather(Dice& dice) {
  const auto some = [&](int most) { return dice.once_in(2) ? static_cast<int>(dice.between(1, most)) : 0; };
  link_.weather = {};
  machine_.leave_room();
  if (dice.once_in(3)) return;
  if (dice.once_in(4)) machine_.leave_room_for(static_cast<std::size_t>(dice.between(0, 2)));
  link_.weather = {.refuse = some(400), .lose = some(200), .repeat = some(300), .crash = some(6), .slow = some(200)};
  if (dice.once_in(6)) link_.weather.refuse = 1'000;  // the store is down
}

// --- the operator --------------------------------------------------------------------------------------------------

void World::publish_everywhere() {
  const View view = view_of_keys();
  for (std::size_t worker = 0; worker < process_->worker_count(); ++worker) {
    process_->publish(worker, view);
    meanwhile(false);
  }
}

// As the catalog does it: stored, published, and then the keeper is told (src/app/program.cpp, catalog_changed).
void World::finish_edit(int number, const base::Status& stored) {
  if (stored) {
    publish_everywhere();
    process_->limit_changed(limits_[static_cast<std::size_t>(number)].limit.id);
  }
  auditor_.edit_ends(number, stored.has_value());
}

void World::edit(Dice& dice) {
  const int number = static_cast<int>(dice.between(0, static_cast<std::int64_t>(limits_.size()) - 1));
  Operated& operated = limits_[static_cast<std::size_t>(number)];
  if (operated.removed) return;
  ++figures_.edits;
  catalog::Limit changed = operated.limit;
  changed.amount =
      dice.once_in(3) ? changed.amount + dice.between(1, 500) : any_amount(dice, changed.unit, around_.coin);
  trace_.say("  limit {} is to allow {}", number, changed.amount);
  auditor_.edit_begins(number, money(changed.amount));
  const auto stored = process_->on_store_thread([&] { return link_.change([&] { return truth_.put(changed); }); });
  if (stored) operated.limit = changed;
  finish_edit(number, stored);
}

void World::remove(Dice& dice) {
  const int number = static_cast<int>(dice.between(0, static_cast<std::int64_t>(limits_.size()) - 1));
  Operated& operated = limits_[static_cast<std::size_t>(number)];
  if (operated.removed) return;
  ++figures_.removals;
  trace_.say("  limit {} is to go", number);
  auditor_.edit_begins(number, Money::zero());
  const auto stored = process_->on_store_thread(
      [&] { return link_.change([&] { return truth_.remove(operated.limit.id, clock_.wall_now()); }); });
  operated.removed = stored.has_value();
  finish_edit(number, stored);
  if (!stored || dice.once_in(3)) return;
  const int successor = open_limit(dice);
  for (auto& key : keys_)
    if (std::ranges::find(key, number) != key.end()) key.push_back(successor);
  publish_everywhere();
}

// --- ends and beginnings -------------------------------------------------------------------------------------------

EndOfProcess World::start(Dice& dice, EndOfProcess how) {
  machine_.kill();
  process_.reset();
  machine_.leave_room();
  const Weather weather = std::exchange(link_.weather, {});
  link_.weather.crash = weather.clear() ? 0 : 200;  // also in the middle of its recovery, and again
  link_.roll_with(dice);
  quota::Journals journals = begin(dice, how);
  link_.weather = weather;
  see_what_is_stored();
  if (clock_.wall_ms < clock_.latest_ms) auditor_.time_stepped_back();
  clock_.latest_ms = clock_.wall_ms;
  process_ = std::make_unique<Process>(around_, options_, workers_, view_of_keys(), std::move(journals));
  return how;
}

quota::Journals World::begin(Dice& dice, EndOfProcess& how) {
  while (true) {
    machine_.before_each_write([this, &dice] {
      if (!link_.weather.clear() && dice.once_in(10)) throw Crash();
    });
    try {
      auto journals = machine_.begin(link_, static_cast<std::uint32_t>(workers_), clock_.wall_now());
      machine_.before_each_write({});
      if (journals) return std::move(*journals);
      throw Violation("a process cannot begin: " + journals.error().message);
    } catch (const Crash&) {
      ++figures_.crashes;
      machine_.kill();
      if (machine_.keeping() != Keeping::nothing && dice.once_in(4)) how = std::max(how, without_power());
    }
  }
}

// A new process knows what the store knows: an edit that nobody was sure of is certain from here on.
void World::see_what_is_stored() {
  const catalog::Contents contents = *truth_.load();
  for (std::size_t number = 0; number < limits_.size(); ++number) {
    Operated& operated = limits_[number];
    const auto stored = std::ranges::find(contents.limits, operated.limit.id, &catalog::Limit::id);
    operated.removed = stored == contents.limits.end();
    if (!operated.removed) operated.limit = *stored;
    if (auditor_.certain_of(static_cast<int>(number))) continue;
    auditor_.edit_begins(static_cast<int>(number), money(operated.removed ? 0 : operated.limit.amount));
    auditor_.edit_ends(static_cast<int>(number), true);
  }
}

EndOfProcess World::killed() const {
  return machine_.keeping() == Keeping::nothing ? EndOfProcess::lost : EndOfProcess::killed;
}

EndOfProcess World::without_power() {
  ++figures_.power_losses;
  trace_.say("  power is lost");
  machine_.lose_power();
  return machine_.keeping() == Keeping::power ? EndOfProcess::lost_power : EndOfProcess::lost;
}

void World::crash(Dice& dice) {
  ++figures_.crashes;
  EndOfProcess how = killed();
  const std::int64_t kind = machine_.keeping() == Keeping::nothing ? 10 : dice.between(1, 10);
  if (kind <= 3) {
    how = without_power();
  } else if (kind <= 4 && machine_.damage(dice)) {
    ++figures_.damages;
    trace_.say("  a journal is damaged");
    how = EndOfProcess::lost;
  } else if (how == EndOfProcess::killed) {
    ++figures_.kills;
  }
  const auto before = store_numbers();
  how = start(dice, how);
  auditor_.process_ended(how, records(), before, store_numbers());
}

void World::close(Dice& dice) {
  process_->finish_all(dice);
  plain_ = true;  // the workers have ended by then
  const base::Status closed = process_->close();
  if (closed) ++figures_.closes;
  const auto before = store_numbers();
  const EndOfProcess how = start(dice, closed ? EndOfProcess::closed : killed());
  auditor_.process_ended(closed ? EndOfProcess::closed : how, records(), before, store_numbers());
}

void World::calm(Dice& dice) {
  ++figures_.calms;
  link_.weather = {};
  machine_.leave_room();
  process_->finish_all(dice);
  let_time_pass_until_rest(dice);
  auditor_.at_rest(records(), store_numbers());
  spend_the_last_unit(dice);
}

// As the store thread would: it sleeps until it is due, and nobody wakes it for nothing.
void World::let_time_pass_until_rest(Dice& dice) {
  plain_ = true;
  const std::int64_t until = clock_.elapsed_ns + rest_at_most_ms * 1'000'000;
  for (auto due = process_->due(); due; due = process_->due()) {
    if (due->ns > clock_.elapsed_ns) pass_ms((due->ns - clock_.elapsed_ns + 999'999) / 1'000'000);
    process_->turn();
    process_->finish_all(dice);
    if (clock_.elapsed_ns > until) throw Violation("not live: the store thread does not come to rest");
  }
  if (!process_->idle()) throw Violation("not live: the store thread sleeps, and an exchange waits for it");
}

void World::spend_the_last_unit(Dice& dice) {
  const int number = static_cast<int>(dice.between(0, static_cast<std::int64_t>(limits_.size()) - 1));
  const Operated& operated = limits_[static_cast<std::size_t>(number)];
  const quota::CounterKey counter = counter_of(operated.limit, {clock_.latest_ms});
  const Place place = touch(counter);
  if (clock_.latest_ms != clock_.wall_ms) return;  // the windows are those of before the clock was put back, or not
  if (operated.removed || !auditor_.certain_of(number) || auditor_.lost_a_grant(place)) return;
  if (!operated.limit.leased()) return;
  auditor_.begin_look();
  const Money left = auditor_.left(place);
  if (left.is_negative() || left.is_zero()) return;
  ++figures_.last_units;
  if (!process_->ask_alone({number, operated.limit}, left.nanos()))
    throw Violation(fmt::format("false refusal: {} is left of limit {} and cannot be had", left.nanos(), number));
  const Money most = auditor_.left_by_any_count(place);
  if (process_->ask_alone({number, operated.limit}, most.nanos() + 1))
    throw Violation(fmt::format("never over: {} is left of limit {}, and one more was had", most.nanos(), number));
}

// --- what the store says -------------------------------------------------------------------------------------------

void World::look() {
  auditor_.begin_look();
  for (const Operated& operated : limits_) {
    const quota::CounterQuery query = query_at(operated.limit, {clock_.latest_ms});
    const quota::CounterKey& counter = query.counter;
    if (!touched_.contains(counter)) continue;
    const auto states = truth_.read(std::span(&query, 1));
    const quota::CounterState& state = states->front();
    auditor_.look_at(touch(counter),
                     {money(state.amount), money(state.spent), money(state.leased), money(state.unresolved)});
  }
}

std::map<Place, StoreNumbers> World::store_numbers() {
  std::map<Place, StoreNumbers> numbers;
  for (const quota::CounterKey& counter : touched_) {
    const quota::CounterQuery query = query_of(counter);
    const auto states = truth_.read(std::span(&query, 1));
    const quota::CounterState& state = states->front();
    numbers[touch(counter)] = {money(state.amount), money(state.spent), money(state.leased), money(state.unresolved)};
  }
  return numbers;
}

std::vector<StoreRecord> World::records() {
  std::vector<StoreRecord> all;
  events::UsageFilter filter;
  filter.limit = 1'000;
  figures_.unaccounted = 0;
  while (true) {
    const auto page = *truth_.records(filter);
    for (const events::UsageRecord& record : page) all.push_back(told(record));
    if (page.size() < static_cast<std::size_t>(filter.limit)) return all;
    filter.before = page.back().id;
  }
}

StoreRecord World::told(const events::UsageRecord& record) {
  StoreRecord told;
  if (const auto number = exchanges_.find(record.id); number != exchanges_.end()) told.exchange = number->second;
  told.cost = record.cost;
  if (quota::cause_of(record) == quota::UnresolvedCause::crash) told.kind = RecordKind::crashed;
  if (record.outcome == events::Outcome::refused) told.kind = RecordKind::refusal;
  if (record.outcome == events::Outcome::unaccounted) told.kind = RecordKind::unaccounted;
  if (told.kind == RecordKind::unaccounted) ++figures_.unaccounted;
  if (const auto transfer = *truth_.find_transfer({record.id.uuid})) {
    told.transferred = transfer->amount;
    told.transfer_is_right = transfer->postings == std::vector{ledger::Posting{"account:" + account_.id.to_string(),
                                                                               "provider:upstream", transfer->amount}};
  }
  for (const events::Hold& hold : record.holds)
    told.holds.push_back({.place = {.limit = numbers_.at(hold.limit), .label = label_of(hold)},
                          .reserved = money(hold.reserved),
                          .spent = money(hold.spent),
                          .unresolved = money(hold.unresolved)});
  return told;
}

}  // namespace sim
