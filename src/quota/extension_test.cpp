// A reservation grows while it is open.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "quota/world_test.h"

using namespace quota;
using namespace quota::testing;
using base::ErrorType;
using meter::Certainty;

namespace {

struct Growing : World {
  Admission admission{*keeper};

  std::vector<const catalog::Limit*> pointers(const std::vector<catalog::Limit>& limits) {
    std::vector<const catalog::Limit*> list;
    for (const catalog::Limit& one : limits) list.push_back(&one);
    return list;
  }
  // Leases so much that nobody holds.
  void leave_free(const catalog::Limit& limit, std::int64_t amount) { (void)reserve(limit, amount); }
  // What the fast way gives; what the slow one does, after one turn.
  std::optional<Reservation::Extension> fast(const Reservation& of, const std::vector<catalog::Limit>& limits,
                                             std::int64_t more) {
    return admission.try_extend(of, pointers(limits), usd(more), clock.wall_now());
  }
  Asked ask(const Reservation& of, const std::vector<catalog::Limit>& limits, std::int64_t more,
            std::int64_t wait_ms = 0) {
    const auto asked = std::make_shared<std::optional<Decision>>();
    admission.extend(of, pointers(limits), usd(more), clock.wall_now(), clock.now().plus_ms(wait_ms),
                     [asked](Decision decision) { asked->emplace(std::move(decision)); });
    return asked;
  }
  static Reservation::Extension given(const Asked& asked) {
    REQUIRE(asked->has_value());
    REQUIRE(std::holds_alternative<Reservation::Extension>(**asked));
    return std::move(std::get<Reservation::Extension>(**asked));
  }
  Reservation sent(const std::vector<catalog::Limit>& limits, std::int64_t amount) {
    Reservation reservation = reserve(limits, amount);
    reservation.mark_sent();
    return reservation;
  }
  void grow(Reservation& reservation, const std::vector<catalog::Limit>& limits, std::int64_t more) {
    const Asked asked = ask(reservation, limits, more);
    keeper->turn();
    REQUIRE(reservation.extend(given(asked)).has_value());
  }
  // Nothing is held any more, and `spent` of it is in the store.
  void check_closed(const catalog::Limit& limit, std::int64_t spent, std::int64_t unresolved = 0) {
    REQUIRE(keeper->close().has_value());
    CHECK(state(limit) == CounterState{.amount = limit.amount, .spent = spent, .unresolved = unresolved});
  }
};

}  // namespace

TEST_CASE("a reservation that was extended settles as if it had held all of it from the beginning") {
  Growing world;
  const std::vector limits{world.limit(1'000), world.limit(2'000)};
  Reservation one = world.sent(limits, 100);
  world.grow(one, limits, 300);
  for (const Reservation::Part& part : one.parts()) {
    CHECK(part.amount == 400);
    CHECK(part.lease->reserved() == 400);
  }
  CHECK(world.numbers(limits[0]).reserved == 400);
  CHECK(world.refused(limits[0], 601).type == ErrorType::limit_busy);
  std::move(one).settle(usd(350), Certainty::exact);
  world.flush();
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].holds[0].reserved == 400);
  CHECK(records[0].holds[0].spent == 350);
  world.check_closed(limits[0], 350);
  world.check_closed(limits[1], 350);
}

TEST_CASE("what is free at once extends without the keeper, on all limits or on none") {
  Growing world;
  const std::vector limits{world.limit(10'000), world.limit(10'000)};
  Reservation one = world.sent(limits, 100);
  const auto& first = one.parts()[0].lease;
  const auto& second = one.parts()[1].lease;
  world.leave_free(limits[0], 5'000);
  world.leave_free(limits[1], 3'000);
  const std::size_t asked = world.store.asked.size();
  const std::array before{first->free(), second->free()};
  CHECK_FALSE(world.fast(one, limits, before[1] + 1).has_value());
  CHECK(std::array{first->free(), second->free()} == before);
  auto extension = world.fast(one, limits, before[1]);
  REQUIRE(extension.has_value());
  CHECK(second->free() == 0);
  REQUIRE(one.extend(std::move(*extension)).has_value());
  CHECK(one.parts()[0].amount == 100 + before[1]);
  CHECK(one.parts()[1].amount == 100 + before[1]);
  CHECK(world.store.asked.size() == asked);
}

TEST_CASE("an extension that nobody takes goes back and leaves no record") {
  Growing world;
  const std::vector limits{world.limit(1'000)};
  Reservation one = world.sent(limits, 100);
  {
    const auto dropped = world.ask(one, limits, 900);
    world.keeper->turn();
  }
  const auto& lease = one.parts()[0].lease;
  CHECK(lease->reserved() == 100);
  CHECK(lease->free() == 900);
  std::move(one).settle(usd(10), Certainty::exact);
  world.flush();
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].holds[0].spent == 10);
  world.check_closed(limits[0], 10);
}

TEST_CASE("an extension is refused as a call is: for good where the amount is reached, else after waiting") {
  Growing world;
  const std::vector limits{world.limit(1'000)};
  Reservation one = world.sent(limits, 100);
  std::optional<Reservation> other = world.reserve(limits, 800);
  const auto reached = world.ask(one, limits, 1'001);
  world.keeper->turn();
  CHECK(World::refusal(reached).type == ErrorType::limit_reached);
  CHECK(one.parts()[0].amount == 100);

  const auto waits = world.ask(one, limits, 300, 1'000);
  world.keeper->turn();
  CHECK_FALSE(waits->has_value());
  other.reset();  // pushes its record: something has come back
  world.keeper->turn();
  REQUIRE(one.extend(Growing::given(waits)).has_value());
  CHECK(one.parts()[0].amount == 400);

  world.store.on_grant = ScriptedStore::Answer::refused;
  const auto unknown = world.ask(one, limits, 600 + 1);
  world.keeper->turn();
  CHECK(World::refusal(unknown).type == ErrorType::unavailable);
}

// The windows are those of the stamp: what is extended after midnight counts yesterday.
TEST_CASE("an extension counts in the window in which the call was admitted, however late") {
  Growing world;
  const std::vector limits{world.limit(1'000)};
  Reservation one = world.sent(limits, 100);
  world.clock.advance_ms(day_ms);
  world.keeper->turn();
  world.grow(one, limits, 900);
  CHECK(one.parts()[0].lease->counter().label == base::WindowLabel{today.ms});
  CHECK(one.parts()[0].amount == 1'000);
  const auto more = world.ask(one, limits, 1);
  world.keeper->turn();
  CHECK(World::refusal(more).type == ErrorType::limit_reached);
  std::move(one).settle(usd(1'000), Certainty::exact);
  world.flush();
  CHECK(world.state(limits[0]).spent == 1'000);
  CHECK(world.state(limits[0], tomorrow).spent == 0);
  CHECK(world.reserve(limits, 1'000).parts().size() == 1);  // today is untouched
}

TEST_CASE("a raise of the amount that has ended extends nothing, also at once") {
  Growing world;
  catalog::Limit limit = world.limit(100);
  limit.raise = catalog::Raise{.amount = 1'000, .until = {world.clock.wall_now().ms + 1'000}};
  world.change(limit, 100);
  Reservation one = world.sent({limit}, 100);
  world.grow(one, {limit}, 50);
  world.clock.advance_ms(2'000);
  CHECK_FALSE(world.fast(one, {limit}, 1).has_value());
  const auto more = world.ask(one, {limit}, 1);
  world.keeper->turn();
  CHECK(World::refusal(more).type == ErrorType::limit_reached);
}

TEST_CASE("limits that gave nothing give nothing now, and one that stops new calls stops this one") {
  Growing world;
  catalog::Limit shadow = world.limit(10), blocks = world.limit(1'000), hard = world.limit(10'000);
  shadow.mode = catalog::LimitMode::shadow;
  world.change(shadow, 10);
  blocks.thresholds = {{.percent = 50, .action = catalog::ThresholdAction::block}};
  world.change(blocks, 1'000);
  const std::vector limits{shadow, blocks, hard};
  Reservation one = world.sent(limits, 100);
  world.grow(one, limits, 100);
  CHECK(one.parts()[0].amount == 0);
  CHECK(one.parts()[1].amount == 200);
  spend(world, blocks, 450);
  world.leave_free(blocks, 300);
  spend(world, blocks, 50);
  world.leave_free(hard, 1'000);
  CHECK(one.parts()[1].lease->free() >= 100);
  CHECK_FALSE(world.fast(one, limits, 100).has_value());
  const auto more = world.ask(one, limits, 100);
  world.keeper->turn();
  CHECK(World::refusal(more).type == ErrorType::limit_reached);
}

// Found by the simulator: the store failed while a limit that is counted at settle was lowered, and what it had allowed
// before went on to extend calls.
TEST_CASE("at once nothing is extended while nobody knows what a limit allows now") {
  Growing world;
  catalog::Limit lazy = world.limit(100);
  lazy.admission = catalog::LimitAdmission::lazy;
  world.change(lazy, 100);
  Reservation one = world.sent({lazy}, 10);
  spend(world, lazy, 30);
  CHECK(world.fast(one, {lazy}, 10).has_value());
  world.store.on_read = ScriptedStore::Answer::refused;
  world.change(lazy, 20);
  CHECK_FALSE(world.fast(one, {lazy}, 10).has_value());
}

// Found by the simulator: the keeper had forgotten the lease, which gave nothing, and what was settled on it meanwhile
// counted twice when the store was asked again.
TEST_CASE("a window that is over is not forgotten while a call that may be extended counts in it") {
  Growing world;
  catalog::Limit lazy = world.limit(100);
  lazy.admission = catalog::LimitAdmission::lazy;
  world.change(lazy, 100);
  Reservation one = world.sent({lazy}, 10);
  Reservation other = world.sent({lazy}, 10);
  world.clock.advance_ms(day_ms);
  for (int tick = 0; tick < 3; ++tick) {
    world.clock.advance_ms(world.options.idle_return_ms);
    world.keeper->turn();
  }
  std::move(other).settle(usd(100), Certainty::exact);
  world.flush();
  world.change(lazy, 150);
  world.grow(one, {lazy}, 10);
}

TEST_CASE("of a limit that was removed nothing more is granted") {
  Growing world;
  const std::vector limits{world.limit(1'000)};
  Reservation one = world.sent(limits, 100);
  REQUIRE(world.store.memory.remove(limits[0].id, world.clock.wall_now()).has_value());
  const auto more = world.ask(one, {}, 800);
  world.keeper->turn();
  const Refusal refusal = World::refusal(more);
  REQUIRE(refusal.shortages.size() == 1);
  CHECK(refusal.shortages[0].limit.id == limits[0].id);
}

TEST_CASE("those who wait for a reservation and for an extension are served in the order in which they came") {
  Growing world;
  const std::vector limits{world.limit(1'000)};
  Reservation one = world.sent(limits, 400);
  const auto extends = world.ask(one, limits, 500);
  const auto begins = world.submit(limits, 500);
  world.keeper->turn();
  REQUIRE(one.extend(Growing::given(extends)).has_value());
  CHECK(World::refusal(begins).type == ErrorType::limit_busy);
}
