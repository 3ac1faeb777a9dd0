// What workers do while the store is at work: between the keeper's question and the store's answer.
#include "quota/prepaid_test.h"

using namespace quota;
using namespace quota::testing;
using meter::Certainty;

TEST_CASE("an overrun that settles while the store grants is not followed by an admission") {
  World world;
  const catalog::Limit limit = world.limit(100);
  std::optional<Reservation> running = world.reserve(limit, 60);
  const World::Asked asked = world.submit({limit}, 40);
  world.store.during_grant = [&] {
    running->mark_sent();
    std::move(*running).settle(usd(500), Certainty::exact);
  };
  world.keeper->turn();
  CHECK_FALSE(asked->has_value());  // what is known here of the limit proves no refusal: the store is asked again
  world.keeper->turn();
  CHECK(World::refusal(asked).type == base::ErrorType::limit_reached);
}

TEST_CASE("an overrun that settles while the store grants refuses nobody by what was known of the limit before") {
  World world;
  const catalog::Limit limit = world.limit(100), other = world.limit(1'000);
  std::optional<Reservation> running = world.reserve(limit, 10);
  catalog::Limit raised = limit;
  raised.amount = 1'000;
  REQUIRE(world.store.memory.put(raised).has_value());  // this node has not heard of it
  const World::Asked asked = world.submit({limit, other}, 5);
  world.store.during_grant = [&] {
    running->mark_sent();
    std::move(*running).settle(usd(500), Certainty::exact);
  };
  for (int turn = 0; turn < 2; ++turn) world.keeper->turn();
  CHECK(World::taken(asked).parts().front().amount == 5);
}

TEST_CASE("what is released while the store is asked serves who waits") {
  World world;
  const catalog::Limit limit = world.limit(100);
  std::optional<Reservation> running = world.reserve(limit, 60);
  const World::Asked asked = world.submit({limit}, 70);
  world.store.during_grant = [&] { running.reset(); };
  world.keeper->turn();
  CHECK(World::taken(asked).parts().front().amount == 70);
}

TEST_CASE("the five numbers never show as available what is spent while they are read") {
  World world;
  const catalog::Limit limit = world.limit(100);
  std::optional<Reservation> running = world.reserve(limit, 60);
  world.store.during_read = [&] {
    running->mark_sent();
    std::move(*running).settle(usd(60), Certainty::exact);
  };
  CHECK(world.numbers(limit).available == 40);
}

TEST_CASE("a return that the store did not hear of is made again before anybody is told to wait") {
  World world;
  const catalog::Limit limit = world.limit(100);
  (void)world.reserve(limit, 100);
  world.store.on_flush = ScriptedStore::Answer::refused;
  for (int tick = 0; tick < 3; ++tick) {
    world.clock.advance_ms(world.options.idle_return_ms);
    world.keeper->turn();
  }
  world.store.on_flush = ScriptedStore::Answer::given;
  CHECK(world.reserve(limit, 100).parts().front().amount == 100);
}

// The lease of a window that was over had been forgotten, and began again with totals of zero: what it returned then,
// the store had seen already, and it stayed leased until the next start.
TEST_CASE("a clock that steps back over the end of a window leaves nothing leased there") {
  World world;
  const catalog::Limit limit = world.limit(100);
  (void)world.reserve(limit, 50);
  const auto let_it_rest = [&] {
    for (int tick = 0; tick < 4; ++tick) {
      world.clock.advance_ms(world.options.idle_return_ms);
      world.keeper->turn();
    }
  };
  let_it_rest();
  world.clock.advance_ms(day_ms);
  let_it_rest();
  world.clock.advance_ms(-day_ms);
  (void)world.reserve(limit, 50);
  let_it_rest();
  CHECK(world.state(limit).leased == 0);
}

// A worker whose clock had stepped back asked for more on a lease that the keeper had forgotten.
TEST_CASE("a lease whose window is over is not refilled") {
  World world;
  const catalog::Limit limit = world.limit(1'000);
  std::optional<Reservation> last = world.reserve(limit, 50);
  const std::shared_ptr<Lease> lease = last->parts().front().lease;
  last.reset();
  world.clock.advance_ms(day_ms);
  for (int tick = 0; tick < 4; ++tick) {
    world.clock.advance_ms(world.options.idle_return_ms);
    world.keeper->turn();
  }
  REQUIRE(world.state(limit).leased == 0);
  world.keeper->ask_refill(lease);
  world.keeper->turn();
  CHECK(world.state(limit).leased == 0);
}

TEST_CASE("what a call spends in a sub-window that has left is no reason to refuse") {
  World world;
  const catalog::Limit limit = world.limit(100, catalog::LimitUnit::usd, *base::parse_window("rolling:1h"));
  std::optional<Reservation> running = world.reserve(limit, 60);
  world.clock.advance_ms(2 * 3'600'000);
  const World::Asked asked = world.submit({limit}, 80);
  world.store.during_grant = [&] {
    running->mark_sent();
    std::move(*running).settle(usd(90), Certainty::exact);
  };
  for (int turn = 0; turn < 2; ++turn) world.keeper->turn();
  CHECK(World::taken(asked).parts().size() == 1);
}

// What this process knows of a rolling window is from when the store was last asked, and most of it has left since.
TEST_CASE("what is settled while the store is asked stops nobody before the store was asked again") {
  World world;
  catalog::Limit lazy =
      world.limit(100, catalog::LimitUnit::usd, {.kind = base::WindowPolicy::Kind::rolling, .span_ms = 60'000});
  lazy.admission = catalog::LimitAdmission::lazy;
  world.change(lazy, 100);
  const catalog::Limit hard = world.limit(1'000);
  spend(world, lazy, 90);
  std::optional<Reservation> running = world.reserve(lazy, 20);
  world.clock.advance_ms(120'000);
  const World::Asked asked = world.submit({lazy, hard}, 20);
  world.store.during_grant = [&] {
    running->mark_sent();
    std::move(*running).settle(usd(20), Certainty::exact);
  };
  const auto again = world.keeper->turn();
  CHECK_FALSE(asked->has_value());
  CHECK(again == world.clock.now());
  world.keeper->turn();
  CHECK(World::taken(asked).parts().size() == 2);
}

TEST_CASE("the store is asked once about a limit that is spent, however many wait for it") {
  World world;
  catalog::Limit lazy = world.limit(100);
  lazy.admission = catalog::LimitAdmission::lazy;
  world.change(lazy, 100);
  spend(world, lazy, 100);
  std::vector<World::Asked> asked;
  for (int i = 0; i < 5; ++i) asked.push_back(world.submit({lazy}, 10));
  const int before = world.store.reads;
  world.keeper->turn();
  CHECK(world.store.reads == before + 1);
  for (const World::Asked& one : asked) CHECK(World::refusal(one).type == base::ErrorType::limit_reached);
}

// Found by the simulator: how the grants share a charge was decided by what was held then, and the store was asked for
// less of the first one than it had by the time it answered.
TEST_CASE("what is released while the store is asked is not passed over for a grant that burns later") {
  Prepaid world;
  world.top_up(100);
  world.top_up(100);
  catalog::Limit spent = world.limit(10);
  spent.admission = catalog::LimitAdmission::lazy;
  world.change(spent, 10);
  spend(world, spent, 10);
  std::optional<Reservation> running = world.reserved(60);
  const World::Asked asked = world.ask(120);
  const World::Asked other = world.submit({spent}, 1);  // the store is asked about it in between
  world.store.during_read = [&] { running.reset(); };
  world.keeper->turn();
  world.keeper->turn();
  CHECK(slices(World::taken(asked)) == List{100, 20});
}

// Found by the simulator: who had asked once more was not asked again, and was given what the grant owed since.
TEST_CASE("nothing is handed out of a balance that an overrun took again after it was asked once more") {
  Prepaid world;
  world.top_up(300);
  std::optional<Reservation> first = world.reserved(40);
  std::optional<Reservation> second = world.reserved(40);
  const auto overrun = [](std::optional<Reservation>& running) {
    running->mark_sent();
    std::move(*running).settle(Prepaid::amounts(140), Certainty::exact);
  };
  world.return_idle();
  std::optional<Decision> refused;
  const auto decided = [&](Decision decision) {
    refused.emplace(std::move(decision));
    overrun(second);
  };
  world.admission.reserve({}, Prepaid::amounts(1'000), world.clock.wall_now(), world.clock.now(), *world.record(),
                          decided, &world.balance);
  const World::Asked asked = world.ask(100);
  world.store.during_grant = [&] { overrun(first); };
  world.keeper->turn();
  CHECK_FALSE(refused.has_value());
  for (int turn = 0; turn < 3; ++turn) world.keeper->turn();
  CHECK(std::holds_alternative<Refusal>(refused.value()));
  CHECK(World::refusal(asked).type == base::ErrorType::insufficient_balance);
}
