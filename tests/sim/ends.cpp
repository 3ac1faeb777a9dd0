// How a life's processes end and begin, and how everything comes to rest.
#include <algorithm>
#include <utility>

#include "tests/sim/world.h"

namespace sim {
namespace {

constexpr std::int64_t rest_at_most_ms = 60'000;  // until everything has come to rest after the last fault
constexpr int turns_at_once_max = 1'000;

Money money(std::int64_t amount) { return Money::from_nanos(amount); }

}  // namespace

void World::connect(Node& node, EndOfProcess how) {
  if (is_fleet()) {
    node.clock.begin_in_fleet();
    return node.link.connect(truth_.join(node.id, clock_, {.ttl_ms = ttl_ms_, .max_skew_ms = max_skew_ms()}));
  }
  // An embedded store cannot tell one process from the next: what the last one sent does not arrive any more.
  node.link.forget();
  how == EndOfProcess::closed ? truth_.close() : truth_.kill();
  node.link.connect({&truth_.quota(), [](quota::Store*) {}});
}

EndOfProcess World::start(Node& node, Dice& dice, EndOfProcess how) {
  node.machine.kill();
  node.process.reset();
  node.machine.leave_room();
  connect(node, how);
  const Weather weather = std::exchange(node.link.weather, {});
  node.link.weather.crash = weather.clear() ? 0 : 200;  // also in the middle of its recovery, and again
  node.link.roll_with(dice);
  quota::Journals journals = begin(node, dice, how);
  node.link.weather = weather;
  auditor_.keys().process_ended(node.number);
  node.link.connect_keys(is_fleet() ? std::shared_ptr(truth_.join_keys(node.id))
                                    : std::shared_ptr<idempotency::Store>(&truth_.keys(), [](auto*) {}));
  see_what_is_stored();
  look_at_books();
  look_at_crossings();
  // A fleet's other processes have seen the later time.
  if (clock_.wall_ms < clock_.latest_ms && !is_fleet()) auditor_.time_stepped_back();
  if (!is_fleet()) clock_.latest_ms = clock_.wall_ms;
  node.process = std::make_unique<Process>(*node.around, options_, workers_, view_of_keys(), std::move(journals));
  return how;
}

quota::Journals World::begin(Node& node, Dice& dice, EndOfProcess& how) {
  while (true) {
    node.machine.before_each_write([&node, &dice] {
      if (!node.link.weather.clear() && dice.once_in(10)) throw Crash();
    });
    try {
      auto journals = node.machine.begin(node.link, static_cast<std::uint32_t>(workers_), clock_.wall_now());
      node.machine.before_each_write({});
      if (journals) return std::move(*journals);
      throw Violation("a process cannot begin: " + journals.error().message);
    } catch (const Crash&) {
      ++figures_.crashes;
      node.machine.kill();
      if (node.machine.keeping() != Keeping::nothing && dice.once_in(4)) how = std::max(how, without_power(node));
      connect(node, EndOfProcess::killed);
    }
  }
}

// A new process knows what the store knows: an edit that nobody was sure of is certain from here on, unless other nodes
// may not have heard of it.
void World::see_what_is_stored() {
  const catalog::Contents contents = *truth_.catalog().load();
  for (std::size_t number = 0; number < limits_.size(); ++number) {
    Operated& operated = limits_[number];
    const auto stored = std::ranges::find(contents.limits, operated.limit.id, &catalog::Limit::id);
    operated.removed = stored == contents.limits.end();
    if (!operated.removed) operated.limit = *stored;
    if (is_fleet() || auditor_.certain_of(static_cast<int>(number))) continue;
    if (operated.removed)
      auditor_.edit_begins(static_cast<int>(number), Money::zero(), std::nullopt);
    else
      auditor_.edit_begins(static_cast<int>(number), money(operated.limit.amount), raise_of(operated.limit));
    auditor_.edit_ends(static_cast<int>(number), true);
  }
}

EndOfProcess World::killed(const Node& node) {
  return node.machine.keeping() == Keeping::nothing ? EndOfProcess::lost : EndOfProcess::killed;
}

EndOfProcess World::without_power(Node& node) {
  ++figures_.power_losses;
  trace_.say("  power is lost");
  node.machine.lose_power();
  return node.machine.keeping() == Keeping::power ? EndOfProcess::lost_power : EndOfProcess::lost;
}

void World::crash(Node& node, Dice& dice) {
  ++figures_.crashes;
  EndOfProcess how = killed(node);
  const std::int64_t kind = node.machine.keeping() == Keeping::nothing ? 10 : dice.between(1, 10);
  if (kind <= 3) {
    how = without_power(node);
  } else if (kind <= 4 && node.machine.damage(dice)) {
    ++figures_.damages;
    trace_.say("  a journal is damaged");
    how = EndOfProcess::lost;
  } else if (how == EndOfProcess::killed) {
    ++figures_.kills;
  }
  const auto before = store_numbers(node);
  how = start(node, dice, how);
  look_at_leases();
  auditor_.process_ended(node.number, how, records(), before, store_numbers(node));
}

void World::close(Node& node, Dice& dice) {
  node.process->finish_all(dice);
  plain_ = true;  // the workers have ended by then
  const base::Status closed = node.process->close();
  if (closed) ++figures_.closes;
  const auto before = store_numbers(node);
  const EndOfProcess how = start(node, dice, closed ? EndOfProcess::closed : killed(node));
  look_at_leases();
  auditor_.process_ended(node.number, closed ? EndOfProcess::closed : how, records(), before, store_numbers(node));
}

void World::calm(Dice& dice) {
  ++figures_.calms;
  for (const auto& node : nodes_) {
    node->link.weather = {};
    node->machine.leave_room();
    node->process->finish_all(dice);
    // The store's clock was set back: what this node has counted by lies ahead of it for longer than anybody waits.
    if (is_fleet() && node->clock.latest_ms() > clock_.wall_ms + max_skew_ms()) close(*node, dice);
  }
  // Twice: a quote that was asked for may be held only now.
  for (int i = 0; i < 2; ++i) {
    if (const std::int64_t end_ms = auditor_.last_quote_end_ms(); end_ms > clock_.wall_ms)
      pass_ms(end_ms - clock_.wall_ms);
    let_time_pass_until_rest(dice);
  }
  if (prepaid_) rest_balance();
  for (const auto& node : nodes_) node->process->rest_keys();
  auditor_.keys().at_rest();
  auditor_.at_rest(records(), store_numbers());
  spend_the_last_unit(dice);
  if (prepaid_) spend_the_last_cent(dice);
}

// As the store threads would: each sleeps until it is due, and nobody wakes it for nothing. Those of a fleet never come
// to an end, so they are given the time that they need.
void World::let_time_pass_until_rest(Dice& dice) {
  plain_ = true;
  const std::int64_t most_ms =
      is_fleet() ? 4 * (ttl_ms_ + options_.idle_return_ms + options_.flush_every_ms) : rest_at_most_ms;
  const std::int64_t until = clock_.elapsed_ns + most_ms * 1'000'000;
  std::int64_t at_ns = clock_.elapsed_ns;
  int turns = 0;
  while (let_the_next_one_turn(until)) {
    turns = std::exchange(at_ns, clock_.elapsed_ns) == clock_.elapsed_ns ? turns + 1 : 0;
    if (turns > turns_at_once_max) throw Violation("not live: the store threads wake each other for ever");
    for (const auto& node : nodes_) node->process->finish_all(dice);
  }
  for (const auto& node : nodes_)
    if (!node->process->idle()) throw Violation("not live: the store thread sleeps, and an exchange waits for it");
}

bool World::let_the_next_one_turn(std::int64_t until_ns) {
  Process* next = nullptr;
  for (const auto& node : nodes_)
    if (node->process->due() && (next == nullptr || *node->process->due() < *next->due())) next = node->process.get();
  if (next == nullptr) return false;
  const std::int64_t due_ns = next->due()->ns;
  if (due_ns > until_ns) {
    // A keeper wakes up once more when a quote would have ended, also one that was redeemed before.
    if (is_fleet() || auditor_.latest_quote_end_ms() > clock_.wall_ms) return false;
    throw Violation("not live: the store thread does not come to rest");
  }
  if (due_ns > clock_.elapsed_ns) pass_ms((due_ns - clock_.elapsed_ns + 999'999) / 1'000'000);
  next->turn();
  return true;
}

void World::spend_the_last_unit(Dice& dice) {
  const int number = static_cast<int>(dice.between(0, static_cast<std::int64_t>(limits_.size()) - 1));
  const Operated& operated = limits_[static_cast<std::size_t>(number)];
  const quota::CounterKey counter = counter_of(operated.limit, {clock_.late_ms()});
  const Place place = touch(counter);
  // The windows are those of before the clock was put back, or not.
  if (is_fleet() ? counter_of(operated.limit, {clock_.early_ms()}) != counter : clock_.latest_ms != clock_.wall_ms)
    return;
  if (operated.removed || !auditor_.certain_of(number) || auditor_.lost_a_grant(place)) return;
  if (!operated.limit.leased() || !operated.limit.thresholds.empty()) return;
  Node& node = any_node(dice);
  auditor_.begin_look(node.number);
  const Money left = auditor_.left(place);
  if (left.is_negative() || left.is_zero()) return;
  ++figures_.last_units;
  if (!node.process->ask_alone({number, operated.limit}, left.nanos()))
    throw Violation(fmt::format("false refusal: {} is left of limit {} and cannot be had", left.nanos(), number));
  const Money most = auditor_.left_by_any_count(place);
  if (node.process->ask_alone({number, operated.limit}, most.nanos() + 1))
    throw Violation(fmt::format("never over: {} is left of limit {}, and one more was had", most.nanos(), number));
}

}  // namespace sim
