// Limits that are counted and not leased: lazy ones, and those in shadow.
#include <doctest/doctest.h>

#include "quota/world_test.h"

using namespace quota;
using namespace quota::testing;
using base::ErrorType;
using catalog::Limit;
using meter::Certainty;

namespace {

Limit counted(World& world, std::int64_t amount, catalog::LimitMode mode, base::WindowPolicy window = {}) {
  Limit limit = world.limit(amount, catalog::LimitUnit::usd, window);
  limit.mode = mode;
  limit.admission = catalog::LimitAdmission::lazy;
  REQUIRE(world.store.memory.put(limit).has_value());
  return limit;
}
Limit lazy(World& world, std::int64_t amount, base::WindowPolicy window = {}) {
  return counted(world, amount, catalog::LimitMode::enforce, window);
}

}  // namespace

TEST_CASE("a lazy limit holds nothing, lets calls go until its amount is spent, and then none") {
  World world;
  const Limit limit = lazy(world, 100);
  Reservation one = world.reserve(limit, 90);
  Reservation two = world.reserve(limit, 90);  // both fit: nothing is held
  CHECK(one.parts()[0].amount == 0);
  CHECK(world.numbers(limit).available == 100);
  CHECK(world.store.asked.empty());  // no lease was ever asked for
  one.mark_sent();
  std::move(one).settle(usd(99), Certainty::exact);
  world.flush();
  CHECK(world.state(limit) == CounterState{.amount = 100, .spent = 99});
  Reservation three = world.reserve(limit, 1'000'000);
  two.mark_sent();
  std::move(two).settle(usd(50), Certainty::exact);
  world.flush();
  const Refusal refusal = world.refused(limit, 7);
  CHECK(refusal.type == ErrorType::limit_reached);
  REQUIRE(refusal.shortages.size() == 1);
  CHECK(refusal.shortages[0].required == 7);
  CHECK(refusal.shortages[0].available == 0);
  CHECK(refusal.shortages[0].resets_at == tomorrow);
  const FiveNumbers five = world.numbers(limit);
  CHECK(five.spent == 149);
  CHECK(five.available == 0);
  std::move(three).release();
  world.clock.advance_ms(day_ms);
  CHECK(world.reserve(limit, 7).parts().size() == 1);
}

TEST_CASE("a worker admits on a lazy limit without the keeper, and stops itself once it is spent") {
  World world;
  const Limit limit = lazy(world, 100);
  const Limit hard = world.limit(1'000);
  FastWorker worker(world, {&limit, &hard});
  (void)world.reserve(hard, 400);  // so that the lease has some free
  auto admitted = worker.fast(3);
  REQUIRE(admitted.has_value());
  const std::int64_t free = admitted->parts()[1].lease->free();
  admitted->mark_sent();
  std::move(*admitted).settle(usd(100), Certainty::exact);  // not flushed: what is settled counts at once
  CHECK_FALSE(worker.fast(3).has_value());
  CHECK(worker.admission.remaining(limit, world.clock.wall_now()) == 0);
  CHECK(free > 0);
}

TEST_CASE("a limit in shadow counts above its amount and refuses nothing, whichever its admission") {
  World world;
  Limit limit = counted(world, 100, catalog::LimitMode::shadow);
  for (const auto admission : {catalog::LimitAdmission::lazy, catalog::LimitAdmission::reserve}) {
    limit.admission = admission;
    spend(world, limit, 500);
  }
  CHECK(world.state(limit) == CounterState{.amount = 100, .spent = 1'000});
  FastWorker worker(world, {&limit});
  CHECK(worker.fast(1'000'000).has_value());
  CHECK(world.store.asked.empty());
  CHECK(world.numbers(limit).available == 0);
}

TEST_CASE("a hard limit beside a counted one is held as ever, and all or nothing stays true") {
  World world;
  const Limit limit = lazy(world, 100);
  const Limit hard = world.limit(50);
  CHECK(world.refused({limit, hard}, 60).shortages[0].limit.id == hard.id);
  spend(world, limit, 100);
  const Refusal refusal = world.refused({hard, limit}, 20);
  REQUIRE(refusal.shortages.size() == 1);
  CHECK(refusal.shortages[0].limit.id == limit.id);
  CHECK(world.numbers(hard).available == 50);
}

TEST_CASE("before a lazy limit refuses, the store is asked: what left a rolling window is free again") {
  World world;
  const Limit limit = lazy(world, 100, *base::parse_window("rolling:1h"));
  FastWorker worker(world, {&limit});
  spend(world, limit, 100);
  CHECK_FALSE(worker.fast(1).has_value());
  CHECK(world.refused(limit, 1).type == ErrorType::limit_reached);
  world.clock.advance_ms(2 * 3'600'000);
  CHECK_FALSE(worker.fast(1).has_value());  // the worker does not know it yet
  (void)world.reserve(limit, 1);            // the keeper asks
  CHECK(worker.fast(1).has_value());
}

TEST_CASE("a lazy limit whose lowered amount the store could not confirm admits nothing until it does") {
  World world;
  Limit limit = lazy(world, 100);
  FastWorker worker(world, {&limit});
  spend(world, limit, 50);
  world.store.on_read = ScriptedStore::Answer::refused;
  world.change(limit, 50);
  CHECK_FALSE(worker.fast(1).has_value());
  CHECK(world.refused(limit, 1).type == ErrorType::unavailable);
  world.store.on_read = ScriptedStore::Answer::given;
  CHECK(world.refused(limit, 1).type == ErrorType::limit_reached);
  world.change(limit, 51);
  (void)world.reserve(limit, 1);
  CHECK(worker.fast(1).has_value());
}

TEST_CASE("a worker whose clock was put back does not go by a window that the keeper has left") {
  World world;
  Limit limit = lazy(world, 100);
  FastWorker worker(world, {&limit});
  const base::WallTime yesterday = world.clock.wall_now();
  world.clock.advance_ms(day_ms);
  world.flush();
  world.change(limit, 0);
  auto record = world.record();
  CHECK_FALSE(worker.admission.try_reserve(worker.limits, usd(1), yesterday, record).has_value());
  CHECK(world.refused(limit, 1).type == ErrorType::limit_reached);
}

TEST_CASE("without the store's word a lazy limit refuses as unavailable, not as reached") {
  World world;
  const Limit limit = lazy(world, 100);
  spend(world, limit, 100);
  world.store.on_read = ScriptedStore::Answer::refused;
  CHECK(world.refused(limit, 1).type == ErrorType::unavailable);
}

TEST_CASE("what is booked behind a lazy limit's back is known a tick after something was spent on it") {
  World world;
  const Limit limit = lazy(world, 100);
  FastWorker worker(world, {&limit});
  spend(world, limit, 10);
  auto correction = world.record();
  correction->holds = {{limit.id, {today.ms}, 0, 90, 0}};
  REQUIRE(world.store.memory.flush({.records = events::pointers_to(std::span(correction.get(), 1)), .returns = {}})
              .has_value());
  CHECK(worker.fast(1).has_value());
  world.clock.advance_ms(world.options.idle_return_ms);
  world.keeper->turn();
  CHECK_FALSE(worker.fast(1).has_value());
  CHECK_FALSE(world.keeper->turn().has_value());  // and then it lies still
}

TEST_CASE("a limit that becomes hard is never over from there on, whatever was counted before") {
  World world;
  Limit limit = lazy(world, 100);
  Reservation under_way = world.reserve(limit, 80);
  under_way.mark_sent();
  limit.admission = catalog::LimitAdmission::reserve;
  world.change(limit, 100);
  Reservation held = world.reserve(limit, 60);
  CHECK(held.parts()[0].amount == 60);
  std::move(under_way).settle(usd(70), Certainty::exact);  // counted as it was admitted: an overrun now
  world.flush();
  CHECK(world.refused(limit, 1).type == ErrorType::limit_busy);
  std::move(held).release();
  world.flush();
  CHECK(world.refused(limit, 31).type == ErrorType::limit_reached);
  spend(world, limit, 30);
  CHECK(world.state(limit).spent == 100);
}

TEST_CASE("a limit that is no longer hard gives back what it had leased") {
  World world;
  Limit limit = world.limit(100);
  Reservation held = world.reserve(limit, 40);
  held.mark_sent();
  limit.mode = catalog::LimitMode::shadow;
  world.change(limit, 100);
  CHECK(world.state(limit).leased == 40);  // of the call that is on its way
  spend(world, limit, 300);
  std::move(held).settle(usd(10), Certainty::exact);
  world.flush();
  world.clock.advance_ms(world.options.idle_return_ms);
  world.keeper->turn();
  world.clock.advance_ms(world.options.idle_return_ms);
  world.keeper->turn();
  CHECK(world.state(limit) == CounterState{.amount = 100, .spent = 310});
}
