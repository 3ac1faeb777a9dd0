#include "app/offline.h"

#include <doctest/doctest.h>

#include "store/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

using namespace app;

TEST_CASE("without a server, what was left in leases shows as unresolved and nothing as reserved") {
  tests::FakeClock clock;
  tests::SeededRandom random(1);
  store::MemoryStore store;
  const auto catalog = *catalog::Catalog::open(store, clock, random);
  const auto account = *catalog->create_account({.name = "acme", .external_id = {}, .parent = {}});
  const auto limit = *catalog->create_limit(
      {.subject = account.id, .name = {}, .unit = catalog::LimitUnit::requests, .window = {}, .amount = 100});
  REQUIRE(store.open_incarnation(clock.wall_now()).has_value());
  const base::Window window = base::window_at(limit.window, clock.wall_now());
  const quota::GrantRequest wanted{{{limit.id, window.label}}, 30, 30};
  REQUIRE(store.grant({&wanted, 1}).has_value());

  const auto numbers = StoreInspector(store, clock).numbers({limit});
  REQUIRE(numbers.has_value());
  REQUIRE(numbers->size() == 1);
  const quota::FiveNumbers& five = numbers->front();
  CHECK(five.amount == 100);
  CHECK(five.available == 70);
  CHECK(five.reserved == 0);
  CHECK(five.unresolved == 30);
  CHECK(five.spent == 0);
  CHECK(five.window == window);
  CHECK(five.resets_at == window.end);
}
