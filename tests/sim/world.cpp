#include "tests/sim/world.h"

#include <algorithm>
#include <utility>

#include "quota/unresolved.h"

namespace sim {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr int went_on_max = 200;  // in one step

Money money(std::int64_t amount) { return Money::from_nanos(amount); }

Keeping keeping_by(Dice& dice) {
  const std::int64_t kind = dice.between(1, 4);
  if (kind == 1) return Keeping::nothing;
  return kind == 2 ? Keeping::power : Keeping::process;
}

int nodes_of(StoreKind store, Dice& dice) {
  const int nodes = dice.once_in(2) ? static_cast<int>(dice.between(2, 3)) : 1;
  return store == StoreKind::memory ? nodes : 1;
}

}  // namespace

World::World(const Plan& plan, Figures& figures, Trace& trace)
    : figures_(figures),
      trace_(trace),
      birth_(plan.seed),
      truth_(plan.store),
      ttl_ms_(birth_.between(300, 8'000)),
      auditor_(figures, clock_, nodes_of(plan.store, birth_)),
      account_({.id = base::AccountId::create({1}, birth_),
                .parent = {},
                .name = "account",
                .external_id = {},
                .created = {}}) {
  clock_.set(1'795'233'960'000 + birth_.between(-400 * day_ms, 400 * day_ms));
  coin_ = birth_.once_in(2) ? 1 : birth_.between(1, 2'000'000'000);
  options_ = {.flush_every_ms = birth_.between(1, birth_.once_in(4) ? 5'000 : 50),
              .flush_records = static_cast<std::size_t>(birth_.between(1, 64)),
              .idle_return_ms = birth_.between(50, 2'000),
              .unflushed_max = static_cast<std::size_t>(birth_.once_in(4) ? birth_.between(5, 50) : 200'000),
              .recall_wait_ms = birth_.between(0, 300),
              .recall_every_ms = birth_.between(1, 50)};
  workers_ = static_cast<std::size_t>(birth_.between(1, 3));
  found_homes(plan.seed);
  found_balance();
  for (std::int64_t count = birth_.between(1, 4); count > 0; --count) found_limit(birth_);
  for (std::int64_t count = birth_.between(1, 3); count > 0; --count) {
    auto& key = keys_.emplace_back();
    for (int number = 0; number < static_cast<int>(limits_.size()); ++number) {
      if (!birth_.once_in(4)) key.push_back(number);
    }
  }
  for (int number = 0; number < auditor_.nodes(); ++number)
    nodes_.push_back(std::make_unique<Node>(number, clock_, keeping_by(birth_), birth_.next(), figures));
  for (const auto& node : nodes_) be_born(*node);
}

void World::be_born(Node& node) {
  if (is_fleet()) node.id = base::Uuid::version7({1}, birth_);
  if (is_fleet()) clock_.nodes.push_back(&node.clock);
  if (is_fleet()) clock_.max_skew_ms = max_skew_ms();
  node.around.emplace(
      Surroundings{.node = node.number,
                   .is_fleet = is_fleet(),
                   .link = node.link,
                   .clock = node.clock,
                   .auditor = auditor_,
                   .figures = figures_,
                   .trace = trace_,
                   .account = account_.id,
                   .numbers = numbers_,
                   .next_exchange = next_exchange_,
                   .exchanges = exchanges_,
                   .quotes = quotes_,
                   .bells = node.machine.bells,
                   .expired = [this, &node](const quota::CounterKey& counter,
                                            std::int64_t epoch) { return has_expired(node, counter, epoch); },
                   .coin = coin_});
  node.link.meanwhile = [this, &node](bool slow) { meanwhile(node, slow); };
  node.link.dies = [&node] { node.machine.kill(); };
  node.link.happened = [this] {
    look_at_leases();
    look_at_quotes();
    look_at_books();
    look_at_crossings();
  };
  node.link.touched = [this](const quota::CounterKey& counter) { touch(counter); };
  node.link.flushed = [this] { auditor_.flush_confirmed(); };
  node.link.grant_lost = [this](const quota::CounterKey& counter, std::int64_t amount) {
    trace_.say("  a grant of {} is never heard of", amount);
    auditor_.grant_lost(touch(counter), money(amount));
  };
  (void)start(node, birth_, EndOfProcess::closed);
}

Place World::touch(const quota::CounterKey& counter) {
  const Place place{.limit = numbers_.at(counter.limit), .label = label_of(counter)};
  if (touched_.insert(counter).second) auditor_.touched(place);
  return place;
}

View World::view_of_keys(std::optional<int> also) const {
  auto view = std::make_shared<Seen>();
  view->account = account_;
  view->home = home_;
  view->grants = grants_;
  for (int number = 0; std::cmp_less(number, limits_.size()); ++number)
    if (const Operated& operated = limits_[static_cast<std::size_t>(number)]; !operated.removed || number == also)
      view->in_force.push_back({number, operated.limit, home_of(operated.limit)});
  for (const auto& numbers : keys_) {
    Key& key = view->keys.emplace_back();
    for (const SeenLimit& limit : view->in_force)
      if (limit.counts_at(home_) && std::ranges::find(numbers, limit.number) != numbers.end()) key.push_back(limit);
  }
  return view;
}

// --- a life --------------------------------------------------------------------------------------------------------

void World::live(const Plan& plan) {
  for (const Step& next : plan.steps) {
    Dice dice(next.dice);
    dice_ = &dice;
    plain_ = next.plain;
    went_on_ = 0;
    for (const auto& node : nodes_) node->link.roll_with(dice);
    ++figures_.steps;
    trace_.say("step {} {} at {} ms", next.number, to_string(next.act), clock_.wall_ms);
    step(next, dice);
    look();
  }
}

void World::step(const Step& step, Dice& dice) {
  Node& node = any_node(dice);
  if (is_fleet()) trace_.say("  at node {}", node.number);
  try {
    switch (step.act) {
      case Act::ask: return node.process->ask(dice);
      case Act::go_on: return node.process->go_on(dice);
      case Act::answer: return node.process->answer(dice);
      case Act::turn: return node.process->turn();
      case Act::pass: return pass(node, dice);
      case Act::jump: return jump(dice);
      case Act::weather: return change_weather(node, dice);
      case Act::edit: return is_to_move(step) ? move(node, step) : edit(node, dice);
      case Act::remove: return remove(node, dice);
      case Act::numbers: return node.process->read_numbers(dice);
      case Act::echo: return node.link.echo(dice);
      case Act::crash: return crash(node, dice);
      case Act::close: return close(node, dice);
      case Act::quote: return node.process->quote(dice);
      case Act::extend: return node.process->extend(dice);
      case Act::order: return order(node, dice);
      case Act::open: return open(node, dice);
      case Act::decide: return decide(node, dice);
      case Act::calm: return calm(dice);
    }
  } catch (const Crash&) {
    trace_.say("  the process dies in the middle of it");
    crash(node, dice);
  }
}

// What the rest of the process, the other nodes, and time do while the store is at work.
void World::meanwhile(Node& node, bool slow) {
  if (plain_ || node.process == nullptr) return;
  if (slow) pass_ms(dice_->between(1, dice_->once_in(4) ? 30'000 : 100));
  for (std::int64_t acts = dice_->between(-2, slow ? 6 : 2); acts > 0; --acts) node.process->any_act(*dice_);
  if (is_fleet() && dice_->once_in(4)) another_goes_on(node);
}

void World::another_goes_on(Node& than) {
  // Or each call of one node would have the others make more than one, and a step would have no end.
  if (++went_on_ > went_on_max) return;
  Node& other = any_node(*dice_);
  if (&other == &than || other.process == nullptr || other.process->turning()) return;
  trace_.say("  meanwhile, node {}", other.number);
  try {
    for (std::int64_t acts = dice_->between(0, 2); acts > 0; --acts) other.process->any_act(*dice_);
    other.process->turn();
  } catch (const Crash&) {
    trace_.say("  its process dies in the middle of it");
    crash(other, *dice_);
  }
}

void World::pass_ms(std::int64_t ms) { clock_.pass_ms(ms); }

void World::pass(Node& node, Dice& dice) {
  const std::int64_t kind = dice.between(1, 100);
  if (dice.once_in(8)) node.process->write_through();
  if (dice.once_in(8)) node.machine.write_back();
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
  // A store forgets what a rolling limit no longer counts, so far as clocks are right within a day. And of a fleet's
  // nodes, some of which have begun since, what counts there would depend on who is asked.
  highest_ms_ = std::max(highest_ms_, clock_.wall_ms);
  std::int64_t to = clock_.wall_ms + by;
  if (has_rolling_) to = std::max(to, is_fleet() ? highest_ms_ : highest_ms_ - quota::sub_windows_kept_ms * 9 / 10);
  clock_.set(to);
  trace_.say("  the clock is set by {} ms", by);
}

void World::change_weather(Node& node, Dice& dice) {
  const auto some = [&](int most) { return dice.once_in(2) ? static_cast<int>(dice.between(1, most)) : 0; };
  Weather& weather = node.link.weather;
  weather = {};
  node.machine.leave_room();
  if (dice.once_in(3)) return;
  if (dice.once_in(4)) node.machine.leave_room_for(static_cast<std::size_t>(dice.between(0, 2)));
  weather = {.refuse = some(400), .lose = some(200), .repeat = some(300), .crash = some(6), .slow = some(200)};
  if (dice.once_in(6)) weather.refuse = 1'000;  // the store is out of reach
}

// --- the operator --------------------------------------------------------------------------------------------------

void World::publish_everywhere() {
  const View view = view_of_keys();
  for (const auto& node : nodes_)
    for (std::size_t worker = 0; worker < node->process->worker_count(); ++worker) {
      node->process->publish(worker, view);
      meanwhile(*node, false);
    }
}

// As the catalog does it: stored, published, and then the keepers are told (src/app/program.cpp, catalog_changed).
void World::finish_edit(int number, const base::Status& stored) {
  if (stored) {
    publish_everywhere();
    for (const auto& node : nodes_) tell(*node, limits_[static_cast<std::size_t>(number)].limit.id);
  }
  auditor_.edit_ends(number, stored.has_value());
}

void World::tell(Node& node, base::LimitId limit) {
  try {
    node.process->limit_changed(limit);
  } catch (const Crash&) {
    trace_.say("  the process of node {} dies of it", node.number);
    crash(node, *dice_);
  }
}

void World::edit(Node& by, Dice& dice) {
  const int number = static_cast<int>(dice.between(0, static_cast<std::int64_t>(limits_.size()) - 1));
  Operated& operated = limits_[static_cast<std::size_t>(number)];
  if (operated.removed) return;
  ++figures_.edits;
  catalog::Limit changed = operated.limit;
  if (dice.once_in(3)) {
    raise(changed, dice);
  } else {
    changed.amount = dice.once_in(3) ? changed.amount + dice.between(1, 500) : any_amount(dice, changed.unit);
    trace_.say("  limit {} is to allow {}", number, changed.amount);
  }
  auditor_.edit_begins(number, money(changed.amount), raise_of(changed));
  const auto stored =
      by.process->on_store_thread([&] { return by.link.change([&] { return truth_.catalog().put(changed); }); });
  if (stored) operated.limit = changed;
  finish_edit(number, stored);
}

// For a moment, an hour or some days, or not any more.
void World::raise(catalog::Limit& limit, Dice& dice) {
  ++figures_.raises;
  limit.raise.reset();
  if (dice.once_in(4)) {
    trace_.say("  a limit that allows {} is to be raised no more", limit.amount);
    return;
  }
  const std::int64_t coin = limit.unit == catalog::LimitUnit::usd ? coin_ : 1;
  const std::int64_t longest_ms = dice.once_in(3) ? 200 : dice.once_in(3) ? 2 * day_ms : 20'000;
  limit.raise = {.amount = limit.amount + dice.between(1, 2'000) * coin,
                 .until = {clock_.late_ms() + dice.between(1, longest_ms)}};
  trace_.say("  a limit that allows {} is raised to {} until {} ms", limit.amount, limit.raise->amount,
             limit.raise->until.ms);
}

void World::remove(Node& by, Dice& dice) {
  const int number = static_cast<int>(dice.between(0, static_cast<std::int64_t>(limits_.size()) - 1));
  Operated& operated = limits_[static_cast<std::size_t>(number)];
  if (operated.removed) return;
  ++figures_.removals;
  trace_.say("  limit {} is to go", number);
  auditor_.edit_begins(number, Money::zero(), std::nullopt);
  const auto stored = by.process->on_store_thread(
      [&] { return by.link.change([&] { return truth_.catalog().remove(operated.limit.id, clock_.wall_now()); }); });
  operated.removed = stored.has_value();
  finish_edit(number, stored);
  if (!stored || dice.once_in(3)) return;
  if (dice.once_in(3)) return open_again(by, number, dice);
  if (limits_.size() < limits_max) open_new(by, dice);  // with another window, or on another model
}

// --- what the store says -------------------------------------------------------------------------------------------

void World::look() {
  for (const auto& node : nodes_) auditor_.begin_look(node->number);
  std::map<quota::CounterKey, std::int64_t> expired;
  for (const auto& open : truth_.open_rows())
    if (open.expired) expired[open.row.counter] += open.row.totals.remainder();
  for (const Operated& operated : limits_) {
    const quota::CounterQuery query = query_at(operated.limit, {clock_.late_ms()});
    const quota::CounterKey& counter = query.counter;
    if (!touched_.contains(counter)) continue;
    const auto states = truth_.quota().read(std::span(&query, 1));
    const quota::CounterState& state = states->front();
    const auto out = expired.find(counter);
    auditor_.look_at(touch(counter), {.amount = money(state.amount),
                                      .spent = money(state.spent),
                                      .leased = money(state.leased),
                                      .unresolved = money(state.unresolved),
                                      .expired = money(out == expired.end() ? 0 : out->second),
                                      .quoted = money(state.quoted)});
  }
  look_at_grants(expired);
}

bool World::has_expired(const Node& node, const quota::CounterKey& counter, std::int64_t epoch) const {
  if (!is_fleet()) return false;
  return std::ranges::any_of(truth_.open_rows(), [&](const auto& open) {
    return open.expired && open.node == node.id && open.row.counter == counter && open.row.epoch == epoch;
  });
}

void World::look_at_leases() {
  if (!is_fleet()) return;
  std::map<Place, Auditor::Out> out;
  for (const auto& open : truth_.open_rows()) {
    const Money remainder = money(open.row.totals.remainder());
    Auditor::Out& of_place = out[touch(open.row.counter)];
    of_place.leased.resize(nodes_.size());
    if (open.expired) of_place.expired += remainder;
    const auto node = std::ranges::find_if(nodes_, [&](const auto& one) { return one->id == open.node; });
    of_place.leased[static_cast<std::size_t>(node - nodes_.begin())] += remainder;
  }
  auditor_.look_at_leases(std::move(out));
}

void World::look_at_crossings() {
  std::vector<events::LimitEvent> fresh;
  for (events::LimitEventFilter filter{.limit_to = 1};; filter.before = fresh.back().number) {
    const auto page = *truth_.crossings().limit_events(filter);
    if (page.empty() || page.front().number <= last_crossing_) break;
    fresh.push_back(page.front());
  }
  if (fresh.empty()) return;
  last_crossing_ = fresh.front().number;
  for (auto event = fresh.rbegin(); event != fresh.rend(); ++event)
    auditor_.crossed({.place = touch({event->limit, event->label}),
                      .percent = event->threshold.percent,
                      .amount = money(event->amount),
                      .spent = money(event->spent)});
}

void World::look_at_quotes() {
  constexpr base::WallTime never{0};  // to ask at that time ends nothing
  while (next_quote_ < quotes_.size()) open_quotes_.push_back(static_cast<int>(next_quote_++));
  std::erase_if(open_quotes_, [&](int number) {
    const auto found = truth_.quota().find_quote(quotes_[static_cast<std::size_t>(number)].id, never);
    if (!found->has_value()) return false;
    const quota::Quote& quote = **found;
    std::vector<Taking> parts;
    for (const quota::QuotePart& part : quote.parts)
      parts.push_back(
          {.place = touch(part.counter), .span = {}, .amount = money(part.amount), .of_balance = part.of_balance});
    const auto stage = quote.state == quota::QuoteState::held       ? Auditor::QuoteStage::held
                       : quote.state == quota::QuoteState::redeemed ? Auditor::QuoteStage::redeemed
                                                                    : Auditor::QuoteStage::expired;
    auditor_.see_quote(number, stage, parts, quote.expires.ms);
    if (stage == Auditor::QuoteStage::expired) ++figures_.quotes_expired;
    return stage != Auditor::QuoteStage::held;
  });
}

std::map<Place, StoreNumbers> World::store_numbers(const Node& node) {
  std::map<Place, StoreNumbers> numbers;
  for (const quota::CounterKey& counter : touched_) {
    const quota::CounterQuery query = query_of(counter);
    const auto states = truth_.quota().read(std::span(&query, 1));
    const quota::CounterState& state = states->front();
    numbers[touch(counter)] = {.amount = money(state.amount),
                               .spent = money(state.spent),
                               .leased = money(state.leased),
                               .unresolved = money(state.unresolved),
                               .quoted = money(state.quoted)};
    if (!truth_.tells_rows()) numbers[touch(counter)].leased_to = money(state.leased);
  }
  for (const auto& open : truth_.open_rows()) {
    StoreNumbers& of_place = numbers[touch(open.row.counter)];
    if (open.expired) of_place.expired += money(open.row.totals.remainder());
    if (open.node == node.id) of_place.leased_to += money(open.row.totals.remainder());
  }
  return numbers;
}

std::vector<StoreRecord> World::records() {
  std::vector<StoreRecord> all;
  events::UsageFilter filter;
  filter.limit = 1'000;
  figures_.unaccounted = 0;
  while (true) {
    const auto page = *truth_.usage().records(filter);
    for (const events::UsageRecord& record : page) all.push_back(told(record));
    if (page.size() < static_cast<std::size_t>(filter.limit)) return all;
    filter.before = page.back().id;
  }
}

StoreRecord World::told(const events::UsageRecord& record) {
  StoreRecord told;
  if (const auto number = exchanges_.find(record.id); number != exchanges_.end()) told.exchange = number->second;
  told.id = record.id.to_string();
  told.started_ms = record.started.ms;
  told.estimate = record.estimate;
  told.cost = record.cost;
  if (quota::cause_of(record) == quota::UnresolvedCause::crash) told.kind = RecordKind::crashed;
  if (record.outcome == events::Outcome::refused) told.kind = RecordKind::refusal;
  if (record.outcome == events::Outcome::unaccounted) told.kind = RecordKind::unaccounted;
  if (record.outcome == events::Outcome::opened) told.kind = RecordKind::opened;
  if (record.outcome == events::Outcome::corrected) told.kind = RecordKind::corrected;
  if (told.kind == RecordKind::unaccounted) ++figures_.unaccounted;
  if (const auto transfer = *truth_.ledger().find_transfer({record.id.uuid}))
    told.postings = this->told(transfer->postings);
  for (const events::Hold& hold : record.holds)
    told.holds.push_back({.place = {.limit = numbers_.at(hold.limit), .label = label_of(hold)},
                          .reserved = money(hold.reserved),
                          .spent = money(hold.spent),
                          .unresolved = money(hold.unresolved)});
  return told;
}

}  // namespace sim
