#include "quota/unresolved.h"

#include "tests/conformance/stores.h"

using quota::CounterKey;
using quota::CounterState;
using quota::Verdict;
using tests::Bench;

namespace {

// A call that counted `spent` and holds `unresolved` more.
template <class Store>
events::UsageRecord held(Bench<Store>& bench, CounterKey counter, std::int64_t spent, std::int64_t unresolved) {
  return bench.exchange(spent, {{counter.limit, counter.label, spent + unresolved, spent, unresolved}});
}

// Moves all that is unresolved of the item's first hold; `spent` of it is spent.
template <class Store>
quota::Correction correction(Bench<Store>& bench, const events::UsageRecord& item, Verdict verdict,
                             std::int64_t spent) {
  quota::Correction made{.item = item.id, .verdict = verdict, .reason = "invoice 7", .record = {}};
  made.record = bench.exchange(spent, {});
  made.record.outcome = events::Outcome::corrected;
  const events::Hold& hold = item.holds.front();
  made.record.holds = {{hold.limit, hold.label, 0, spent, -hold.unresolved, hold.sub_window}};
  return made;
}

template <class Store>
std::vector<base::ExchangeId> open_ids(Bench<Store>& bench, const quota::UnresolvedFilter& filter = {}) {
  const auto items = bench.on.store->open_items(filter);
  REQUIRE(items.has_value());
  std::vector<base::ExchangeId> ids;
  for (const quota::UnresolvedItem& item : *items) ids.push_back(item.record.id);
  return ids;
}

}  // namespace

TEST_CASE_TEMPLATE("a record that holds something as unresolved is an open item, and no other is", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  REQUIRE(bench.grant(counter, 60, 60) == 60);
  auto first = held(bench, counter, 5, 10);
  first.duration_us = 3'000'000;
  const auto second = held(bench, counter, 0, 7);
  const auto settled = held(bench, counter, 4, 0);
  REQUIRE(bench.flush({first, settled, second}).has_value());
  REQUIRE(bench.flush({first}).has_value());  // again
  CHECK(open_ids(bench) == std::vector{second.id, first.id});
  const auto item = bench.on.store->item(first.id);
  REQUIRE(item.has_value());
  CHECK(item->record == first);
  CHECK(item->since == base::WallTime{first.started.ms + 3'000});
  CHECK_FALSE(item->correction.has_value());
  const auto none = bench.on.store->item(settled.id);
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().type == base::ErrorType::not_found);
}

TEST_CASE_TEMPLATE("what a recovery makes unresolved is open since then", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  REQUIRE(bench.grant(counter, 60, 60) == 60);
  const std::vector<events::UsageRecord> evidence{held(bench, counter, 0, 25)};
  bench.now.ms += 5'000;
  REQUIRE(bench.on.store->recover(bench.now, {.incarnation = 1, .records = evidence, .doubt = "a gap"}).has_value());
  const auto items = bench.on.store->open_items({});
  REQUIRE(items.has_value());
  REQUIRE(items->size() == 2);  // the call, and the rest of the lease
  for (const auto& item : *items) CHECK(item.since == bench.now);
  CHECK(items->front().record.outcome == events::Outcome::unaccounted);
  CHECK(items->front().record.holds.front().unresolved == 35);
}

TEST_CASE_TEMPLATE("a list has pages, newest first, and takes an account, a key and an age", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  REQUIRE(bench.grant(counter, 60, 60) == 60);
  const auto first = held(bench, counter, 0, 1), second = held(bench, counter, 0, 2);
  auto third = held(bench, counter, 0, 3);
  third.account = bench.template id<base::AccountId>();
  third.key = {};
  REQUIRE(bench.flush({first, second, third}).has_value());
  CHECK(open_ids(bench, {.limit = 2}) == std::vector{third.id, second.id});
  CHECK(open_ids(bench, {.before = second.id, .limit = 2}) == std::vector{first.id});
  CHECK(open_ids(bench, {.account = bench.account.id}) == std::vector{second.id, first.id});
  CHECK(open_ids(bench, {.account = third.account}) == std::vector{third.id});
  CHECK(open_ids(bench, {.key = bench.key.id}) == std::vector{second.id, first.id});
  CHECK(open_ids(bench, {.since_before = second.started}) == std::vector{first.id});
}

TEST_CASE_TEMPLATE("a correction moves what is unresolved to spent and back, once", Store, EVERY_STORE) {
  struct Row {
    const char* name;
    Verdict verdict;
    std::int64_t spent;
  };
  for (const Row& row : {Row{"part of it", Verdict::settled, 4}, Row{"all of it", Verdict::timed_out, 10},
                         Row{"nothing", Verdict::released, 0}, Row{"more than was held", Verdict::settled, 45}}) {
    CAPTURE(row.name);
    Bench<Store> bench;
    const CounterKey counter = bench.limit(100);
    REQUIRE(bench.grant(counter, 60, 60) == 60);
    const auto item = held(bench, counter, 5, 10);
    REQUIRE(bench.flush({item}).has_value());
    REQUIRE(bench.state(counter) == CounterState{.amount = 100, .spent = 5, .leased = 45, .unresolved = 10});
    const auto made = correction(bench, item, row.verdict, row.spent);
    for (int time = 0; time < 2; ++time) {
      const auto corrected = bench.on.store->correct(made);
      REQUIRE(corrected.has_value());
      CHECK(corrected->record == item);
      CHECK(corrected->correction == made);
      CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 5 + row.spent, .leased = 45});
    }
    CHECK(open_ids(bench).empty());
    CHECK(bench.on.store->item(item.id)->correction == made);
    // It is a record of its own: listed, and summed up without being a request.
    CHECK(bench.records().front() == made.record);
    const auto sum = bench.on.store->sums({}, events::UsageGroup::total)->front();
    CHECK(sum.requests == 1);
    CHECK(sum.unknown_usage == 1);
    CHECK(sum.cost == base::Money::from_nanos(5 + row.spent));
    // What was asked for before goes on from there.
    REQUIRE(bench.flush({bench.exchange(1, {{counter.limit, counter.label, 1, 1, 0}})}).has_value());
    CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 6 + row.spent, .leased = 44});
  }
}

TEST_CASE_TEMPLATE("the same decision by another record gives the first one; another decision is a conflict", Store,
                   EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  REQUIRE(bench.grant(counter, 60, 60) == 60);
  const auto item = held(bench, counter, 0, 10);
  REQUIRE(bench.flush({item}).has_value());
  const auto made = correction(bench, item, Verdict::settled, 4);
  REQUIRE(bench.on.store->correct(made).has_value());
  const auto again = bench.on.store->correct(correction(bench, item, Verdict::settled, 4));
  REQUIRE(again.has_value());
  CHECK(again->correction == made);
  for (const auto& other :
       {correction(bench, item, Verdict::settled, 5), correction(bench, item, Verdict::released, 0)}) {
    const auto refused = bench.on.store->correct(other);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().type == base::ErrorType::conflict);
  }
  CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 4, .leased = 50});
  CHECK(bench.records().size() == 2);
}

TEST_CASE_TEMPLATE("what nothing is unresolved of is not corrected", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  REQUIRE(bench.grant(counter, 60, 60) == 60);
  const auto settled = held(bench, counter, 4, 0);
  REQUIRE(bench.flush({settled}).has_value());
  const auto running = held(bench, counter, 0, 10);  // its record is not there yet
  for (const auto& record : {settled, running}) {
    const auto refused = bench.on.store->correct(correction(bench, record, Verdict::released, 0));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().type == base::ErrorType::not_found);
  }
  CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 4, .leased = 56});
}

TEST_CASE_TEMPLATE("a correction of a rolling limit counts in its sub-window", Store, EVERY_STORE) {
  Bench<Store> bench;
  const base::LimitId limit = bench.limit(100).limit;
  const auto query = [&](std::int64_t live_from) {
    return quota::CounterQuery{{limit, {0}}, base::WindowLabel{live_from}};
  };
  REQUIRE(bench.grant(query(0), 50, 50) == 50);
  const auto item = bench.exchange(0, {{limit, {0}, 10, 0, 10, base::WindowLabel{1'000}}});
  REQUIRE(bench.flush({item}).has_value());
  REQUIRE(bench.on.store->correct(correction(bench, item, Verdict::settled, 6)).has_value());
  CHECK(bench.state(query(1'000)).spent == 6);
  CHECK(bench.state(query(1'000)).unresolved == 0);
  CHECK(bench.state(query(1'001)).spent == 0);
}

TEST_CASE_TEMPLATE("an item says which of its holds are on grants, also where nothing is left of them", Store,
                   EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey limit = bench.limit(100);
  bench.account.credit_only = true;
  REQUIRE(bench.on.store->put(bench.account).has_value());
  ledger::Order order;
  order.id.uuid.bytes[0] = order.opens.uuid.bytes[1] = 1;
  order.account = bench.account.id;
  order.amount = base::Money::from_nanos(15);
  order.terms = ledger::Terms{.priority = 1, .effective = {}, .fee = {}};
  REQUIRE(bench.on.store->post(order, bench.now)->status == ledger::PostStatus::posted);
  const base::LimitId grant = catalog::counter_of(order.opens);
  auto record = bench.exchange(5, {{limit.limit, limit.label, 15, 5, 10}, {grant, {}, 15, 5, 10}});
  REQUIRE(bench.flush({record}).has_value());
  const auto item = bench.on.store->item(record.id);
  REQUIRE(item.has_value());
  CHECK(item->grants == std::vector{grant});
  CHECK(item->payer == bench.account.id);
}
