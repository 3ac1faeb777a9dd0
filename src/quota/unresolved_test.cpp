#include "quota/unresolved.h"

#include <doctest/doctest.h>

#include "catalog/catalog.h"
#include "quota/counting.h"
#include "quota/store.h"
#include "store/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

using namespace quota;
using catalog::LimitUnit;

namespace {

constexpr std::int64_t day_ms = 86'400'000;

// An account with a limit in each unit, and items that hold of all of them.
struct World {
  tests::FakeClock clock;
  tests::SeededRandom random{1};
  store::MemoryStore store;
  std::unique_ptr<catalog::Catalog> catalog = *catalog::Catalog::open(store, clock, random);
  base::AccountId account = catalog->create_account({.name = "acme", .external_id = {}, .parent = {}})->id;
  catalog::Limit usd = limit(LimitUnit::usd, 1'000);
  catalog::Limit tokens = limit(LimitUnit::tokens, 1'000);
  catalog::Limit output = limit(LimitUnit::output_tokens, 1'000);
  catalog::Limit requests = limit(LimitUnit::requests, 1'000);
  UnresolvedDesk desk{store, clock, random, 7 * day_ms};

  World() { REQUIRE(store.open_incarnation(clock.wall_now()).has_value()); }

  catalog::Limit limit(LimitUnit unit, std::int64_t amount, base::WindowPolicy window = {}) {
    return *catalog->create_limit({.subject = account, .name = {}, .unit = unit, .window = window, .amount = amount});
  }
  CounterState state(const catalog::Limit& of) {
    const base::WallTime now = clock.wall_now();
    const CounterQuery query = query_of(of.id, of.window, base::window_at(of.window, now), now);
    return store.read(std::span(&query, 1))->front();
  }
  events::Hold hold(const catalog::Limit& of, std::int64_t spent, std::int64_t unresolved) {
    return {of.id, base::window_at(of.window, clock.wall_now()).label, spent + unresolved, spent, unresolved};
  }
  events::UsageRecord record(base::Money cost, events::Holds holds) {
    clock.advance_ms(1);
    events::UsageRecord made;
    made.id = base::ExchangeId::create(clock.wall_now(), random);
    made.started = clock.wall_now();
    made.account = account;
    made.model = "small";
    made.upstream = "openai";
    made.cost = cost;
    made.estimate = base::Money::from_nanos(100);
    made.holds = std::move(holds);
    return made;
  }
  base::ExchangeId flushed(const events::UsageRecord& made) {
    REQUIRE(store.flush({.records = events::pointers_to(std::span(&made, 1)), .returns = {}}).has_value());
    return made.id;
  }
  // As a crash leaves it: all of it is held.
  base::ExchangeId crashed() {
    auto made = record({}, {hold(usd, 0, 100), hold(tokens, 0, 50), hold(output, 0, 40), hold(requests, 0, 1)});
    mark_crashed(made);
    return flushed(made);
  }
  // 30 nano-dollars and 20 tokens, 15 of them put out, were counted.
  base::ExchangeId counted() {
    auto made = record(base::Money::from_nanos(30), {hold(usd, 30, 70), hold(tokens, 20, 30), hold(output, 15, 25)});
    made.usage = meter::Usage{.input_tokens = 5, .output_tokens = 15, .certainty = meter::Certainty::at_least};
    return flushed(made);
  }
  auto settle(base::ExchangeId id, KnownCost known) { return desk.settle(id, known, "", *catalog->current()); }
  auto release(base::ExchangeId id) { return desk.release(id, "not on the invoice", *catalog->current()); }
};

base::Money nanos(std::int64_t amount) { return base::Money::from_nanos(amount); }

}  // namespace

TEST_CASE("why a cost is not known shows in the record") {
  World world;
  CHECK(cause_of(world.store.item(world.crashed())->record) == UnresolvedCause::crash);
  CHECK(cause_of(world.store.item(world.counted())->record) == UnresolvedCause::at_least);
  auto cut = world.record({}, {world.hold(world.usd, 0, 9)});
  cut.outcome = events::Outcome::failed;
  CHECK(cause_of(cut) == UnresolvedCause::no_usage);
  cut.error = base::ErrorType::unavailable;
  cut.fault = base::Source::gateway;
  cut.status = 503;  // somebody was answered, so the process lived
  CHECK(cause_of(cut) == UnresolvedCause::no_usage);
  cut.outcome = events::Outcome::unaccounted;
  CHECK(cause_of(cut) == UnresolvedCause::unaccounted);
}

TEST_CASE("settling books the whole cost of the call and gives back the rest") {
  World world;
  SUBCASE("after a crash; tokens that nobody tells count as held") {
    const auto item = world.settle(world.crashed(), {.cost = nanos(60)});
    REQUIRE(item.has_value());
    CHECK(item->correction->record.cost == nanos(60));
    CHECK(world.state(world.usd) == CounterState{.amount = 1'000, .spent = 60});
    CHECK(world.state(world.tokens) == CounterState{.amount = 1'000, .spent = 50});
    CHECK(world.state(world.output) == CounterState{.amount = 1'000, .spent = 40});
    CHECK(world.state(world.requests) == CounterState{.amount = 1'000, .spent = 1});
  }
  SUBCASE("after a crash, with tokens") {
    const auto item = world.settle(world.crashed(), {.cost = nanos(60), .input_tokens = 8, .output_tokens = 9});
    REQUIRE(item.has_value());
    CHECK(world.state(world.tokens) == CounterState{.amount = 1'000, .spent = 17});
    CHECK(world.state(world.output) == CounterState{.amount = 1'000, .spent = 9});
    const auto sum = world.store.sums({}, events::UsageGroup::total)->front();
    CHECK(sum.input_tokens == 8);
    CHECK(sum.output_tokens == 9);
  }
  SUBCASE("beyond what was counted already") {
    const auto item = world.settle(world.counted(), {.cost = nanos(60), .input_tokens = 8, .output_tokens = 19});
    REQUIRE(item.has_value());
    CHECK(item->correction->record.cost == nanos(30));
    CHECK(world.state(world.usd) == CounterState{.amount = 1'000, .spent = 60});
    CHECK(world.state(world.tokens) == CounterState{.amount = 1'000, .spent = 27});
    CHECK(world.state(world.output) == CounterState{.amount = 1'000, .spent = 19});
    const auto sum = world.store.sums({}, events::UsageGroup::total)->front();
    CHECK(sum.cost == nanos(60));
    CHECK(sum.input_tokens == 8);
    CHECK(sum.output_tokens == 19);
  }
  SUBCASE("above what was held: an overrun, in full") {
    REQUIRE(world.settle(world.counted(), {.cost = nanos(5'000)}).has_value());
    CHECK(world.state(world.usd) == CounterState{.amount = 1'000, .spent = 5'000});
  }
}

TEST_CASE("settling for less than is booked is refused and names the field") {
  World world;
  const auto id = world.counted();
  struct Row {
    KnownCost known;
    const char* field;
  };
  for (const Row& row : {Row{{.cost = nanos(29)}, "cost"}, Row{{.cost = nanos(-1)}, "cost"},
                         Row{{.cost = nanos(60), .input_tokens = 4, .output_tokens = 30}, "input_tokens"},
                         Row{{.cost = nanos(60), .input_tokens = 30, .output_tokens = 14}, "output_tokens"}}) {
    const auto refused = world.settle(id, row.known);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().type == base::ErrorType::invalid_request);
    CHECK(refused.error().field == row.field);
  }
  CHECK(world.state(world.usd) == CounterState{.amount = 1'000, .spent = 30, .unresolved = 70});
}

TEST_CASE("releasing gives back what is held and keeps what was counted") {
  World world;
  REQUIRE(world.release(world.counted()).has_value());
  CHECK(world.state(world.usd) == CounterState{.amount = 1'000, .spent = 30});
  CHECK(world.state(world.tokens) == CounterState{.amount = 1'000, .spent = 20});
  const auto id = world.crashed();
  const auto item = world.release(id);
  REQUIRE(item.has_value());
  CHECK(item->correction->reason == "not on the invoice");
  CHECK(item->correction->record.cost.is_zero());
  CHECK(world.state(world.requests) == CounterState{.amount = 1'000});
  // Again it changes nothing; otherwise it is refused.
  REQUIRE(world.release(id).has_value());
  const auto refused = world.settle(id, {.cost = nanos(1)});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().type == base::ErrorType::conflict);
  CHECK(world.state(world.usd) == CounterState{.amount = 1'000, .spent = 30});
}

TEST_CASE("the time-out books all that was held, at its time and not before") {
  World world;
  const auto id = world.crashed();
  world.counted();
  auto lost = world.record({}, {world.hold(world.usd, 0, 11)});
  lost.outcome = events::Outcome::unaccounted;
  lost.estimate = {};
  world.flushed(lost);
  CHECK(world.desk.settles_at(*world.store.item(id)) ==
        base::WallTime{world.store.item(id)->record.started.ms + 7 * day_ms});
  world.clock.advance_ms(7 * day_ms - 3);
  CHECK(world.desk.settle_overdue(*world.catalog->current()) == 0);
  world.clock.advance_ms(3);
  const auto settled = world.desk.settle_overdue(*world.catalog->current());
  REQUIRE(settled.has_value());
  CHECK(*settled == 3);
  const CounterQuery then{{world.usd.id, world.store.item(id)->record.holds.front().label}};
  CHECK(world.store.read(std::span(&then, 1))->front() == CounterState{.amount = 1'000, .spent = 211});
  // The worst case of the two calls, less what was counted; of the lost lease no cost is known.
  CHECK(world.store.sums({}, events::UsageGroup::total)->front().cost == nanos(200));
  CHECK(world.desk.settle_overdue(*world.catalog->current()) == 0);
  const auto refused = world.settle(id, {.cost = nanos(1)});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.contains("timed out"));
}

TEST_CASE("without a time-out an item stays open for ever") {
  World world;
  UnresolvedDesk desk{world.store, world.clock, world.random, std::nullopt};
  const auto id = world.crashed();
  world.clock.advance_ms(400 * day_ms);
  CHECK(desk.settle_overdue(*world.catalog->current()) == 0);
  CHECK_FALSE(desk.settles_at(*world.store.item(id)).has_value());
}

TEST_CASE("of a rolling limit, what a crash left counts from the time of the call") {
  World world;
  const auto rolling = world.limit(LimitUnit::usd, 1'000, *base::parse_window("rolling:1h"));
  const auto id = world.flushed(world.record({}, {world.hold(rolling, 0, 40)}));
  REQUIRE(world.settle(id, {.cost = nanos(40)}).has_value());
  CHECK(world.state(rolling).spent == 40);
  world.clock.advance_ms(3'600'000 + 120'000);
  CHECK(world.state(rolling).spent == 0);
}

TEST_CASE("of an unaccounted lease only the limit is settled; of a removed limit all counts") {
  World world;
  auto lost = world.record({}, {world.hold(world.usd, 0, 11)});
  lost.outcome = events::Outcome::unaccounted;
  REQUIRE(world.settle(world.flushed(lost), {.cost = nanos(4)}).has_value());
  CHECK(world.state(world.usd) == CounterState{.amount = 1'000, .spent = 4});
  CHECK(world.store.sums({}, events::UsageGroup::total)->front().cost.is_zero());
  const auto id = world.crashed();
  REQUIRE(world.catalog->remove_limit(world.usd.id).has_value());
  REQUIRE(world.settle(id, {.cost = nanos(60)}).has_value());
  CHECK(world.state(world.usd) == CounterState{.amount = 0, .spent = 104});
}

TEST_CASE("what the grants of a balance hold is settled with the markup, in burn order, and the rest goes back") {
  World world;
  catalog::Account account = world.catalog->current()->accounts().front();
  account.credit_only = true;
  account.markup = {1'000};
  REQUIRE(world.store.put(account).has_value());
  std::vector<quota::CounterKey> counters;
  for (int number = 1; number <= 2; ++number) {
    ledger::Order order;
    order.id.uuid.bytes[0] = order.opens.uuid.bytes[1] = static_cast<std::uint8_t>(number);
    order.account = world.account;
    order.amount = nanos(500);
    order.terms = ledger::Terms{.priority = number, .effective = {}, .fee = {}};
    REQUIRE(world.store.post(order, world.clock.wall_now())->status == ledger::PostStatus::posted);
    counters.push_back({catalog::counter_of(order.opens), {}});
  }
  world.catalog = *catalog::Catalog::open(world.store, world.clock, world.random);
  const auto item = [&] {
    auto made = world.record({}, {{counters[0].limit, {}, 40, 0, 40}, {counters[1].limit, {}, 70, 0, 70}});
    mark_crashed(made);
    return world.flushed(made);
  };
  const auto settled = [&](base::Money cost) {
    REQUIRE(world.settle(item(), {.cost = cost}).has_value());
    std::vector<std::int64_t> spent;
    for (const CounterKey& counter : counters) {
      const CounterQuery query{counter};
      const CounterState state = world.store.read(std::span(&query, 1))->front();
      CHECK(state.unresolved == 0);
      spent.push_back(state.spent);
    }
    CHECK(world.store.check()->empty());
    return spent;
  };
  using Spent = std::vector<std::int64_t>;
  CHECK(settled(nanos(30)) == Spent{33, 0});           // 30 and 10 %
  CHECK(settled(nanos(50)) == Spent{73, 15});          // 55: 40 of the first, 15 of the second
  CHECK(settled(nanos(200)) == Spent{113, 15 + 180});  // 220: an overrun, on the last
  REQUIRE(world.release(item()).has_value());
  CHECK(world.store.check()->empty());
  world.clock.advance_ms(8 * day_ms);
  item();
  world.clock.advance_ms(8 * day_ms);
  REQUIRE(world.desk.settle_overdue(*world.catalog->current()).has_value());
  CHECK(world.store.check()->empty());
  const CounterQuery query{counters[1]};
  CHECK(world.store.read(std::span(&query, 1))->front().spent == 195 + 70);
}

TEST_CASE("what a grant has paid of which nothing is left is not charged to the others once more") {
  World world;
  catalog::Account account = world.catalog->current()->accounts().front();
  account.credit_only = true;
  REQUIRE(world.store.put(account).has_value());
  std::vector<quota::CounterKey> counters;
  for (int number = 1; number <= 2; ++number) {
    ledger::Order order;
    order.id.uuid.bytes[0] = order.opens.uuid.bytes[1] = static_cast<std::uint8_t>(number);
    order.account = world.account;
    order.amount = nanos(40);
    order.terms = ledger::Terms{.priority = number, .effective = {}, .fee = {}};
    REQUIRE(world.store.post(order, world.clock.wall_now())->status == ledger::PostStatus::posted);
    counters.push_back({catalog::counter_of(order.opens), {}});
  }
  // 45 were counted: all of the first, and 5 of the second, which holds 15 more.
  auto made = world.record(nanos(45), {{counters[0].limit, {}, 40, 40, 0}, {counters[1].limit, {}, 20, 5, 15}});
  made.usage = meter::Usage{.certainty = meter::Certainty::at_least};
  const auto id = world.flushed(made);
  world.catalog = *catalog::Catalog::open(world.store, world.clock, world.random);
  REQUIRE(world.catalog->current()->find_grant(base::GrantId{counters[0].limit.uuid}) == nullptr);
  REQUIRE(world.settle(id, {.cost = nanos(48)}).has_value());
  const CounterQuery query{counters[1]};
  CHECK(world.store.read(std::span(&query, 1))->front() == CounterState{.amount = 40, .spent = 8});
  CHECK(world.store.check()->empty());
}
