// Keepers of several nodes on one store, whose leases hold for a time.
#include "quota/world_test.h"

namespace quota {
namespace {

using testing::today;
using testing::usd;

constexpr std::int64_t ttl_ms = 6'000;
constexpr std::int64_t max_skew_ms = 1'000;
constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t beat_ms = ttl_ms / 3;

// One node: a keeper with its way to the store, which can be cut.
class Node {
 public:
  class Link final : public Store {
   public:
    Link(std::unique_ptr<Store> to, tests::FakeClock& clock) : to_(std::move(to)), clock_(clock) {}
    bool cut = false;
    bool fails_quotes = false;  // the store does not get what is to be held
    bool loses_quotes = false;  // it has it, and nobody hears of it
    std::int64_t beat_takes_ms = 0;
    int grants = 0;
    base::Result<LeftBehind> left_behind() override { return to_->left_behind(); }
    std::uint64_t last_commit() const override { return to_->last_commit(); }
    base::Result<Recovery> recover(base::WallTime now, const Evidence& evidence) override {
      return to_->recover(now, evidence);
    }
    base::Result<std::vector<Grant>> grant(std::span<const GrantRequest> requests) override {
      if (cut) return no_answer();
      ++grants;
      return to_->grant(requests);
    }
    base::Status flush(const Flush& flush) override {
      if (cut) return no_answer();
      return to_->flush(flush);
    }
    base::Result<std::vector<CounterState>> read(std::span<const CounterQuery> counters) override {
      if (cut) return no_answer();
      return to_->read(counters);
    }
    base::Status hold(const Quote& quote, std::int64_t epoch) override {
      if (cut || fails_quotes) return no_answer();
      const base::Status held = to_->hold(quote, epoch);
      return loses_quotes ? no_answer() : held;
    }
    base::Result<std::optional<Quote>> find_quote(base::QuoteId id, base::WallTime now) override {
      if (cut) return no_answer();
      return to_->find_quote(id, now);
    }
    base::Result<Redeemed> redeem(const Redemption& redemption) override {
      if (cut) return no_answer();
      return to_->redeem(redemption);
    }
    base::Result<EndedQuotes> end_quotes(base::WallTime now, std::span<const base::QuoteId> also) override {
      if (cut) return no_answer();
      return to_->end_quotes(now, also);
    }
    std::optional<std::int64_t> lease_ttl_ms() const override { return to_->lease_ttl_ms(); }
    std::int64_t max_skew_ms() const override { return to_->max_skew_ms(); }
    base::Result<Heartbeat> heartbeat() override {
      if (cut) return no_answer();
      auto heard = to_->heartbeat();
      clock_.advance_ms(beat_takes_ms);
      return heard;
    }
    void on_wanted(std::function<void()> call) override { to_->on_wanted(std::move(call)); }

   private:
    static std::unexpected<base::Error> no_answer() {
      return base::fail(base::ErrorType::unavailable, "the store is out of reach", {}, base::Source::store);
    }
    std::unique_ptr<Store> to_;
    tests::FakeClock& clock_;
  };

  Node(testing::World& world, const KeeperOptions& options)
      : world_(world),
        time(world.clock, world.clock.wall_now()),
        link(world.store.memory.join(base::Uuid::version7(world.clock.wall_now(), world.random()), world.clock,
                                     {.ttl_ms = ttl_ms, .max_skew_ms = max_skew_ms}),
             world.clock) {
    REQUIRE(link.open_incarnation(time.wall_now()).has_value());
    keeper = std::make_unique<Keeper>(link, time, options, [this] { woken = true; }, nullptr, &time);
    keeper->turn();
  }

  testing::World::Asked submit(const catalog::Limit& limit, std::int64_t amount, std::int64_t wait_ms = 0) {
    const auto asked = std::make_shared<std::optional<Decision>>();
    Waiter waiter{.wants = {{limit, amount}},
                  .stamp = time.wall_now(),
                  .deadline = time.now().plus_ms(wait_ms),
                  .record = world_.record(),
                  .decided = [asked](Decision decision) { asked->emplace(std::move(decision)); }};
    keeper->submit(std::move(waiter));
    return asked;
  }
  testing::World::Asked ask_to_hold(const catalog::Limit& limit, std::int64_t amount) {
    const auto asked = std::make_shared<std::optional<Decision>>();
    const auto id = base::QuoteId::create(time.wall_now(), world_.random());
    keeper->submit({.wants = {{limit, amount}},
                    .stamp = time.wall_now(),
                    .deadline = time.now(),
                    .record = nullptr,
                    .decided = [asked](Decision decision) { asked->emplace(std::move(decision)); },
                    .holds = Waiter::Hold{id, {}, 60'000}});
    keeper->turn();
    return asked;
  }
  Reservation reserve(const catalog::Limit& limit, std::int64_t amount) {
    const auto asked = submit(limit, amount);
    keeper->turn();
    return testing::World::taken(asked);
  }
  Refusal refused(const catalog::Limit& limit, std::int64_t amount) {
    const auto asked = submit(limit, amount);
    keeper->turn();
    return testing::World::refusal(asked);
  }

 private:
  testing::World& world_;

 public:
  StoreClock time;  // that it counts by; the store goes by the world's
  Link link;
  bool woken = false;
  std::unique_ptr<Keeper> keeper;
};

struct Fleet {
  testing::World world;
  KeeperOptions options{.flush_every_ms = 20, .idle_return_ms = 1'000, .recall_wait_ms = 100, .recall_every_ms = 10};
  Node first{world, options}, second{world, options};
  void both_turn() {
    first.keeper->turn();
    second.keeper->turn();
  }
};

}  // namespace

TEST_CASE("what another node has idle is had before anybody is refused") {
  Fleet fleet;
  const catalog::Limit limit = fleet.world.limit(100);
  Reservation small = fleet.first.reserve(limit, 5);
  std::move(small).release();
  CHECK(fleet.world.state(limit).leased > 5);  // a surplus, and what came back

  fleet.first.woken = false;
  const auto asked = fleet.second.submit(limit, 100);
  fleet.second.keeper->turn();
  CHECK_FALSE(asked->has_value());  // although it does not want to wait
  CHECK(fleet.first.woken);
  fleet.first.keeper->turn();
  fleet.world.clock.advance_ms(fleet.options.recall_every_ms);
  fleet.second.keeper->turn();
  const Reservation all = testing::World::taken(asked);
  CHECK(all.parts().front().amount == 100);
}

TEST_CASE("what another node has reserved is waited for once, and then it is limit_busy") {
  Fleet fleet;
  const catalog::Limit limit = fleet.world.limit(100);
  const Reservation held = fleet.first.reserve(limit, 30);
  const auto asked = fleet.second.submit(limit, 80);
  std::int64_t waited_ms = 0;
  for (; !asked->has_value() && waited_ms <= 1'000; waited_ms += 5) {
    fleet.both_turn();
    fleet.world.clock.advance_ms(5);
  }
  CHECK(testing::World::refusal(asked).type == base::ErrorType::limit_busy);
  CHECK(waited_ms >= fleet.options.recall_wait_ms);
  CHECK(waited_ms <= fleet.options.recall_wait_ms + 15);
}

TEST_CASE("two nodes that each miss what the other has do not take it from each other as fast as they can") {
  Fleet fleet;
  const catalog::Limit limit = fleet.world.limit(100);
  const Reservation held = fleet.first.reserve(limit, 20), too = fleet.second.reserve(limit, 20);
  const auto one = fleet.first.submit(limit, 70, 500), other = fleet.second.submit(limit, 70, 500);
  const auto grants = [&] { return fleet.first.link.grants + fleet.second.link.grants; };
  int before = grants();
  for (int i = 0; i < 200; ++i) fleet.both_turn();  // nothing but each other's calls, and no time
  CHECK(grants() - before <= 4);
  before = grants();
  for (int i = 0; i < 60; ++i) {
    fleet.world.clock.advance_ms(10);
    fleet.both_turn();
  }
  CHECK(grants() - before <= 2 * 60);
  CHECK(testing::World::refusal(one).type == base::ErrorType::limit_busy);
  CHECK(testing::World::refusal(other).type == base::ErrorType::limit_busy);
}

TEST_CASE("a node that cannot reach the store admits nothing more when its leases may have expired") {
  Fleet fleet;
  const catalog::Limit limit = fleet.world.limit(1'000);
  Admission admission(*fleet.first.keeper);
  Reservation known = fleet.first.reserve(limit, 10);
  REQUIRE(admission.adopt(known).has_value());
  const catalog::Limit* const limits[] = {&limit};
  auto record = fleet.world.record();
  fleet.first.link.cut = true;
  fleet.world.clock.advance_ms(ttl_ms - 1);
  auto fast = admission.try_reserve(limits, usd(1), fleet.world.clock.wall_now(), record);
  REQUIRE(fast.has_value());
  fleet.world.clock.advance_ms(1);
  record = fleet.world.record();
  CHECK_FALSE(admission.try_reserve(limits, usd(1), fleet.world.clock.wall_now(), record).has_value());
  const Refusal refusal = fleet.first.refused(limit, 1);
  CHECK(refusal.type == base::ErrorType::unavailable);
  CHECK(refusal.reason == "the store was not reached in time to keep the leases: the store is out of reach");

  // The other has it expired, and the first settles what it had reserved against its old row.
  fleet.second.keeper->turn();
  CHECK(fleet.world.state(limit).leased == 0);
  const std::int64_t unresolved = fleet.world.state(limit).unresolved;
  CHECK(unresolved >= 11);
  known.mark_sent();
  std::move(known).settle(usd(7), meter::Certainty::exact);
  std::move(*fast).release();
  fleet.first.link.cut = false;
  fleet.world.clock.advance_ms(ttl_ms);
  fleet.first.keeper->turn();
  fleet.world.clock.advance_ms(1'000);
  fleet.first.keeper->turn();
  CHECK(fleet.world.state(limit) == CounterState{.amount = 1'000, .spent = 7});
  const Reservation again = fleet.first.reserve(limit, 993);
}

// A prepaid account that the nodes of a fleet have in common.
struct PrepaidFleet : Fleet {
  catalog::Account account{.id = std::get<base::AccountId>(world.limit(0).subject),
                           .parent = {},
                           .name = "acme",
                           .external_id = {},
                           .created = {}};
  std::vector<catalog::Grant> grants;
  void top_up(std::int64_t amount) {
    ledger::Order order{.id = {},
                        .kind = ledger::TransferKind::top_up,
                        .account = account.id,
                        .subject = {},
                        .amount = base::Money::from_nanos(amount),
                        .note = {},
                        .terms = ledger::Terms{.kind = catalog::GrantKind::paid,
                                               .priority = static_cast<int>(grants.size()),
                                               .effective = {},
                                               .expires = base::far_future,
                                               .fee = {}},
                        .opens = base::GrantId::create(world.clock.wall_now(), world.random())};
    order.id.uuid = order.opens.uuid;
    grants.push_back(*world.store.memory.post(order, world.clock.wall_now())->opened);
  }
  testing::World::Asked ask(Node& node, Admission& admission, std::int64_t charge) {
    const catalog::Balance balance{.account = &account, .grants = grants};
    const auto asked = std::make_shared<std::optional<Decision>>();
    admission.reserve(
        {}, amounts(charge), world.clock.wall_now(), world.clock.now(), *world.record(),
        [asked](Decision decision) { asked->emplace(std::move(decision)); }, &balance);
    node.keeper->turn();
    return asked;
  }
  static Amounts amounts(std::int64_t charge) {
    return {.usd = base::Money::from_nanos(charge), .requests = 1, .charge = base::Money::from_nanos(charge)};
  }
};

// Found by the simulator: what comes back to a grant's lease whose epoch is over was handed out again.
TEST_CASE("nothing of a balance is admitted on a lease that the store has expired") {
  PrepaidFleet fleet;
  fleet.top_up(100);
  const catalog::Balance balance{.account = &fleet.account, .grants = fleet.grants};
  Admission admission(*fleet.first.keeper);
  Reservation held = testing::World::taken(fleet.ask(fleet.first, admission, 100));
  REQUIRE(admission.adopt(held).has_value());
  fleet.world.clock.advance_ms(ttl_ms);
  fleet.second.keeper->turn();  // has them expired
  fleet.first.keeper->turn();   // and is in its next epoch
  std::move(held).release();
  auto record = fleet.world.record();
  CHECK_FALSE(admission.try_reserve({}, PrepaidFleet::amounts(1), fleet.world.clock.wall_now(), record, &balance));
}

// Found by the simulator: each grant was asked for its share by what this node knew of it, and the next had more.
TEST_CASE("what another node has spent of one grant is taken from the next") {
  PrepaidFleet fleet;
  fleet.top_up(50);
  fleet.top_up(50);
  Admission first(*fleet.first.keeper), second(*fleet.second.keeper);
  std::move(testing::World::taken(fleet.ask(fleet.second, second, 1))).release();
  fleet.world.clock.advance_ms(2'000);
  fleet.both_turn();
  fleet.world.clock.advance_ms(2'000);
  fleet.both_turn();
  std::move(testing::World::taken(fleet.ask(fleet.first, first, 7)))
      .settle(PrepaidFleet::amounts(7), meter::Certainty::exact);
  for (int tick = 0; tick < 3; ++tick) {
    fleet.world.clock.advance_ms(1'000);
    fleet.both_turn();
  }
  const auto asked = fleet.ask(fleet.second, second, 93);
  fleet.second.keeper->turn();
  CHECK(testing::World::taken(asked).parts().size() == 2);
}

// Found by the simulator: asked once more, each grant was asked for the same share again, and not the next one for what
// others have of the first. It was limit_busy, and the money was there.
TEST_CASE("what another node holds of one grant is had of the next before anybody is refused") {
  PrepaidFleet fleet;
  fleet.top_up(100);
  fleet.top_up(100);
  Admission first(*fleet.first.keeper), second(*fleet.second.keeper);
  const Reservation held = testing::World::taken(fleet.ask(fleet.first, first, 60));
  const auto asked = fleet.ask(fleet.second, second, 120);
  fleet.second.keeper->turn();
  const Reservation got = testing::World::taken(asked);
  REQUIRE(got.parts().size() == 2);
  CHECK(got.parts().back().amount >= 80);
}

// Found by the simulator: what the store had taken out of the lease was given back to it, to be handed out once more,
// and the store did not take it back.
TEST_CASE("of a quote that the store may have forgotten nothing is handed out again") {
  for (const bool was_held : {true, false}) {
    Fleet fleet;
    const catalog::Limit limit = fleet.world.limit(100);
    Reservation running = fleet.first.reserve(limit, 5);
    (was_held ? fleet.first.link.loses_quotes : fleet.first.link.fails_quotes) = true;
    const auto asked = fleet.first.ask_to_hold(limit, 60);
    CHECK(testing::World::refusal(asked).type == base::ErrorType::unavailable);
    fleet.first.link.cut = true;
    fleet.world.clock.advance_ms(ended_quotes_kept_ms + 120'000);
    for (int quote = 0; quote < 2; ++quote) {  // the second has those forgotten that the first's end has ended
      fleet.second.keeper->turn();
      REQUIRE(std::holds_alternative<Quote>(fleet.second.ask_to_hold(limit, 1)->value()));
      fleet.world.clock.advance_ms(61'000);
    }
    fleet.first.link.cut = false;
    fleet.first.keeper->turn();
    std::move(running).release();
    for (int tick = 0; tick < 70; ++tick) {
      fleet.world.clock.advance_ms(1'000);
      fleet.both_turn();
    }
    CHECK(fleet.world.state(limit) == CounterState{.amount = 100});
  }
}

// Found by the simulator: it stayed leased for as long as a worker kept the lease of a window that was over.
TEST_CASE("what a quote never had that the store may have forgotten is back with the next heartbeat") {
  for (const bool was_held : {true, false}) {
    Fleet fleet;
    const catalog::Limit limit =
        fleet.world.limit(100, catalog::LimitUnit::usd, {.kind = base::WindowPolicy::Kind::total});
    Reservation running = fleet.first.reserve(limit, 5);
    (was_held ? fleet.first.link.loses_quotes : fleet.first.link.fails_quotes) = true;
    const auto asked = fleet.first.ask_to_hold(limit, 60);
    fleet.first.link.fails_quotes = fleet.first.link.loses_quotes = false;
    fleet.world.clock.set_back_ms(-ended_quotes_kept_ms - 1);
    fleet.world.clock.advance_ms(beat_ms);
    fleet.first.keeper->turn();  // hears how late it is, and asks for the quote
    fleet.first.keeper->turn();
    CHECK(testing::World::refusal(asked).type == base::ErrorType::unavailable);
    Reservation more = fleet.first.reserve(limit, 95);
    std::move(more).release();
    std::move(running).release();
    for (int tick = 0; tick < 3; ++tick) {
      fleet.world.clock.advance_ms(1'000);
      fleet.both_turn();
    }
    CHECK(fleet.world.state(limit) == CounterState{.amount = 100});
  }
}

TEST_CASE("a grant whose answer was lost is found in the rows") {
  Fleet fleet;
  const catalog::Limit limit = fleet.world.limit(100);
  Reservation held = fleet.first.reserve(limit, 10);
  const std::int64_t leased = fleet.world.state(limit).leased;
  // Made once more, as if by a network: nobody has heard of it.
  const GrantRequest request{
      .of = {.counter = {limit.id, {today.ms}}, .at = fleet.world.clock.wall_now()}, .at_least = 1, .at_most = 50};
  REQUIRE(fleet.first.link.grant(std::span(&request, 1)).has_value());
  CHECK(fleet.world.state(limit).leased == leased + 50);
  std::move(held).release();
  for (int i = 0; i < 6; ++i) {
    fleet.world.clock.advance_ms(1'000);
    fleet.first.keeper->turn();
  }
  CHECK(fleet.world.state(limit) == CounterState{.amount = 100});
}

TEST_CASE("a node that ends gives back what it never heard of, too") {
  Fleet fleet;
  const catalog::Limit limit = fleet.world.limit(100), other = fleet.world.limit(100);
  std::move(fleet.first.reserve(limit, 10)).release();
  for (const base::LimitId id : {limit.id, other.id}) {
    const GrantRequest request{
        .of = {.counter = {id, {today.ms}}, .at = fleet.world.clock.wall_now()}, .at_least = 1, .at_most = 50};
    REQUIRE(fleet.first.link.grant(std::span(&request, 1)).has_value());
  }
  REQUIRE(fleet.first.keeper->close().has_value());
  CHECK(fleet.world.state(limit) == CounterState{.amount = 100});
  CHECK(fleet.world.state(other) == CounterState{.amount = 100});
}

TEST_CASE("a node counts by the store's clock, which it hears of with each heartbeat") {
  Fleet fleet;
  const catalog::Limit limit = fleet.world.limit(100);
  fleet.world.clock.set_back_ms(-hour_ms);
  // By its own time it would be granted money in a window that may be over for the others.
  const Refusal behind = fleet.first.refused(limit, 60);
  CHECK(behind.type == base::ErrorType::unavailable);
  CHECK(behind.reason.starts_with("this node counts by a time that is 3600000 ms behind the store's"));
  CHECK(fleet.first.time.wall_now() != fleet.world.clock.wall_now());
  Reservation held = fleet.first.reserve(limit, 60);
  CHECK(fleet.first.time.wall_now() == fleet.world.clock.wall_now());
  CHECK(held.record().started == fleet.world.clock.wall_now());
}

TEST_CASE("a node whose stamps are ahead of a store that was set back is granted nothing before it starts again") {
  Fleet fleet;
  const catalog::Limit limit = fleet.world.limit(100);
  std::move(fleet.first.reserve(limit, 60)).release();
  fleet.world.clock.set_back_ms(hour_ms);
  for (int i = 0; i < 3; ++i) {
    const Refusal refusal = fleet.first.refused(limit, 100);
    CHECK(refusal.type == base::ErrorType::unavailable);
    CHECK(refusal.reason.ends_with("start the node again"));
    fleet.world.clock.advance_ms(beat_ms);
  }
  Node again{fleet.world, fleet.options};
  CHECK(again.reserve(limit, 10).record().started == fleet.world.clock.wall_now());
}

TEST_CASE("a heartbeat that took longer than clocks may be apart renews nothing") {
  Fleet fleet;
  const catalog::Limit limit = fleet.world.limit(100);
  fleet.first.link.beat_takes_ms = max_skew_ms + 1;
  for (int i = 0; i < 5; ++i) {
    fleet.world.clock.advance_ms(beat_ms);
    fleet.first.keeper->turn();
  }
  CHECK_FALSE(fleet.first.keeper->admitting());
  CHECK(fleet.first.refused(limit, 1).reason.find("took 1001 ms to say what time it is") != std::string::npos);
  fleet.first.link.beat_takes_ms = max_skew_ms;
  fleet.world.clock.advance_ms(beat_ms);
  fleet.first.keeper->turn();
  CHECK(fleet.first.keeper->admitting());
}

TEST_CASE("what other nodes spent of a rolling limit counts for as long as their clocks may be behind") {
  Fleet fleet;
  const base::WindowPolicy hour = *base::parse_window("rolling:1h");
  const catalog::Limit limit = fleet.world.limit(100, catalog::LimitUnit::usd, hour);
  Reservation all = fleet.first.reserve(limit, 100);
  const base::WindowLabel sub = *all.parts().front().sub_window;
  std::move(all).settle(usd(100), meter::Certainty::exact);
  REQUIRE(fleet.first.keeper->close().has_value());
  const base::WallTime leaves = base::sub_window_leaves_at(hour, sub, 0);
  fleet.world.clock.advance_ms(leaves.ms - fleet.world.clock.wall_now().ms);
  const Refusal refusal = fleet.second.refused(limit, 100);
  CHECK(refusal.type == base::ErrorType::limit_reached);
  CHECK(refusal.shortages[0].resets_at->ms == leaves.ms + max_skew_ms);
  fleet.world.clock.advance_ms(max_skew_ms);
  CHECK(fleet.second.reserve(limit, 100).parts().front().amount == 100);
}

TEST_CASE("available is not what others have leased") {
  Fleet fleet;
  const catalog::Limit limit = fleet.world.limit(100);
  const Reservation held = fleet.first.reserve(limit, 30);
  const std::int64_t leased = fleet.world.state(limit).leased;
  base::Result<std::vector<FiveNumbers>> numbers;
  fleet.second.keeper->ask_numbers({limit}, [&](auto answer) { numbers = std::move(answer); });
  fleet.second.keeper->turn();
  REQUIRE(numbers.has_value());
  CHECK(numbers->front().reserved == leased);
  CHECK(numbers->front().available == 100 - leased);
}

}  // namespace quota
