#include "quota/admission.h"

#include <array>

#include "quota/world_test.h"

using namespace quota;
using namespace quota::testing;
using base::ErrorType;
using meter::Certainty;

namespace {

// One worker's admission, with a day's and a month's limit.
struct Worker {
  World world;
  const catalog::Limit day = world.limit(1'000);
  const catalog::Limit month = world.limit(100, catalog::LimitUnit::tokens, {.kind = base::WindowPolicy::Kind::month});
  const std::array<const catalog::Limit*, 2> limits{&day, &month};
  Admission admission{*world.keeper};
  std::unique_ptr<events::UsageRecord> record = world.record();

  std::optional<Reservation> fast(const Amounts& amounts) {
    return admission.try_reserve(limits, amounts, world.clock.wall_now(), record);
  }
  Decision slow(const Amounts& amounts) {
    std::optional<Decision> decision;
    admission.reserve(limits, amounts, world.clock.wall_now(), world.clock.now(), *world.record(),
                      [&](Decision made) { decision.emplace(std::move(made)); });
    world.keeper->turn();
    REQUIRE(decision.has_value());
    return std::move(*decision);
  }
  // Fills both leases and lets the money lie free.
  void learn(const Amounts& amounts) {
    auto decision = slow(amounts);
    REQUIRE(std::holds_alternative<Reservation>(decision));
    REQUIRE(admission.adopt(std::get<Reservation>(decision)).has_value());
  }
};

Amounts amounts(std::int64_t nanos, std::int64_t tokens) {
  return {.usd = base::Money::from_nanos(nanos), .input_tokens = tokens, .requests = 1};
}

}  // namespace

TEST_CASE("without a lease of every limit nothing is reserved, and the record stays the caller's") {
  Worker worker;
  CHECK_FALSE(worker.fast(amounts(1, 1)).has_value());
  CHECK(worker.record != nullptr);
  CHECK_FALSE(worker.fast(amounts(0, 0)).has_value());
}

TEST_CASE("what the keeper granted once is reserved again without it, on all limits, each in its unit") {
  Worker worker;
  worker.learn(amounts(40, 10));
  const int wakes = worker.world.wakes;
  const auto id = worker.record->id;
  auto reservation = worker.fast(amounts(40, 10));
  REQUIRE(reservation.has_value());
  CHECK(worker.world.wakes == wakes);
  CHECK(worker.record == nullptr);
  CHECK(reservation->record().id == id);
  REQUIRE(reservation->parts().size() == 2);
  CHECK(reservation->parts()[0].amount == 40);
  CHECK(reservation->parts()[1].amount == 10);
}

TEST_CASE("a limit that falls short gives back what the limits before it gave") {
  Worker worker;
  worker.learn(amounts(40, 10));
  auto whole = worker.fast(amounts(1, 1));
  const Lease& day = *whole->parts()[0].lease;
  const Lease& month = *whole->parts()[1].lease;
  const std::int64_t free_day = day.free();
  const std::int64_t free_month = month.free();
  worker.record = worker.world.record();
  CHECK_FALSE(worker.fast(amounts(free_day, free_month + 1)).has_value());
  CHECK_FALSE(worker.fast(amounts(free_day + 1, free_month)).has_value());
  CHECK(day.free() == free_day);
  CHECK(month.free() == free_month);
  CHECK(day.reserved() == 1);
  CHECK(worker.record != nullptr);
  CHECK(worker.fast(amounts(free_day, free_month)).has_value());
}

TEST_CASE("yesterday's lease pays for nothing today") {
  Worker worker;
  worker.learn(amounts(40, 10));
  CHECK(worker.admission.remaining(worker.day, worker.world.clock.wall_now()) == 1'000);
  worker.world.clock.advance_ms(day_ms);
  CHECK_FALSE(worker.fast(amounts(1, 1)).has_value());
  CHECK(worker.admission.remaining(worker.day, worker.world.clock.wall_now()) == std::nullopt);
  CHECK(worker.admission.remaining(worker.month, worker.world.clock.wall_now()) == 100);
  worker.learn(amounts(1, 1));
  const auto reservation = worker.fast(amounts(1, 1));
  REQUIRE(reservation.has_value());
  CHECK(reservation->parts()[0].lease->counter().label.ms == tomorrow.ms);
}

TEST_CASE("a late settlement lands in the window it was admitted in") {
  Worker worker;
  auto decision = worker.slow(amounts(40, 10));
  worker.world.clock.advance_ms(day_ms);
  std::get<Reservation>(std::move(decision)).settle(amounts(30, 10), Certainty::exact);
  worker.world.flush();
  CHECK(worker.world.state(worker.day, today).spent == 30);
  CHECK(worker.world.state(worker.day, tomorrow) == CounterState{.amount = 1'000});
}

TEST_CASE("what remains of a limit is what is neither spent nor unresolved") {
  Worker worker;
  CHECK(worker.admission.remaining(worker.day, worker.world.clock.wall_now()) == std::nullopt);
  worker.learn(amounts(100, 10));
  std::move(*worker.fast(amounts(50, 1))).settle(amounts(20, 1), Certainty::at_least);
  CHECK(worker.admission.remaining(worker.day, worker.world.clock.wall_now()) == 950);
}

TEST_CASE("the slow way begins with a copy of the record and decides with the same amounts") {
  Worker worker;
  const auto record = worker.world.record();
  std::optional<Decision> decision;
  worker.admission.reserve(worker.limits, amounts(7, 101), worker.world.clock.wall_now(), worker.world.clock.now(),
                           *record, [&](Decision made) { decision.emplace(std::move(made)); });
  worker.world.keeper->turn();
  const Refusal& refusal = std::get<Refusal>(*decision);
  CHECK(refusal.type == ErrorType::limit_reached);
  CHECK(refusal.shortages[0].limit == worker.month);
  CHECK(refusal.shortages[0].required == 101);
  auto granted = worker.slow(amounts(7, 100));
  CHECK(std::get<Reservation>(granted).record().account == record->account);
}

TEST_CASE("a call without limits is admitted at once") {
  Worker worker;
  const auto reservation = worker.admission.try_reserve({}, {}, worker.world.clock.wall_now(), worker.record);
  REQUIRE(reservation.has_value());
  CHECK(reservation->parts().empty());
}
