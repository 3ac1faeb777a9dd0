// An amount that is raised for a time, and thresholds that block.
#include <doctest/doctest.h>

#include "quota/world_test.h"

using namespace quota;
using namespace quota::testing;
using base::ErrorType;
using catalog::Limit;
using meter::Certainty;

namespace {

constexpr std::int64_t hour_ms = 3'600'000;

// Of 100, raised to `amount` for an hour from the clock's moment.
Limit raised(World& world, std::int64_t amount) {
  Limit limit = world.limit(100);
  limit.raise = catalog::Raise{amount, {world.clock.wall_now().ms + hour_ms}};
  REQUIRE(world.store.memory.put(limit).has_value());
  return limit;
}

}  // namespace

TEST_CASE("a raised limit pays for more until the raise ends, and the five numbers say so") {
  World world;
  const Limit limit = raised(world, 500);
  spend(world, limit, 90);
  CHECK(world.numbers(limit).amount == 500);
  CHECK(world.numbers(limit).available == 410);
  Reservation held = world.reserve(limit, 410);
  CHECK(world.refused(limit, 1).shortages[0].amount == 500);
  std::move(held).release();
  world.clock.advance_ms(hour_ms);
  CHECK(world.numbers(limit).amount == 100);
  CHECK(world.numbers(limit).available == 10);
  const Refusal refusal = world.refused(limit, 11);
  CHECK(refusal.type == ErrorType::limit_reached);
  CHECK(refusal.shortages[0].available == 10);
  spend(world, limit, 10);
  CHECK(world.state(limit, world.clock.wall_now()).spent == 100);
}

TEST_CASE("what a worker was leased above the old amount it does not hand out once the raise is over") {
  World world;
  const Limit limit = raised(world, 1'000);
  FastWorker worker(world, {&limit}, 80);
  CHECK(worker.fast(80).has_value());  // it lies free
  world.clock.advance_ms(hour_ms - 1);
  auto last = worker.fast(80);
  REQUIRE(last.has_value());
  last->mark_sent();
  std::move(*last).settle(usd(80), Certainty::exact);
  CHECK(worker.fast(30).has_value());
  world.clock.advance_ms(1);
  CHECK_FALSE(worker.fast(30).has_value());
  CHECK(world.refused(limit, 30).type == ErrorType::limit_reached);
  spend(world, limit, 20);
  CHECK(world.state(limit, world.clock.wall_now()).spent == 100);
  CHECK(world.refused(limit, 1).type == ErrorType::limit_reached);
}

TEST_CASE("calls that the raise admitted are booked in full after its end, and nothing more is admitted") {
  World world;
  const Limit limit = raised(world, 500);
  Reservation under_way = world.reserve(limit, 300);
  under_way.mark_sent();
  world.clock.advance_ms(hour_ms);
  CHECK(world.refused(limit, 1).type == ErrorType::limit_busy);  // it may cost less
  std::move(under_way).settle(usd(250), Certainty::exact);
  world.flush();
  CHECK(world.refused(limit, 1).type == ErrorType::limit_reached);
  CHECK(world.numbers(limit).spent == 250);
  CHECK(world.numbers(limit).available == 0);
  world.clock.advance_ms(day_ms);
  CHECK(world.reserve(limit, 100).parts()[0].amount == 100);
}

TEST_CASE("a raise that is over gives its lease back without being asked") {
  World world;
  const Limit limit = raised(world, 1'000);
  FastWorker worker(world, {&limit}, 80);
  spend(world, limit, 95);
  const std::int64_t leased = world.state(limit).leased;
  CHECK(leased > 5);
  for (int i = 0; i < 4; ++i) {  // never idle
    world.clock.advance_ms(hour_ms / 4);
    (void)worker.fast(1);
    world.keeper->turn();
  }
  const CounterState state = world.state(limit, world.clock.wall_now());
  CHECK(state.spent + state.leased + state.unresolved <= 100);
}

TEST_CASE("a store that cannot say what is left at the end of a raise admits nothing") {
  World world;
  const Limit limit = raised(world, 1'000);
  FastWorker worker(world, {&limit}, 80);
  world.clock.advance_ms(hour_ms);
  world.store.on_read = ScriptedStore::Answer::refused;
  CHECK_FALSE(worker.fast(1).has_value());
  CHECK(world.refused(limit, 1).type == ErrorType::unavailable);
  world.store.on_read = ScriptedStore::Answer::given;
  CHECK(world.reserve(limit, 1).parts()[0].amount == 1);
}

TEST_CASE("a threshold that blocks refuses although there is something left, until less is spent") {
  World world;
  Limit limit = world.limit(100, catalog::LimitUnit::usd, *base::parse_window("rolling:1h"));
  limit.thresholds = {{50, catalog::ThresholdAction::warn}, {90, catalog::ThresholdAction::block}};
  REQUIRE(world.store.memory.put(limit).has_value());
  FastWorker worker(world, {&limit}, 80);
  spend(world, limit, 89);
  CHECK_FALSE(worker.admission.warning(world.limit(1), world.clock.wall_now()).has_value());
  CHECK(worker.admission.warning(limit, world.clock.wall_now())->percent == 50);
  auto last = worker.fast(1);
  if (!last) last = world.reserve(limit, 1);
  last->mark_sent();
  std::move(*last).settle(usd(1), Certainty::exact);
  CHECK_FALSE(worker.fast(0).has_value());
  const Refusal refusal = world.refused(limit, 1);
  CHECK(refusal.type == ErrorType::limit_reached);
  REQUIRE(refusal.shortages.size() == 1);
  CHECK(refusal.shortages[0].blocked_at_percent == 90);
  CHECK(refusal.shortages[0].available == 0);
  CHECK(world.numbers(limit).available == 10);
  world.clock.advance_ms(2 * hour_ms);
  CHECK(world.reserve(limit, 100).parts().size() == 1);
}

TEST_CASE("a threshold that blocks stops a lazy limit and none in shadow") {
  World world;
  Limit limit = world.limit(100);
  limit.thresholds = {{150, catalog::ThresholdAction::warn}, {20, catalog::ThresholdAction::block}};
  limit.admission = catalog::LimitAdmission::lazy;
  REQUIRE(world.store.memory.put(limit).has_value());
  spend(world, limit, 20);
  CHECK(world.refused(limit, 1).shortages[0].blocked_at_percent == 20);
  limit.mode = catalog::LimitMode::shadow;
  CHECK(world.reserve(limit, 1).parts().size() == 1);
}
