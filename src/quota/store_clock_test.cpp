#include "quota/store_clock.h"

#include "quota/world_test.h"

namespace quota {
namespace {

struct Node {
  testing::World world;  // whose clock is the machine's
  StoreClock clock{world.clock, {5'000'000}};
};

}  // namespace

TEST_CASE("a store's clock goes on from what the store said, whatever the machine's wall clock does") {
  Node node;
  CHECK(node.clock.wall_now() == base::WallTime{5'000'000});
  node.world.clock.advance_ms(250);
  CHECK(node.clock.wall_now() == base::WallTime{5'000'250});
  node.world.clock.set_back_ms(1'000'000);
  CHECK(node.clock.wall_now() == base::WallTime{5'000'250});
  CHECK(node.clock.now() == node.world.clock.now());
}

TEST_CASE("a reading moves the clock only as far as it proves it wrong") {
  Node node;
  const base::Instant before = node.world.clock.now();
  node.world.clock.advance_ms(100);
  SUBCASE("it may be right") {
    node.clock.read(before, {5'000'030});
    CHECK(node.clock.wall_now() == base::WallTime{5'000'100});
  }
  SUBCASE("it was behind") {
    node.clock.read(before, {5'000'400});
    CHECK(node.clock.wall_now() == base::WallTime{5'000'400});
  }
  SUBCASE("it was ahead") {
    node.clock.read(before, {4'000'000});
    CHECK(node.clock.wall_now() == base::WallTime{4'000'100});
  }
  node.world.clock.advance_ms(1);
  const base::WallTime later = node.clock.wall_now();
  node.clock.read(node.world.clock.now(), later);
  CHECK(node.clock.wall_now() == later);
}

}  // namespace quota
