// Stores that many nodes share.
#include "tests/conformance/stores.h"
#include "tests/support/fake_clock.h"

using quota::CounterKey;
using quota::CounterState;
using tests::Bench;

namespace {

constexpr std::int64_t ttl_ms = 10'000;
constexpr std::int64_t max_skew_ms = 2'000;

// Nodes on one store, each with a process that has begun.
template <class Store>
struct Fleet {
  using Port = std::unique_ptr<quota::Store>;
  tests::FakeClock clock;
  Bench<Store> bench;
  base::Uuid first = bench.template id<base::ExchangeId>().uuid, second = bench.template id<base::ExchangeId>().uuid;

  Port begin(base::Uuid node, std::string doubt = {}) {
    Port port = bench.on.store->join(node, clock, {.ttl_ms = ttl_ms, .max_skew_ms = max_skew_ms});
    const auto left = port->left_behind();
    REQUIRE(left.has_value());
    CHECK(left->node == node);
    REQUIRE(port->recover(bench.now, {.incarnation = left->incarnation, .records = {}, .doubt = std::move(doubt)})
                .has_value());
    return port;
  }
  quota::Grant grant(quota::Store& port, quota::GrantRequest request) {
    const auto grants = port.grant(std::span(&request, 1));
    REQUIRE(grants.has_value());
    return grants->front();
  }
  quota::Grant grant(quota::Store& port, CounterKey counter, std::int64_t amount, std::int64_t epoch = 1) {
    return grant(port, {.of = {.counter = counter, .at = clock.wall_now()},
                        .at_least = 1,
                        .at_most = amount,
                        .needed = amount,
                        .epoch = epoch});
  }
  quota::GrantRequest few(CounterKey counter, base::WallTime at) {
    return {.of = {.counter = counter, .at = at}, .at_least = 1, .at_most = 5};
  }
  quota::Heartbeat heartbeat(quota::Store& port) {
    const auto heard = port.heartbeat();
    REQUIRE(heard.has_value());
    return *heard;
  }
  // A call of which 10 of the reserved 15 was spent, on the lease of that epoch.
  base::Status settle(quota::Store& port, CounterKey counter, std::int64_t epoch) {
    const auto record = bench.exchange(
        10, {{.limit = counter.limit, .label = counter.label, .reserved = 15, .spent = 10, .lease_epoch = epoch}});
    const events::UsageRecord* const one = &record;
    return port.flush({.records = std::span(&one, 1), .returns = {}});
  }
  base::Status give_back(quota::Store& port, quota::LeaseReturn back) {
    return port.flush({.records = {}, .returns = std::span(&back, 1)});
  }
};

}  // namespace

#define EVERY_FLEET tests::InMemory

TEST_CASE_TEMPLATE("nodes share an amount, and neither sees the other's leases as its own", Store, EVERY_FLEET) {
  Fleet<Store> fleet;
  const auto first = fleet.begin(fleet.first), second = fleet.begin(fleet.second);
  const CounterKey counter = fleet.bench.limit(100);
  CHECK(fleet.grant(*first, counter, 60).granted == 60);
  const quota::Grant rest = fleet.grant(*second, counter, 60);
  CHECK(rest.granted == 40);
  CHECK(rest.others == 60);
  CHECK(fleet.bench.state(counter) == CounterState{.amount = 100, .leased = 100});

  // A return of the one is none of the other's.
  CHECK_FALSE(fleet.give_back(*second, {.counter = counter, .returned_total = 41}).has_value());
  CHECK(fleet.give_back(*first, {.counter = counter, .returned_total = 50}).has_value());
  CHECK(fleet.settle(*second, counter, 1).has_value());
  CHECK(fleet.bench.state(counter) == CounterState{.amount = 100, .spent = 10, .leased = 40});
  CHECK(fleet.heartbeat(*first).nodes == 2);
  const auto rows = fleet.heartbeat(*second).rows;
  REQUIRE(rows.size() == 1);
  CHECK(rows.front().totals == quota::LeaseTotals{.granted = 40, .returned = 0, .consumed = 10});
}

TEST_CASE_TEMPLATE("money is had by the store's time only, which the store tells", Store, EVERY_FLEET) {
  Fleet<Store> fleet;
  const auto node = fleet.begin(fleet.first);
  const CounterKey counter = fleet.bench.limit(100);
  CHECK(node->max_skew_ms() == max_skew_ms);
  fleet.clock.set_back_ms(-7'000'000);
  CHECK(node->left_behind()->now == fleet.clock.wall_now());
  CHECK(fleet.heartbeat(*node).now == fleet.clock.wall_now());
  const auto at = [&](std::int64_t off_ms) { return base::WallTime{fleet.clock.wall_now().ms + off_ms}; };
  const auto granted = [&](std::int64_t off_ms) {
    const quota::GrantRequest request = fleet.few(counter, at(off_ms));
    return node->grant(std::span(&request, 1));
  };
  const auto redeemed = [&](std::int64_t off_ms) {
    return node->redeem({.quote = fleet.bench.template id<base::QuoteId>(),
                         .exchange = fleet.bench.template id<base::ExchangeId>(),
                         .now = at(off_ms)});
  };
  for (const std::int64_t off_ms : {-max_skew_ms, max_skew_ms}) {
    CHECK(granted(off_ms).has_value());
    CHECK(redeemed(off_ms).has_value());
    CHECK(node->end_quotes(at(off_ms), {}).has_value());
  }
  for (const std::int64_t off_ms : {-max_skew_ms - 1, max_skew_ms + 1}) {
    CHECK(granted(off_ms).error().type == base::ErrorType::unavailable);
    CHECK(redeemed(off_ms).error().type == base::ErrorType::unavailable);
    CHECK(node->end_quotes(at(off_ms), {}).error().type == base::ErrorType::unavailable);
  }
  CHECK(fleet.bench.state(counter).leased == 10);
  CHECK(fleet.settle(*node, counter, 1).has_value());  // what was had is booked whenever it ends
}

TEST_CASE_TEMPLATE("a request that was long on its way does not find a raise in force that is over", Store,
                   EVERY_FLEET) {
  Fleet<Store> fleet;
  const auto node = fleet.begin(fleet.first);
  const CounterKey counter = fleet.bench.limit(2);
  const base::WallTime asked = fleet.clock.wall_now();
  catalog::Limit limit = fleet.bench.on.store->load()->limits.front();
  limit.raise = catalog::Raise{.amount = 100, .until = {asked.ms + 50}};
  REQUIRE(fleet.bench.on.store->put(limit).has_value());
  const quota::GrantRequest request = fleet.few(counter, asked);
  fleet.clock.advance_ms(49);
  CHECK(node->grant(std::span(&request, 1))->front().granted == 5);
  fleet.clock.advance_ms(1);
  CHECK(node->grant(std::span(&request, 1))->front().granted == 0);
  // Nor does a reading, or it would promise what the next request does not get.
  CHECK(node->read(std::span(&request.of, 1))->front().amount == 2);
}

TEST_CASE_TEMPLATE("what a closed incarnation has sent changes nothing", Store, EVERY_FLEET) {
  Fleet<Store> fleet;
  const auto late = fleet.begin(fleet.first), other = fleet.begin(fleet.second);
  const CounterKey counter = fleet.bench.limit(100);
  CHECK(fleet.grant(*late, counter, 60).granted == 60);
  CHECK(fleet.grant(*other, counter, 10).granted == 10);
  const auto now = fleet.begin(fleet.first);
  const CounterState after{.amount = 100, .leased = 10};  // what the other has is its own
  CHECK(fleet.bench.state(counter) == after);

  const quota::GrantRequest request = fleet.few(counter, fleet.clock.wall_now());
  CHECK(late->grant(std::span(&request, 1)).error().type == base::ErrorType::conflict);
  CHECK(fleet.settle(*late, counter, 1).error().type == base::ErrorType::conflict);
  CHECK(fleet.give_back(*late, {.counter = counter, .returned_total = 5}).error().type == base::ErrorType::conflict);
  CHECK(late->heartbeat().error().type == base::ErrorType::conflict);
  CHECK(fleet.bench.state(counter) == after);
  CHECK(fleet.grant(*now, counter, 90).granted == 90);
}

TEST_CASE_TEMPLATE("what a silent node has leased becomes unresolved, and is free only by what it says", Store,
                   EVERY_FLEET) {
  Fleet<Store> fleet;
  const auto silent = fleet.begin(fleet.first), other = fleet.begin(fleet.second);
  const CounterKey counter = fleet.bench.limit(100);
  CHECK(fleet.grant(*silent, counter, 60).granted == 60);
  fleet.clock.advance_ms(ttl_ms - 1);
  CHECK(fleet.heartbeat(*other).nodes == 2);
  CHECK(fleet.bench.state(counter).unresolved == 0);
  fleet.clock.advance_ms(1);
  CHECK(fleet.heartbeat(*other).nodes == 1);
  CHECK(fleet.bench.state(counter) == CounterState{.amount = 100, .unresolved = 60});
  CHECK(fleet.grant(*other, counter, 60).granted == 40);
  CHECK(fleet.give_back(*other, {.counter = counter, .returned_total = 40}).has_value());

  // In the old epoch nothing more is granted; what was reserved in it settles, and what is idle goes back.
  const quota::GrantRequest request = fleet.few(counter, fleet.clock.wall_now());
  CHECK(silent->grant(std::span(&request, 1)).error().type == base::ErrorType::unavailable);
  CHECK(fleet.settle(*silent, counter, 1).has_value());
  CHECK(fleet.bench.state(counter) == CounterState{.amount = 100, .spent = 10, .unresolved = 50});
  const quota::Heartbeat heard = fleet.heartbeat(*silent);
  CHECK(heard.epoch == 2);
  CHECK(heard.nodes == 2);
  REQUIRE(heard.rows.size() == 1);
  CHECK(heard.rows.front().epoch == 1);
  CHECK(fleet.give_back(*silent, {.counter = counter, .returned_total = 45}).has_value());
  CHECK(fleet.bench.state(counter) == CounterState{.amount = 100, .spent = 10, .unresolved = 5});
  CHECK(fleet.grant(*silent, counter, 100, 2).granted == 85);

  // Its next process says that nothing else was reserved: both rows are closed.
  const auto next = fleet.begin(fleet.first);
  CHECK(fleet.bench.state(counter) == CounterState{.amount = 100, .spent = 10});
}

TEST_CASE_TEMPLATE("of a node whose journals are in doubt every row stays unresolved, expired or not", Store,
                   EVERY_FLEET) {
  Fleet<Store> fleet;
  const auto lost = fleet.begin(fleet.first), other = fleet.begin(fleet.second);
  const CounterKey counter = fleet.bench.limit(100);
  CHECK(fleet.grant(*lost, counter, 30).granted == 30);
  fleet.clock.advance_ms(ttl_ms);
  fleet.heartbeat(*other);
  CHECK(fleet.heartbeat(*lost).epoch == 2);
  CHECK(fleet.grant(*lost, counter, 20, 2).granted == 20);
  const auto next = fleet.begin(fleet.first, "a journal is gone");
  CHECK(fleet.bench.state(counter) == CounterState{.amount = 100, .unresolved = 50});
  std::int64_t unresolved = 0;
  for (const events::UsageRecord& record : fleet.bench.records()) unresolved += record.holds.front().unresolved;
  CHECK(fleet.bench.records().size() == 2);
  CHECK(unresolved == 50);
}

TEST_CASE_TEMPLATE("who has leased what another node misses is told", Store, EVERY_FLEET) {
  Fleet<Store> fleet;
  const auto first = fleet.begin(fleet.first), second = fleet.begin(fleet.second);
  const CounterKey counter = fleet.bench.limit(100);
  int calls = 0;
  first->on_wanted([&] { ++calls; });
  CHECK(fleet.grant(*first, counter, 90).granted == 90);
  CHECK(fleet.grant(*second, counter, 10).granted == 10);
  CHECK(calls == 0);
  CHECK(fleet.grant(*second, counter, 1).granted == 0);
  CHECK(calls == 1);
  CHECK(fleet.heartbeat(*second).wanted.empty());
  CHECK(fleet.heartbeat(*first).wanted == std::vector{counter});
  CHECK(fleet.heartbeat(*first).wanted.empty());  // once

  // An overrun is news to those who have leased what it took.
  const auto record =
      fleet.bench.exchange(12, {{.limit = counter.limit, .label = counter.label, .reserved = 10, .spent = 12}});
  const events::UsageRecord* const one = &record;
  CHECK(second->flush({.records = std::span(&one, 1), .returns = {}}).has_value());
  CHECK(fleet.heartbeat(*first).wanted == std::vector{counter});
  first->on_wanted({});
}

TEST_CASE_TEMPLATE("of two nodes one has a key, until it gives it up or has died and begun anew", Store, EVERY_FLEET) {
  Fleet<Store> fleet;
  const auto one = fleet.begin(fleet.first), two = fleet.begin(fleet.second);
  const auto keys = fleet.bench.on.store->join_keys(fleet.first),
             others = fleet.bench.on.store->join_keys(fleet.second);
  const auto request = [&] {
    return idempotency::ClaimRequest{.name = {},
                                     .request = {},
                                     .exchange = fleet.bench.template id<base::ExchangeId>(),
                                     .now = fleet.bench.now,
                                     .expires = {fleet.bench.now.ms + 1'000}};
  };
  const auto is_claimed = [](const auto& answer) {
    REQUIRE(answer.has_value());
    return !answer->has_value();
  };
  const auto first = request();
  CHECK(is_claimed(keys->claim(first)));
  CHECK((*others->claim(request()))->state == idempotency::State::in_flight);
  REQUIRE(others->free(first.name, first.exchange).has_value());  // not theirs
  CHECK((*others->claim(request()))->exchange == first.exchange);
  REQUIRE(keys->free(first.name, first.exchange).has_value());
  const auto second = request();
  CHECK(is_claimed(others->claim(second)));

  const auto again = fleet.begin(fleet.second);
  CHECK((*keys->claim(request()))->state == idempotency::State::unknown);
  CHECK_FALSE(others->claim(request()).has_value());
  CHECK_FALSE(others->finish(second.name, second.exchange, idempotency::State::not_kept, std::nullopt).has_value());
  CHECK_FALSE(others->free(second.name, second.exchange).has_value());
}
