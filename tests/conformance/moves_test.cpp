// What a limit finds spent of an account that was moved.
#include "store/members.h"
#include "tests/conformance/opener.h"

using tests::Opener;

TEST_CASE_TEMPLATE("a limit opens with what an account spent while it was below, wherever it is now", Store,
                   EVERY_STORE) {
  Opener<Store> world;
  const base::WallTime moved{world.now.ms + 1'000}, since{moved.ms + store::Members::overlap_ms};
  // As many as a store packs together: most of such need not be unpacked where the limit is for all routes.
  const auto spend = [&](std::int64_t cost, base::WallTime at) {
    std::vector<events::UsageRecord> records;
    for (int i = 0; i < 150; ++i) records.push_back(world.spent(cost, world.child, at));
    REQUIRE(world.flush(records).has_value());
  };
  spend(1, world.now);
  catalog::Account child = world.child;
  child.parent = world.stranger.id;
  REQUIRE(world.on.store->apply({.accounts = {child}}, moved).has_value());
  spend(10, since);
  REQUIRE(world.flush({world.spent(0, world.child, since)}).has_value());
  world.now = since;
  for (const char* route : {"", "openai"})
    for (const auto& [subject, spent] :
         {std::pair(world.account.id, 150), {world.stranger.id, 1'500}, {child.id, 1'650}}) {
      catalog::Limit limit = world.wanted();
      limit.subject = subject;
      limit.filter.route = route;
      CHECK(world.open(limit).spent == spent);
    }
  child.name = "renamed";  // it stays where it is
  REQUIRE(world.on.store->apply({.accounts = {child}}, {since.ms + 1}).has_value());
  catalog::Limit limit = world.wanted();
  limit.subject = world.stranger.id;
  CHECK(world.open(limit).spent == 1'500);
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
}

// A call that has waited while its account was moved, and the clock was set, counts where it was asked.
TEST_CASE_TEMPLATE("a record that names the limit counts on it again wherever its account was", Store, EVERY_STORE) {
  Opener<Store> world;
  const catalog::Limit limit = world.wanted();
  CHECK(world.open(limit).spent == 0);
  catalog::Account child = world.child;
  child.parent = world.stranger.id;
  REQUIRE(world.on.store->apply({.accounts = {child}}, world.now).has_value());
  world.now.ms += 2 * store::Members::overlap_ms;
  auto named = world.spent(5, child, world.now);
  named.holds = {{limit.id, {tests::today.ms}, 0, 5, 0}};
  REQUIRE(world.flush({named}).has_value());
  REQUIRE(world.on.store->remove(limit.id, world.now).has_value());
  REQUIRE(world.flush({world.spent(10, world.account, world.now)}).has_value());
  CHECK(world.open(limit).spent == 15);
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
}

// All that was recorded before the move belongs to the old place, whatever the clock says since.
TEST_CASE_TEMPLATE("who is moved after the clock was set back leaves behind what was recorded before", Store,
                   EVERY_STORE) {
  Opener<Store> world;
  const base::WallTime set_back{world.now.ms - 3'600'000};
  REQUIRE(world.flush({world.spent(1, world.child, world.now)}).has_value());
  catalog::Account child = world.child;
  child.parent = world.stranger.id;
  REQUIRE(world.on.store->apply({.accounts = {child}}, set_back).has_value());
  REQUIRE(world.flush({world.spent(10, world.child, {set_back.ms + 1})}).has_value());
  CHECK(world.open(world.wanted()).spent == 11);  // until the clock is where it was, at both
  catalog::Limit limit = world.wanted();
  limit.subject = world.stranger.id;
  CHECK(world.open(limit).spent == 11);
}
