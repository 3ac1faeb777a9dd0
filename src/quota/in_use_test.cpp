#include <doctest/doctest.h>

#include <thread>

#include "quota/world_test.h"

using namespace quota;
using quota::testing::spend;
using quota::testing::World;

namespace {

// The catalog with these limits, all on one account.
std::shared_ptr<const catalog::Snapshot> catalog_of(const std::vector<catalog::Limit>& limits) {
  catalog::Account account{.id = std::get<base::AccountId>(limits.front().subject),
                           .parent = {},
                           .name = "account",
                           .external_id = {},
                           .created = {}};
  catalog::Contents contents;
  contents.accounts.push_back(account);
  for (const catalog::Limit& limit : limits) contents.limits.push_back(limit);
  auto built = catalog::Snapshot::build(std::move(contents));
  REQUIRE(built.has_value());
  return *built;
}

base::Result<InUse> ask(World& world, const std::vector<catalog::Limit>& limits, std::size_t most) {
  std::optional<base::Result<InUse>> answer;
  world.keeper->ask_in_use(catalog_of(limits), most, [&](base::Result<InUse> in_use) { answer = std::move(in_use); });
  world.keeper->turn();
  REQUIRE(answer.has_value());
  return std::move(*answer);
}

}  // namespace

TEST_CASE("the limits in use are those that were asked since the start, with the numbers that anybody is told") {
  World world;
  const catalog::Limit used = world.limit(1'000);
  const catalog::Limit untouched = world.limit(1'000);
  spend(world, used, 300);
  const Reservation held = world.reserve(used, 100);
  const auto in_use = ask(world, {used, untouched}, 10);
  REQUIRE(in_use.has_value());
  REQUIRE(in_use->limits.size() == 1);
  CHECK(in_use->left_out == 0);
  CHECK(in_use->limits[0].limit == used);
  const FiveNumbers told = in_use->limits[0].numbers, asked = world.numbers(used);
  CHECK(told.amount == 1'000);
  CHECK(told.spent == 300);
  CHECK(told.reserved == 100);
  CHECK(told.available == 600);
  CHECK(told.available == asked.available);
  CHECK(told.reserved == asked.reserved);

  SUBCASE("a removed one is not among them") { CHECK(ask(world, {untouched}, 10)->limits.empty()); }
  SUBCASE("a new process knows only what was asked of it") {
    world.restart();
    CHECK(ask(world, {used, untouched}, 10)->limits.empty());
  }
}

TEST_CASE("where more are in use than are wanted, those with the least part left are told") {
  World world;
  const catalog::Limit half = world.limit(1'000'000);
  const catalog::Limit most = world.limit(100);
  const catalog::Limit least = world.limit(5'000'000'000'000'000'000);  // its products do not fit into 64 bits
  const catalog::Limit gone = world.limit(10);
  spend(world, half, 500'000);
  spend(world, most, 10);
  spend(world, least, 4'600'000'000'000'000'000);
  spend(world, gone, 10);
  const std::vector all{half, most, least, gone};
  const auto in_use = ask(world, all, 3);
  REQUIRE(in_use.has_value());
  CHECK(in_use->left_out == 1);
  REQUIRE(in_use->limits.size() == 3);
  CHECK(in_use->limits[0].limit.id == gone.id);
  CHECK(in_use->limits[1].limit.id == least.id);
  CHECK(in_use->limits[2].limit.id == half.id);
  CHECK(ask(world, all, 0)->left_out == 4);
}

TEST_CASE("what counts in a window that is over is not in use") {
  World world;
  const catalog::Limit daily = world.limit(1'000);
  spend(world, daily, 300);
  world.clock.advance_ms(quota::testing::day_ms);
  CHECK(ask(world, {daily}, 10)->limits.empty());
  spend(world, daily, 5);
  const auto in_use = ask(world, {daily}, 10);
  REQUIRE(in_use->limits.size() == 1);
  CHECK(in_use->limits[0].numbers.spent == 5);
}

TEST_CASE("what the store does not say is not guessed") {
  World world;
  const catalog::Limit limit = world.limit(1'000);
  spend(world, limit, 300);
  world.store.on_read = quota::testing::ScriptedStore::Answer::refused;
  CHECK_FALSE(ask(world, {limit}, 10).has_value());
}

TEST_CASE("the keeper says how long the store has had records that it has not taken, and what the others cost it") {
  World world;
  const catalog::Limit limit = world.limit(1'000);
  spend(world, limit, 300);
  CHECK(world.keeper->health().flushes == 1);
  CHECK(world.keeper->health().flushed_records == 1);
  CHECK_FALSE(world.keeper->health().offered_since.has_value());

  world.store.on_flush = quota::testing::ScriptedStore::Answer::refused;
  spend(world, limit, 300);
  const base::Instant offered = world.clock.now();
  CHECK(world.keeper->health().offered_since == offered);
  world.clock.advance_ms(5'000);
  world.keeper->turn();  // it is offered again
  CHECK(world.keeper->health().offered_since == offered);
  CHECK(world.keeper->health().flushes == 1);
  world.store.on_flush = quota::testing::ScriptedStore::Answer::given;
  world.clock.advance_ms(5'000);
  world.keeper->turn();
  CHECK_FALSE(world.keeper->health().offered_since.has_value());
  CHECK(world.keeper->health().flushed_records == 2);
}
