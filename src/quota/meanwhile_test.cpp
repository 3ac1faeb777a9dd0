// What workers do while the store is at work: between the keeper's question and the store's answer.
#include <functional>

#include "quota/world_test.h"

using namespace quota;
using namespace quota::testing;
using meter::Certainty;

namespace {

// The world's store, with something else going on in the middle of a call.
class BusyStore final : public Store {
 public:
  explicit BusyStore(Store& store) : store_(store) {}
  std::function<void()> during_grant = [] {};
  std::function<void()> during_read = [] {};
  int reads = 0;

  base::Result<LeftBehind> left_behind() override { return store_.left_behind(); }
  std::uint64_t last_commit() const override { return store_.last_commit(); }
  base::Result<Recovery> recover(base::WallTime now, const Evidence& evidence) override {
    return store_.recover(now, evidence);
  }
  base::Result<std::vector<Grant>> grant(std::span<const GrantRequest> requests) override {
    auto grants = store_.grant(requests);
    std::exchange(during_grant, [] {})();
    return grants;
  }
  base::Status flush(const Flush& flush) override { return store_.flush(flush); }
  base::Result<std::vector<CounterState>> read(std::span<const CounterQuery> counters) override {
    ++reads;
    auto states = store_.read(counters);
    std::exchange(during_read, [] {})();
    return states;
  }
  base::Status hold(const Quote& quote, std::int64_t epoch) override { return store_.hold(quote, epoch); }
  base::Result<std::optional<Quote>> find_quote(base::QuoteId id, base::WallTime now) override {
    return store_.find_quote(id, now);
  }
  base::Result<Redeemed> redeem(const Redemption& redemption) override { return store_.redeem(redemption); }
  base::Result<EndedQuotes> end_quotes(base::WallTime now, std::span<const base::QuoteId> also) override {
    return store_.end_quotes(now, also);
  }

 private:
  Store& store_;
};

struct BusyWorld : World {
  BusyStore busy{store};
  BusyWorld() {
    keeper = std::make_unique<Keeper>(busy, clock, options, [this] {
      ++wakes;
      wakes.notify_all();
    });
  }
};

}  // namespace

TEST_CASE("an overrun that settles while the store grants is not followed by an admission") {
  BusyWorld world;
  const catalog::Limit limit = world.limit(100);
  std::optional<Reservation> running = world.reserve(limit, 60);
  const World::Asked asked = world.submit({limit}, 40);
  world.busy.during_grant = [&] {
    running->mark_sent();
    std::move(*running).settle(usd(500), Certainty::exact);
  };
  world.keeper->turn();
  CHECK(World::refusal(asked).type == base::ErrorType::limit_reached);
}

TEST_CASE("what is released while the store is asked serves who waits") {
  BusyWorld world;
  const catalog::Limit limit = world.limit(100);
  std::optional<Reservation> running = world.reserve(limit, 60);
  const World::Asked asked = world.submit({limit}, 70);
  world.busy.during_grant = [&] { running.reset(); };
  world.keeper->turn();
  CHECK(World::taken(asked).parts().front().amount == 70);
}

TEST_CASE("the five numbers never show as available what is spent while they are read") {
  BusyWorld world;
  const catalog::Limit limit = world.limit(100);
  std::optional<Reservation> running = world.reserve(limit, 60);
  world.busy.during_read = [&] {
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

TEST_CASE("what a call spends in a sub-window that has left is no reason to refuse for good") {
  BusyWorld world;
  const catalog::Limit limit = world.limit(100, catalog::LimitUnit::usd, *base::parse_window("rolling:1h"));
  std::optional<Reservation> running = world.reserve(limit, 60);
  world.clock.advance_ms(2 * 3'600'000);
  const World::Asked asked = world.submit({limit}, 80);
  world.busy.during_grant = [&] {
    running->mark_sent();
    std::move(*running).settle(usd(90), Certainty::exact);
  };
  world.keeper->turn();
  CHECK(World::refusal(asked).type == base::ErrorType::limit_busy);
  world.flush();
  CHECK(world.reserve(limit, 80).parts().size() == 1);
}

// What this process knows of a rolling window is from when the store was last asked, and most of it has left since.
TEST_CASE("what is settled while the store is asked stops nobody before the store was asked again") {
  BusyWorld world;
  catalog::Limit lazy =
      world.limit(100, catalog::LimitUnit::usd, {.kind = base::WindowPolicy::Kind::rolling, .span_ms = 60'000});
  lazy.admission = catalog::LimitAdmission::lazy;
  world.change(lazy, 100);
  const catalog::Limit hard = world.limit(1'000);
  spend(world, lazy, 90);
  std::optional<Reservation> running = world.reserve(lazy, 20);
  world.clock.advance_ms(120'000);
  const World::Asked asked = world.submit({lazy, hard}, 20);
  world.busy.during_grant = [&] {
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
  BusyWorld world;
  catalog::Limit lazy = world.limit(100);
  lazy.admission = catalog::LimitAdmission::lazy;
  world.change(lazy, 100);
  spend(world, lazy, 100);
  std::vector<World::Asked> asked;
  for (int i = 0; i < 5; ++i) asked.push_back(world.submit({lazy}, 10));
  const int before = world.busy.reads;
  world.keeper->turn();
  CHECK(world.busy.reads == before + 1);
  for (const World::Asked& one : asked) CHECK(World::refusal(one).type == base::ErrorType::limit_reached);
}
