// What the keeper does behind the exchanges' backs: flush, return, refill, close, and what it tells of itself.
#include <algorithm>

#include "quota/world_test.h"

using namespace quota;
using namespace quota::testing;
using base::ErrorType;
using meter::Certainty;
using Answer = ScriptedStore::Answer;

TEST_CASE("what was settled is in the store one flush later, and the rest stays leased") {
  World world;
  const catalog::Limit limit = world.limit(1'000);
  world.reserve(limit, 100).settle(usd(30), Certainty::exact);
  world.reserve(limit, 50).settle(usd(20), Certainty::at_least);
  world.flush();
  CHECK(world.records().size() == 2);
  const CounterState state = world.state(limit);
  CHECK(state.spent == 50);
  CHECK(state.unresolved == 30);
  CHECK(world.keeper->health().unflushed == 0);
}

TEST_CASE("a flush takes so many records at most, in the order in which they were settled") {
  World world({.flush_records = 2});
  const catalog::Limit limit = world.limit(1'000);
  std::vector<base::ExchangeId> settled;
  for (int i = 0; i < 5; ++i) {
    auto record = world.record();
    settled.push_back(record->id);
    world.keeper->push(std::move(record));
  }
  world.flush();
  REQUIRE(world.store.offered.size() == 3);
  std::vector<base::ExchangeId> flushed;
  for (const auto& batch : world.store.offered) {
    CHECK(batch.size() <= 2);
    std::ranges::copy(batch, std::back_inserter(flushed));
  }
  CHECK(flushed == settled);
}

TEST_CASE("a batch that failed is kept and offered again as it was, and counts once whatever became of it") {
  for (const Answer answer : {Answer::refused, Answer::lost}) {
    World world;
    const catalog::Limit limit = world.limit(1'000);
    world.reserve(limit, 10).settle(usd(10), Certainty::exact);
    world.store.on_flush = answer;
    world.flush();
    CHECK(world.keeper->health().unflushed == 1);
    CHECK(world.keeper->health().last_error == "the disk is full");
    world.reserve(limit, 7).settle(usd(7), Certainty::exact);  // leased already: it goes on
    const std::size_t tries = world.store.offered.size();
    world.flush();
    CHECK(world.store.offered.size() == tries);  // not at once again
    world.clock.advance_ms(100);
    world.keeper->turn();
    REQUIRE(world.store.offered.size() == tries + 1);
    CHECK(world.store.offered.back() == world.store.offered.front());
    CHECK(world.keeper->health().unflushed == 2);
    world.store.on_flush = Answer::given;
    world.clock.advance_ms(100);
    world.keeper->turn();
    CHECK(world.store.offered[tries + 1] == world.store.offered.front());
    CHECK(world.records().size() == 2);
    CHECK(world.state(limit).spent == 17);
    CHECK(world.keeper->health().unflushed == 0);
    CHECK(world.keeper->health().last_error.empty());
    REQUIRE(world.keeper->close().has_value());
    CHECK(world.state(limit) == CounterState{.amount = 1'000, .spent = 17});
  }
}

TEST_CASE("when the store takes no records for too long nothing is admitted, until it does again") {
  World world({.unflushed_max = 2});
  const catalog::Limit limit = world.limit(1'000);
  Admission admission(*world.keeper);
  const std::array limits{&limit};
  Reservation held = world.reserve(limit, 100);
  REQUIRE(admission.adopt(held).has_value());
  const auto admitted = [&] {
    auto record = world.record();
    return admission.try_reserve(limits, usd(1), world.clock.wall_now(), record).has_value();
  };
  world.store.on_flush = Answer::refused;
  for (int i = 0; i < 2; ++i) {
    CHECK(admitted());  // and dropped, which leaves a record
    world.clock.advance_ms(100);
    world.keeper->turn();
    CHECK(world.keeper->admitting());
  }
  CHECK(admitted());
  world.clock.advance_ms(100);
  world.keeper->turn();
  CHECK_FALSE(world.keeper->admitting());
  CHECK_FALSE(admitted());
  CHECK(world.keeper->halted_because() == "the store does not take usage records: the disk is full");
  const Refusal refusal = world.refused(limit, 1);
  CHECK(refusal.type == ErrorType::unavailable);
  CHECK(refusal.reason == world.keeper->halted_because());

  world.store.on_flush = Answer::given;
  world.clock.advance_ms(100);
  world.keeper->turn();
  CHECK(world.keeper->admitting());
  CHECK(world.keeper->halted_because().empty());
  CHECK(admitted());
}

TEST_CASE("who waits while admission halts is refused with the reason") {
  World world({.unflushed_max = 0});
  const catalog::Limit limit = world.limit(100);
  Reservation other = world.reserve(limit, 80);
  const World::Asked waiting = world.submit({limit}, 50, 10'000);
  world.keeper->turn();
  world.store.on_flush = Answer::refused;
  world.keeper->push(world.record());
  world.flush();
  world.keeper->push(world.record());
  world.keeper->turn();
  CHECK(World::refusal(waiting).type == ErrorType::unavailable);
}

TEST_CASE("a lease that lies idle goes back; one in use stays") {
  World world;
  const catalog::Limit limit = world.limit(1'000);
  const catalog::Limit used = world.limit(1'000);
  const Reservation held = world.reserve(limit, 100);
  Admission admission(*world.keeper);
  const std::array in_use{&used};
  std::vector<Reservation> running;
  running.push_back(world.reserve(used, 100));
  REQUIRE(admission.adopt(running[0]).has_value());
  CHECK(world.state(limit).leased == 200);
  for (int second = 0; second < 3; ++second) {
    world.clock.advance_ms(1'000);
    auto record = world.record();
    running.push_back(*admission.try_reserve(in_use, usd(1), world.clock.wall_now(), record));
    world.keeper->turn();
  }
  CHECK(world.state(limit).leased == 100);  // what is reserved stays
  CHECK(world.state(used).leased == 200);
}

TEST_CASE("a return that the store did not confirm is repeated, and never credited twice") {
  for (const Answer answer : {Answer::refused, Answer::lost}) {
    World world;
    const catalog::Limit limit = world.limit(1'000);
    const Reservation held = world.reserve(limit, 100);
    const auto second = [&] {
      world.clock.advance_ms(1'000);
      world.keeper->turn();
    };
    second();
    world.store.on_flush = answer;
    second();
    CHECK(held.parts()[0].lease->free() == 0);  // whether it is ours is not known: nobody may spend it
    CHECK_FALSE(world.keeper->health().last_error.empty());
    world.store.on_flush = Answer::given;
    second();
    REQUIRE(world.store.returned.size() == 2);
    CHECK(world.store.returned[0][0].returned_total == world.store.returned[1][0].returned_total);
    CHECK(world.state(limit).leased == 100);
    second();
    CHECK(world.store.returned.size() == 2);
  }
}

TEST_CASE("a lease that runs low is refilled before it is empty, once for each time it runs low") {
  World world;
  const catalog::Limit limit = world.limit(1'000'000);
  Admission admission(*world.keeper);
  const std::array limits{&limit};
  std::vector<Reservation> held;
  held.push_back(world.reserve(limit, 100));  // and a hundred more, free
  REQUIRE(admission.adopt(held[0]).has_value());
  const auto reserve = [&](std::int64_t amount) {
    auto record = world.record();
    auto reservation = admission.try_reserve(limits, usd(amount), world.clock.wall_now(), record);
    REQUIRE(reservation.has_value());
    held.push_back(std::move(*reservation));
  };
  const Lease& lease = *held[0].parts()[0].lease;
  int wakes = world.wakes;
  reserve(50);
  CHECK(world.wakes == wakes);  // half is left
  reserve(10);
  reserve(10);
  CHECK(world.wakes == wakes + 1);
  CHECK(lease.free() == 30);
  world.keeper->turn();
  CHECK(lease.free() == 30 + 200);
  wakes = world.wakes;
  reserve(130);
  CHECK(world.wakes == wakes);
  reserve(1);
  CHECK(world.wakes == wakes + 1);
}

TEST_CASE("a refill that the store refuses changes nothing and is asked for again") {
  World world;
  const catalog::Limit limit = world.limit(1'000'000);
  Admission admission(*world.keeper);
  const std::array limits{&limit};
  Reservation first = world.reserve(limit, 100);
  REQUIRE(admission.adopt(first).has_value());
  world.store.on_grant = Answer::refused;
  const auto take = [&] {
    auto record = world.record();
    auto reservation = admission.try_reserve(limits, usd(60), world.clock.wall_now(), record);
    REQUIRE(reservation.has_value());
    std::move(*reservation).release();
    world.keeper->turn();
  };
  take();
  CHECK(first.parts()[0].lease->free() == 100);
  CHECK(world.keeper->health().last_error == "the disk is full");
  world.store.on_grant = Answer::given;
  take();
  CHECK(first.parts()[0].lease->free() > 100);
}

TEST_CASE("close flushes and returns everything but what is still reserved") {
  World world;
  const catalog::Limit limit = world.limit(1'000);
  const catalog::Limit other = world.limit(1'000);
  world.reserve({limit, other}, 100).settle(usd(40), Certainty::exact);
  const Reservation running = world.reserve(other, 25);
  const World::Asked waiting = world.submit({other}, 950, 1'000);
  world.keeper->turn();
  const World::Asked not_seen_yet = world.submit({limit}, 1, 1'000);
  REQUIRE(world.keeper->close().has_value());
  CHECK(world.state(limit) == CounterState{.amount = 1'000, .spent = 40});
  CHECK(world.state(other) == CounterState{.amount = 1'000, .spent = 40, .leased = 25});
  CHECK(world.records().size() == 1);
  for (const World::Asked& asked : {waiting, not_seen_yet}) {
    CHECK(World::refusal(asked).type == ErrorType::unavailable);
    CHECK(World::refusal(asked).reason == "the gateway is shutting down");
  }
}

TEST_CASE("close says what the store did not take") {
  World world;
  const catalog::Limit limit = world.limit(1'000);
  {
    const Reservation dropped = world.reserve(limit, 10);
  }
  world.store.on_flush = Answer::refused;
  const auto closed = world.keeper->close();
  REQUIRE_FALSE(closed.has_value());
  CHECK(closed.error().message == "the disk is full");
}

TEST_CASE("the five numbers add up, and count what is settled whether it is flushed or not") {
  World world;
  catalog::Limit limit = world.limit(1'000);
  const auto check = [&](std::int64_t available, std::int64_t reserved, std::int64_t unresolved, std::int64_t spent) {
    const FiveNumbers five = world.numbers(limit);
    CHECK(five.available == available);
    CHECK(five.reserved == reserved);
    CHECK(five.unresolved == unresolved);
    CHECK(five.spent == spent);
    CHECK(five.amount == limit.amount);
    CHECK(five.window == base::Window{{today.ms}, today, tomorrow});
    CHECK(five.resets_at == tomorrow);
  };
  check(1'000, 0, 0, 0);
  Reservation first = world.reserve(limit, 100);
  Reservation second = world.reserve(limit, 200);
  check(700, 300, 0, 0);  // idle lease money is available
  std::move(first).settle(usd(60), Certainty::exact);
  check(740, 200, 0, 60);
  std::move(second).settle(usd(50), Certainty::at_least);
  check(740, 0, 150, 110);
  Reservation third = world.reserve(limit, 400);
  std::move(third).settle(usd(900), Certainty::exact);  // an overrun
  check(0, 0, 150, 1'010);
  world.change(limit, 2'000);
  check(840, 0, 150, 1'010);
}

TEST_CASE("numbers that the store cannot give are an error, not zeros") {
  World world;
  const catalog::Limit limit = world.limit(1'000);
  world.store.on_read = Answer::refused;
  base::Result<std::vector<FiveNumbers>> answer;
  world.on_another_thread([&] { answer = world.keeper->numbers({limit}); });
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().message == "the disk is full");
}

TEST_CASE("a lowered amount takes back at once what lies free, and a raised one admits at once") {
  World world;
  catalog::Limit limit = world.limit(1'000);
  const Reservation held = world.reserve(limit, 100);
  const Lease& lease = *held.parts()[0].lease;
  CHECK(lease.free() == 100);
  world.change(limit, 150);
  CHECK(lease.free() == 0);
  CHECK(lease.amount() == 150);
  CHECK(world.refused(limit, 51).type == ErrorType::limit_busy);
  const World::Asked waiting = world.submit({limit}, 150, 1'000);
  world.keeper->turn();
  CHECK_FALSE(waiting->has_value());
  world.change(limit, 2'000);
  world.keeper->turn();
  CHECK(World::taken(waiting).parts()[0].amount == 150);
}

TEST_CASE("records wake the keeper once, and not at all while a flush is due anyway") {
  World world;
  const catalog::Limit limit = world.limit(100);
  const auto wakes_of_push = [&] {
    const int before = world.wakes;
    world.keeper->push(world.record());
    return world.wakes - before;
  };
  CHECK(wakes_of_push() == 1);
  CHECK(wakes_of_push() == 0);  // the first one did it
  world.flush();
  CHECK(wakes_of_push() == 1);  // nothing is due any more
  const auto next = world.keeper->turn();
  REQUIRE(next.has_value());
  CHECK(*next == world.clock.now().plus_ms(world.options.flush_every_ms));
  CHECK(wakes_of_push() == 0);  // that turn will take it along
  world.flush();
  CHECK(world.records().size() == 4);

  const Reservation other = world.reserve(limit, 80);
  const World::Asked waiting = world.submit({limit}, 50, 1'000);
  world.keeper->turn();
  world.keeper->push(world.record());
  world.keeper->turn();
  CHECK(wakes_of_push() == 1);  // what it frees may be waited for
}

TEST_CASE("a keeper with nothing to do sleeps until it is woken") {
  World world;
  CHECK_FALSE(world.keeper->turn().has_value());
  const catalog::Limit limit = world.limit(100);
  {
    const Reservation dropped = world.reserve(limit, 10);
  }
  for (int second = 0; second < 3; ++second) {
    world.clock.advance_ms(1'000);
    world.keeper->turn();
  }
  CHECK(world.state(limit).leased == 0);
  CHECK_FALSE(world.keeper->turn().has_value());
}

TEST_CASE("flushed records come back empty, to be used again, half of them at a time") {
  World world;
  std::vector<std::unique_ptr<events::UsageRecord>> spares;
  for (int flush = 0; flush < 2; ++flush) {
    for (int i = 0; i < 4; ++i) {
      auto record = world.record();
      record->model = "a model with a name that is too long to be kept in place";
      record->holds.push_back({.limit = base::LimitId::create({1}, world.random()), .label = {today.ms}});
      record->usage = meter::Usage{.input_tokens = 1, .output_tokens = 2};
      world.keeper->push(std::move(record));
    }
    world.flush();
  }
  CHECK(world.records().size() == 8);
  world.keeper->take_spares(spares);
  CHECK(spares.size() == 4);
  for (const auto& spare : spares) CHECK(*spare == events::UsageRecord{});
}

TEST_CASE("a process whose store was taken over admits nothing more, not even what it has leased") {
  World world;
  const catalog::Limit limit = world.limit(1'000'000);
  Admission admission(*world.keeper);
  const std::array limits{&limit};
  {
    Reservation first = world.reserve(limit, 100);
    REQUIRE(admission.adopt(first).has_value());
  }
  auto record = world.record();
  REQUIRE(admission.try_reserve(limits, usd(1), world.clock.wall_now(), record).has_value());
  world.store.on_flush = ScriptedStore::Answer::foreign;
  world.flush();
  for (int i = 0; i < 2; ++i) {
    CHECK_FALSE(world.keeper->admitting());
    CHECK(world.keeper->halted_because().contains("taken over"));
    record = world.record();
    CHECK_FALSE(admission.try_reserve(limits, usd(1), world.clock.wall_now(), record).has_value());
    CHECK(world.refused(limit, 1).type == base::ErrorType::unavailable);
    world.store.on_flush = ScriptedStore::Answer::given;  // what was taken over does not come back
    world.clock.advance_ms(1'000);
    world.keeper->turn();
  }
}

TEST_CASE("work for the store thread runs there, after grants and flushes") {
  World world;
  const catalog::Limit limit = world.limit(100);
  const World::Asked asked = world.submit({limit}, 10);
  world.keeper->push(world.record());
  world.clock.advance_ms(world.options.flush_every_ms);
  bool granted = false;
  std::size_t flushed = 0;
  std::thread::id ran_on;
  world.on_another_thread([&] {
    world.keeper->run_and_wait([&] {
      granted = asked->has_value();
      flushed = world.records().size();
      ran_on = std::this_thread::get_id();
    });
  });
  CHECK(granted);
  CHECK(flushed == 1);
  CHECK(ran_on == std::this_thread::get_id());
}

// An overrun is booked beyond the lease, so money that others give back may be owed already: 20 too many once went out.
TEST_CASE("what comes back after an overrun pays for it first") {
  World world;
  const catalog::Limit limit = world.limit(100);
  Admission admission(*world.keeper);
  const std::array limits{&limit};
  Reservation first = world.reserve(limit, 50);
  Reservation second = world.reserve(limit, 50);
  REQUIRE(admission.adopt(second).has_value());
  std::move(first).settle(usd(70), Certainty::exact);
  CHECK(world.refused(limit, 31).type == ErrorType::limit_reached);
  std::move(second).release();
  auto record = world.record();
  CHECK_FALSE(admission.try_reserve(limits, usd(50), world.clock.wall_now(), record).has_value());
  const Refusal refusal = world.refused(limit, 31);
  CHECK(refusal.type == ErrorType::limit_reached);
  CHECK(refusal.shortages[0].available == 30);
  CHECK(world.reserve(limit, 30).parts().size() == 1);
  CHECK(admission.try_reserve(limits, usd(30), world.clock.wall_now(), record).has_value());  // and the fast way again
}

TEST_CASE("an overrun that is not in the store yet counts before anything is granted") {
  World world;
  const catalog::Limit limit = world.limit(100);
  world.reserve(limit, 50).settle(usd(70), Certainty::exact);
  CHECK(world.refused(limit, 31).type == ErrorType::limit_reached);
  world.reserve(limit, 30).settle(usd(90), Certainty::exact);
  world.store.on_flush = Answer::refused;
  CHECK(world.refused(limit, 1).type == ErrorType::unavailable);
  world.store.on_flush = Answer::given;
  CHECK(world.refused(limit, 1).type == ErrorType::limit_reached);
}

// A reservation that ends after its limit was lowered gave its rest to the lease, where it paid for more.
TEST_CASE("what comes back under a lowered amount is not handed out again") {
  World world;
  catalog::Limit limit = world.limit(100);
  Admission admission(*world.keeper);
  const std::array limits{&limit};
  Reservation held = world.reserve(limit, 60);
  REQUIRE(admission.adopt(held).has_value());
  world.change(limit, 20);
  std::move(held).settle(usd(10), Certainty::exact);
  auto record = world.record();
  CHECK_FALSE(admission.try_reserve(limits, usd(11), world.clock.wall_now(), record).has_value());
  CHECK(world.refused(limit, 11).type == ErrorType::limit_reached);
  CHECK(world.reserve(limit, 10).parts().size() == 1);
}
