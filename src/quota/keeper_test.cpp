// The keeper's slow path: who waits is served, refused, or goes on waiting.
#include "quota/keeper.h"

#include "quota/world_test.h"

using namespace quota;
using namespace quota::testing;
using base::ErrorType;
using meter::Certainty;
using Answer = ScriptedStore::Answer;

TEST_CASE("a waiter is granted what it needs of every limit, as its reservation") {
  World world;
  const catalog::Limit day = world.limit(1'000);
  const catalog::Limit month = world.limit(50, catalog::LimitUnit::tokens, {.kind = base::WindowPolicy::Kind::month});
  const Reservation held = world.reserve({day, month}, 40);
  REQUIRE(held.parts().size() == 2);
  CHECK(held.parts()[0].lease->counter() == CounterKey{day.id, {today.ms}});
  CHECK(held.parts()[0].amount == 40);
  CHECK(held.parts()[1].lease->counter().label == base::window_at(month.window, today).label);
  CHECK(held.parts()[1].unit == catalog::LimitUnit::tokens);
  REQUIRE(world.store.asked.size() == 1);  // both in one transaction
  CHECK(world.store.asked[0].size() == 2);
}

TEST_CASE("a waiter that one of its limits cannot pay holds nothing of the others") {
  World world;
  const catalog::Limit large = world.limit(1'000);
  const catalog::Limit small = world.limit(30);
  const Refusal refusal = world.refused({large, small}, 40);
  CHECK(refusal.type == ErrorType::limit_reached);
  REQUIRE(refusal.shortages.size() == 1);
  CHECK(refusal.shortages[0].limit == small);
  CHECK(refusal.shortages[0].required == 40);
  CHECK(refusal.shortages[0].available == 30);
  CHECK(refusal.shortages[0].window == base::Window{{today.ms}, today, tomorrow});
  CHECK(refusal.shortages[0].resets_at == tomorrow);
  CHECK(world.reserve(large, 1'000).parts().size() == 1);  // all of it is still there
}

TEST_CASE("reached or busy: whether the call would fit if nobody else held anything") {
  struct Row {
    const char* name;
    std::int64_t spent, held, unresolved, want;
    ErrorType type;
    std::int64_t available;
  };
  for (const Row& row : {Row{"more than the amount", 0, 0, 0, 101, ErrorType::limit_reached, 100},
                         Row{"spent", 60, 0, 0, 41, ErrorType::limit_reached, 40},
                         Row{"unresolved", 0, 0, 60, 41, ErrorType::limit_reached, 40},
                         Row{"spent and unresolved", 30, 0, 30, 41, ErrorType::limit_reached, 40},
                         Row{"held by another", 0, 60, 0, 41, ErrorType::limit_busy, 40},
                         Row{"fits but for another", 20, 40, 20, 60, ErrorType::limit_busy, 20},
                         Row{"does not fit even without the other", 20, 40, 20, 61, ErrorType::limit_reached, 20},
                         Row{"all is gone", 100, 0, 0, 1, ErrorType::limit_reached, 0}}) {
    CAPTURE(row.name);
    World world;
    const catalog::Limit limit = world.limit(100);
    world.reserve(limit, row.spent).settle(usd(row.spent), Certainty::exact);
    world.reserve(limit, row.unresolved).settle(usd(0), Certainty::at_least);
    const Reservation held = world.reserve(limit, row.held);
    const Refusal refusal = world.refused(limit, row.want);
    CHECK(refusal.type == row.type);
    REQUIRE(refusal.shortages.size() == 1);
    CHECK(refusal.shortages[0].available == row.available);
  }
}

TEST_CASE("the limit that decides comes first, whatever the order of the limits") {
  World world;
  const catalog::Limit busy = world.limit(100);
  const catalog::Limit reached = world.limit(20);
  const Reservation other = world.reserve(busy, 90);
  const Refusal refusal = world.refused({busy, reached}, 30);
  CHECK(refusal.type == ErrorType::limit_reached);
  REQUIRE(refusal.shortages.size() == 2);
  CHECK(refusal.shortages[0].limit == reached);
  CHECK(refusal.shortages[1].limit == busy);
}

TEST_CASE("who has time waits until another's reservation ends, and is served then") {
  struct Row {
    const char* name;
    std::function<void(Reservation)> end;
  };
  for (const Row& row :
       {Row{"released", [](Reservation r) { std::move(r).release(); }}, Row{"dropped unsent", [](Reservation) {}},
        Row{"settled for less", [](Reservation r) { std::move(r).settle(usd(50), Certainty::exact); }}}) {
    CAPTURE(row.name);
    World world;
    const catalog::Limit limit = world.limit(100);
    Reservation other = world.reserve(limit, 80);
    const World::Asked waiting = world.submit({limit}, 50, 1'000);
    const auto next = world.keeper->turn();
    CHECK_FALSE(waiting->has_value());
    REQUIRE(next.has_value());
    CHECK(*next <= world.clock.now().plus_ms(1'001));
    const int wakes = world.wakes;
    row.end(std::move(other));
    CHECK(world.wakes == wakes + 1);  // somebody waits for it: the keeper is told at once
    world.keeper->turn();
    CHECK(World::taken(waiting).parts()[0].amount == 50);
  }
}

TEST_CASE("who waits learns at once that waiting became pointless") {
  World world;
  const catalog::Limit limit = world.limit(100);
  Reservation other = world.reserve(limit, 80);
  const World::Asked waiting = world.submit({limit}, 50, 1'000);
  world.keeper->turn();
  std::move(other).settle(usd(80), Certainty::exact);
  world.keeper->turn();
  CHECK(World::refusal(waiting).type == ErrorType::limit_reached);
}

TEST_CASE("waiting ends at the deadline with limit_busy, not before") {
  World world;
  const catalog::Limit limit = world.limit(100);
  const Reservation other = world.reserve(limit, 80);
  const World::Asked waiting = world.submit({limit}, 50, 300);
  world.keeper->turn();
  world.clock.advance_ms(299);
  world.keeper->turn();
  CHECK_FALSE(waiting->has_value());
  world.clock.advance_ms(1);
  world.keeper->turn();
  const Refusal refusal = World::refusal(waiting);
  CHECK(refusal.type == ErrorType::limit_busy);
  CHECK(refusal.shortages[0].available == 20);
}

TEST_CASE("those who wait are served in the order in which they came") {
  World world;
  const catalog::Limit limit = world.limit(90);
  Reservation others[] = {world.reserve(limit, 30), world.reserve(limit, 30), world.reserve(limit, 30)};
  const World::Asked waiting[] = {world.submit({limit}, 30, 1'000), world.submit({limit}, 30, 1'000),
                                  world.submit({limit}, 30, 1'000)};
  std::vector<Reservation> served;
  for (std::size_t round = 0; round < 3; ++round) {
    std::move(others[round]).release();
    world.keeper->turn();
    served.push_back(World::taken(waiting[round]));
    for (std::size_t later = round + 1; later < 3; ++later) CHECK_FALSE(waiting[later]->has_value());
  }
}

TEST_CASE("of those who come together the first are served as far as the money goes") {
  World world;
  const catalog::Limit limit = world.limit(100);
  const World::Asked asked[] = {world.submit({limit}, 60), world.submit({limit}, 50), world.submit({limit}, 40)};
  world.keeper->turn();
  const Reservation first = World::taken(asked[0]);
  CHECK(World::refusal(asked[1]).type == ErrorType::limit_busy);
  const Reservation third = World::taken(asked[2]);
  CHECK(world.store.asked.size() == 1);
  CHECK(world.state(limit).leased == 100);
}

TEST_CASE("near the limit a lease takes no more than is needed, and the last unit can be spent") {
  World world;
  const catalog::Limit limit = world.limit(1'000);
  std::vector<Reservation> held;
  std::int64_t total = 0;
  for (std::int64_t amount = 64; amount > 0; amount /= 2)
    while (total + amount <= 1'000) {
      CAPTURE(total);
      held.push_back(world.reserve(limit, amount));
      total += amount;
      // Never more idle than an eighth of what was left when it was granted.
      CHECK(held.back().parts()[0].lease->free() <= (1'000 - total + amount) / 8);
    }
  CHECK(total == 1'000);
  CHECK(world.refused(limit, 1).shortages[0].available == 0);
}

TEST_CASE("a lease doubles while grants follow each other fast, and halves when they do not") {
  World world;
  const catalog::Limit limit = world.limit(1'000'000);
  std::vector<Reservation> held;
  const auto surplus_after = [&](std::int64_t pause_ms) {
    world.clock.advance_ms(pause_ms);
    const std::int64_t free = held.empty() ? 0 : held[0].parts()[0].lease->free();
    held.push_back(world.reserve(limit, free + 1));
    return held[0].parts()[0].lease->free();
  };
  held.push_back(world.reserve(limit, 100));
  CHECK(held[0].parts()[0].lease->free() == 100);
  CHECK(surplus_after(1) == 200);
  CHECK(surplus_after(199) == 400);
  CHECK(surplus_after(200) == 200);
  CHECK(surplus_after(10'000) == 100);
}

TEST_CASE("a limit of nothing refuses everything but nothing") {
  World world;
  const catalog::Limit limit = world.limit(0);
  CHECK(world.refused(limit, 1).type == ErrorType::limit_reached);
  CHECK(world.reserve(limit, 0).parts()[0].amount == 0);
}

TEST_CASE("a limit that was removed meanwhile refuses") {
  World world;
  const catalog::Limit limit = world.limit(100);
  REQUIRE(world.store.memory.remove(limit.id, today).has_value());
  const Refusal refusal = world.refused(limit, 1);
  CHECK(refusal.type == ErrorType::limit_reached);
  CHECK(refusal.shortages[0].available == 0);
}

TEST_CASE("a window that turns while somebody waits gives the next one's money") {
  World world;
  const catalog::Limit day = world.limit(100);
  const catalog::Limit month = world.limit(1'000, catalog::LimitUnit::usd, {.kind = base::WindowPolicy::Kind::month});
  const Reservation other = world.reserve({day, month}, 80);
  const World::Asked waiting = world.submit({day, month}, 50, day_ms);
  world.keeper->turn();
  CHECK_FALSE(waiting->has_value());
  world.clock.advance_ms(tomorrow.ms - world.clock.wall_now().ms);
  const World::Asked other_waiting = world.submit({day}, 1);
  world.keeper->turn();
  const Reservation served = World::taken(waiting);
  CHECK(served.parts()[0].lease->counter().label.ms == tomorrow.ms);
  CHECK(served.parts()[1].lease->counter() == other.parts()[1].lease->counter());
  CHECK(world.state(day) == CounterState{.amount = 100, .leased = 100});  // yesterday's stands as it stood
  CHECK(World::taken(other_waiting).parts()[0].lease->counter().label.ms == tomorrow.ms);
}

TEST_CASE("a store that cannot answer refuses with its reason, and never says that a limit was reached") {
  for (const bool grants : {false, true})
    for (const Answer answer : {Answer::refused, Answer::lost}) {
      CAPTURE(grants);
      World world;
      const catalog::Limit limit = world.limit(100);
      (grants ? world.store.on_grant : world.store.on_read) = answer;
      const Refusal refusal = world.refused(limit, 200);
      CHECK(refusal.type == ErrorType::unavailable);
      CHECK(refusal.shortages.empty());
      CHECK(refusal.reason == "the disk is full");
      CHECK(world.keeper->health().last_error == "the disk is full");
      CHECK(world.keeper->health().flush_failures == 1);
      world.store.on_grant = world.store.on_read = Answer::given;
      CHECK(world.refused(limit, 200).type == ErrorType::limit_reached);
      CHECK(world.keeper->health().last_error.empty());
    }
}

TEST_CASE("while the store does not grant, what is leased already is still handed out") {
  World world;
  const catalog::Limit limit = world.limit(1'000);
  Reservation first = world.reserve(limit, 10);  // and ten more, free
  world.store.on_grant = Answer::refused;
  const World::Asked asked[] = {world.submit({limit}, 8), world.submit({limit}, 8), world.submit({limit}, 2)};
  world.keeper->turn();
  const Reservation second = World::taken(asked[0]);
  CHECK(World::refusal(asked[1]).type == ErrorType::unavailable);
  const Reservation third = World::taken(asked[2]);
  CHECK(first.parts()[0].lease->free() == 0);
}

TEST_CASE("money in hand returns to its lease when its waiter is refused") {
  World world;
  const catalog::Limit plenty = world.limit(1'000);
  const catalog::Limit none = world.limit(0);
  const Reservation held = world.reserve(plenty, 10);
  const std::int64_t free = held.parts()[0].lease->free();
  CHECK(free > 0);
  world.store.on_grant = Answer::refused;
  CHECK(world.refused({plenty, none}, free).type == ErrorType::unavailable);
  CHECK(held.parts()[0].lease->free() == free);
}
