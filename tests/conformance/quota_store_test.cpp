#include "quota/unresolved.h"
#include "tests/conformance/stores.h"

using quota::CounterKey;
using quota::CounterState;
using tests::Bench;

TEST_CASE_TEMPLATE("a counter that nobody touched reads as zeros under its limit's amount", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.state(counter) == CounterState{.amount = 100});
  CHECK(bench.state(CounterKey{bench.template id<base::LimitId>(), {tests::today.ms}}) == CounterState{});
}

TEST_CASE_TEMPLATE("a grant brings what is asked, what is left, or nothing", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 10, 60) == 60);
  CHECK(bench.grant(counter, 41, 60) == 0);  // only 40 are left
  CHECK(bench.grant(counter, 40, 60) == 40);
  CHECK(bench.grant(counter, 1, 1) == 0);
  CHECK(bench.grant(counter, 0, 1) == 0);
  CHECK(bench.state(counter) == CounterState{.amount = 100, .leased = 100});
}

TEST_CASE_TEMPLATE("the requests of one call see each other, and each window counts for itself", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  const CounterKey next_day{counter.limit, {tests::tomorrow.ms}};
  const quota::GrantRequest requests[] = {
      {{counter}, 1, 70}, {{next_day}, 1, 90}, {{counter}, 31, 70}, {{counter}, 1, 70}};
  const auto grants = bench.on.store->grant(requests);
  REQUIRE(grants.has_value());
  REQUIRE(grants->size() == 4);
  CHECK((*grants)[0].granted == 70);
  CHECK((*grants)[1].granted == 90);
  CHECK((*grants)[2].granted == 0);
  CHECK((*grants)[3].granted == 30);
  CHECK((*grants)[3].state == CounterState{.amount = 100, .leased = 100});
  CHECK(bench.state(next_day) == CounterState{.amount = 100, .leased = 90});
}

TEST_CASE_TEMPLATE("an unknown or removed limit grants nothing; what was spent stays known", Store, EVERY_STORE) {
  Bench<Store> bench;
  CHECK(bench.grant(CounterKey{bench.template id<base::LimitId>(), {tests::today.ms}}, 1, 1) == 0);
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 1, 60) == 60);
  REQUIRE(bench.on.store->remove(counter.limit, bench.now).has_value());
  CHECK(bench.grant(counter, 1, 10) == 0);
  REQUIRE(bench.flush({bench.exchange(20, {{counter.limit, counter.label, 60, 20, 0}})}).has_value());
  CHECK(bench.state(counter) == CounterState{.amount = 0, .spent = 20, .leased = 40});
  bench.change_amount(counter, 100);  // put again, it goes on from there
  CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 20, .leased = 40});
}

TEST_CASE_TEMPLATE("a changed amount forgives nothing and admits what it now allows", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 80, 80) == 80);
  bench.change_amount(counter, 50);
  CHECK(bench.grant(counter, 1, 1) == 0);
  CHECK(bench.state(counter) == CounterState{.amount = 50, .leased = 80});
  bench.change_amount(counter, 90);
  CHECK(bench.grant(counter, 1, 100) == 10);
}

TEST_CASE_TEMPLATE("a settled hold moves what it kept out of the lease and leaves the rest in it", Store, EVERY_STORE) {
  struct Row {
    const char* name;
    std::int64_t reserved, spent, unresolved;
    std::int64_t leased_after;  // of 100 granted
  };
  for (const Row& row :
       {Row{"all of it", 60, 60, 0, 40}, Row{"less", 60, 25, 0, 75}, Row{"nothing", 60, 0, 0, 100},
        Row{"all unresolved", 60, 0, 60, 40}, Row{"counted, the rest unresolved", 60, 25, 35, 40},
        Row{"counted, some unresolved, some back", 60, 25, 15, 60}, Row{"an overrun", 60, 75, 0, 40},
        Row{"an overrun by both", 60, 45, 30, 40}, Row{"an overrun without a reservation", 0, 75, 0, 100},
        Row{"more than the amount", 100, 250, 0, 0}, Row{"more reserved than was ever granted", 130, 120, 10, 0}}) {
    CAPTURE(row.name);
    Bench<Store> bench;
    const CounterKey counter = bench.limit(200);
    CHECK(bench.grant(counter, 100, 100) == 100);
    const events::Hold hold{counter.limit, counter.label, row.reserved, row.spent, row.unresolved};
    REQUIRE(bench.flush({bench.exchange(1, {hold})}).has_value());
    CHECK(bench.state(counter) ==
          CounterState{.amount = 200, .spent = row.spent, .leased = row.leased_after, .unresolved = row.unresolved});
    // What the lease still holds can go back, and not one more.
    const auto give_back = [&](std::int64_t total) { return bench.flush({}, {{counter, total}}); };
    CHECK_FALSE(give_back(row.leased_after + 1).has_value());
    CHECK(give_back(row.leased_after).has_value());
    CHECK(bench.state(counter).leased == 0);
  }
}

TEST_CASE_TEMPLATE("an exchange counts on all its holds, also where nothing was leased", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey first = bench.limit(100);
  const CounterKey second = bench.limit(100);
  const CounterKey unknown{bench.template id<base::LimitId>(), {tests::today.ms}};
  CHECK(bench.grant(first, 50, 50) == 50);
  REQUIRE(bench
              .flush({bench.exchange(30, {{first.limit, {tests::today.ms}, 40, 30, 0},
                                          {second.limit, {tests::today.ms}, 40, 30, 5},
                                          {unknown.limit, {tests::today.ms}, 40, 30, 0},
                                          {first.limit, {tests::today.ms}, 10, 10, 0}})})
              .has_value());
  CHECK(bench.state(first) == CounterState{.amount = 100, .spent = 40, .leased = 10});
  CHECK(bench.state(second) == CounterState{.amount = 100, .spent = 30, .unresolved = 5});
  CHECK(bench.state(unknown) == CounterState{.spent = 30});
}

TEST_CASE_TEMPLATE("a return is a total: to repeat it changes nothing", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 100, 100) == 100);
  for (const std::int64_t total : {30, 30, 20, 70, 30, 70}) {
    CAPTURE(total);
    REQUIRE(bench.flush({}, {{counter, total}, {counter, total}}).has_value());
  }
  CHECK(bench.state(counter) == CounterState{.amount = 100, .leased = 30});
  CHECK(bench.grant(counter, 70, 70) == 70);
  // A total from before takes nothing back of what is settled beside it.
  const auto record = bench.exchange(50, {{counter.limit, {tests::today.ms}, 50, 50, 0}});
  REQUIRE(bench.flush({record}, {{counter, 60}}).has_value());
  CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 50, .leased = 50});
  REQUIRE(bench.flush({}, {{counter, 120}}).has_value());
  CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 50});
}

TEST_CASE_TEMPLATE("a record that is known already changes nothing, whatever it says", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 100, 100) == 100);
  const auto record = bench.exchange(30, {{counter.limit, counter.label, 50, 30, 0}});
  REQUIRE(bench.flush({record, record}).has_value());
  auto other = record;
  other.cost = base::Money::from_nanos(99);
  other.model = "another";
  other.holds.front().spent = 50;
  other.holds.push_back(other.holds.front());
  REQUIRE(bench.flush({other, record}).has_value());
  CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 30, .leased = 70});
  CHECK(bench.records() == std::vector{record});
}

TEST_CASE_TEMPLATE("a flush that fails changes nothing at all", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 100, 100) == 100);
  const auto unchanged = [&] {
    return bench.state(counter) == CounterState{.amount = 100, .leased = 100} && bench.records().empty();
  };
  const auto record = bench.exchange(30, {{counter.limit, counter.label, 50, 30, 0}});
  const auto too_much = bench.flush({record}, {{counter, 71}});
  REQUIRE_FALSE(too_much.has_value());
  CHECK(too_much.error().source == base::Source::store);
  CHECK(unchanged());
  CHECK_FALSE(bench.flush({record}, {{{counter.limit, {tests::tomorrow.ms}}, 1}}).has_value());
  CHECK(unchanged());
  CHECK_FALSE(bench.on.store->find_transfer({record.id.uuid})->has_value());

  const events::Hold huge{counter.limit, counter.label, 0, INT64_MAX, 0};
  CHECK_FALSE(bench.flush({bench.exchange(1, {huge, huge})}).has_value());
  CHECK_FALSE(bench.flush({bench.exchange(1, {{counter.limit, {tests::today.ms}, 0, INT64_MAX, 1}})}).has_value());
  CHECK(unchanged());
  CHECK(bench.flush({record}, {{counter, 70}}).has_value());
  CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 30});
}

TEST_CASE_TEMPLATE("a counter never wraps around", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(INT64_MAX);
  const auto book = [&](std::int64_t spent, std::int64_t unresolved) {
    return bench.flush({bench.exchange(1, {{counter.limit, {tests::today.ms}, 0, spent, unresolved}})}).has_value();
  };
  CHECK(bench.grant(counter, 1, INT64_MAX) == INT64_MAX);
  REQUIRE(bench.flush({}, {{counter, INT64_MAX}}).has_value());
  CHECK(book(INT64_MAX - 1, 0));
  CHECK_FALSE(book(2, 0));
  CHECK(book(1, 0));
  CHECK(book(0, 5));
  CHECK_FALSE(book(0, INT64_MAX));
  CHECK(bench.state(counter) == CounterState{.amount = INT64_MAX, .spent = INT64_MAX, .unresolved = 5});
}

TEST_CASE_TEMPLATE("what a cost moves is posted once, from its account to its provider", Store, EVERY_STORE) {
  Bench<Store> bench;
  const auto paid = bench.exchange(30, {});
  const auto free = bench.exchange(0, {});
  REQUIRE(bench.flush({paid, free}).has_value());
  REQUIRE(bench.flush({paid}).has_value());
  const auto transfer = bench.on.store->find_transfer({paid.id.uuid});
  REQUIRE(transfer.has_value());
  CHECK(*transfer == ledger::transfer_of(paid));
  CHECK_FALSE(bench.on.store->find_transfer({free.id.uuid})->has_value());
}

TEST_CASE_TEMPLATE("what a dead incarnation held becomes unresolved, with one record a lease", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey of_account = bench.limit(100);
  const CounterKey of_key = bench.limit(100, bench.key.id);
  const CounterKey given_back = bench.limit(100);
  CHECK(bench.grant(of_account, 60, 60) == 60);
  CHECK(bench.grant(of_key, 40, 40) == 40);
  CHECK(bench.grant(given_back, 80, 80) == 80);
  const auto settled = bench.exchange(20, {{of_account.limit, {tests::today.ms}, 30, 20, 0}});
  REQUIRE(bench.flush({settled}, {{given_back, 80}, {of_account, 10}}).has_value());
  REQUIRE(bench.on.store->remove(of_key.limit, bench.now).has_value());

  bench.now.ms += 1;
  const auto recovery = bench.on.store->open_incarnation(bench.now);
  REQUIRE(recovery.has_value());
  CHECK(recovery->incarnation == 2);
  CHECK(recovery->unaccounted_leases == 2);
  CHECK(bench.state(of_account) == CounterState{.amount = 100, .spent = 20, .unresolved = 30});
  CHECK(bench.state(of_key) == CounterState{.amount = 0, .unresolved = 40});
  CHECK(bench.state(given_back) == CounterState{.amount = 100});

  const auto records = bench.records();
  REQUIRE(records.size() == 3);
  CHECK(records[2] == settled);
  for (const auto& record : {records[0], records[1]}) {
    CHECK(record.outcome == events::Outcome::unaccounted);
    CHECK(record.started == bench.now);
    CHECK(record.account == bench.account.id);
    CHECK(record.cost.is_zero());
    REQUIRE(record.holds.size() == 1);
    const bool by_key = record.holds.front().limit == of_key.limit;
    CHECK(record.key == (by_key ? bench.key.id : base::KeyId{}));
    const std::int64_t remainder = by_key ? 40 : 30;
    CHECK(record.holds.front() ==
          events::Hold{by_key ? of_key.limit : of_account.limit, {tests::today.ms}, remainder, 0, remainder});
  }

  // It is dead for good: the next incarnation finds nothing more of it, and goes on with what is left.
  const auto next = bench.on.store->open_incarnation(bench.now);
  CHECK(next->incarnation == 3);
  CHECK(next->unaccounted_leases == 0);
  CHECK(bench.grant(of_account, 1, 100) == 50);
  CHECK(bench.records().size() == 3);
}

TEST_CASE_TEMPLATE("evidence without a doubt is booked on the last leases, and what is left of them goes back", Store,
                   EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 80, 80) == 80);
  const auto flushed = bench.exchange(20, {{counter.limit, {tests::today.ms}, 30, 20, 0}});
  const std::array marks{quota::JournalMark{.worker = 1, .settled = 7}};
  REQUIRE(bench.on.store->flush({.records = events::pointers_to(std::span(&flushed, 1)), .returns = {}, .marks = marks})
              .has_value());
  const auto left = bench.on.store->left_behind();
  REQUIRE(left.has_value());
  CHECK(left->incarnation == 1);
  CHECK(left->marks == std::vector<std::uint64_t>{0, 7});

  const std::vector records{flushed, bench.exchange(15, {{counter.limit, {tests::today.ms}, 25, 15, 0}}),
                            bench.exchange(0, {{counter.limit, {tests::today.ms}, 10, 0, 10}})};
  SUBCASE("of the last incarnation") {
    const auto recovery = bench.on.store->recover(bench.now, {.incarnation = 1, .records = records, .doubt = {}});
    REQUIRE(recovery.has_value());
    CHECK(recovery->incarnation == 2);
    CHECK(recovery->recovered_records == 2);  // the store had the first one
    CHECK(recovery->unaccounted_leases == 0);
    CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 35, .unresolved = 10});
    CHECK(bench.records().size() == 3);
    CHECK(bench.on.store->left_behind()->marks.empty());
  }
  SUBCASE("with a doubt the rest is unresolved") {
    const auto recovery = bench.on.store->recover(bench.now, {.incarnation = 1, .records = records, .doubt = "a gap"});
    REQUIRE(recovery.has_value());
    CHECK(recovery->unaccounted_leases == 1);
    CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 35, .unresolved = 45});
    CHECK(bench.records().size() == 4);
  }
  SUBCASE("of another incarnation it is refused, and nothing happens") {
    const auto recovery = bench.on.store->recover(bench.now, {.incarnation = 2, .records = records, .doubt = {}});
    REQUIRE_FALSE(recovery.has_value());
    CHECK(recovery.error().type == base::ErrorType::conflict);
    CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 20, .leased = 60});
    CHECK(bench.records().size() == 1);
    CHECK(bench.grant(counter, 1, 1) == 1);
  }
}

// Of two exchanges the first ended, which the journal has lost, and what came back of it went to the second.
TEST_CASE_TEMPLATE("exchanges without an end hold no more than their lease row had", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 100, 100) == 100);
  std::vector records{bench.exchange(30, {{counter.limit, {tests::today.ms}, 40, 30, 0}}),
                      bench.exchange(0, {{counter.limit, {tests::today.ms}, 60, 0, 60}}),
                      bench.exchange(0, {{counter.limit, {tests::today.ms}, 50, 0, 50}})};
  for (std::size_t i = 1; i < records.size(); ++i) {
    records[i].status = 0;
    records[i].duration_us = 0;
    records[i].usage.reset();
    quota::mark_crashed(records[i]);
  }
  SUBCASE("the row is the bound") {
    REQUIRE(bench.on.store->recover(bench.now, {.incarnation = 1, .records = records, .doubt = "a page is lost"})
                .has_value());
    CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 30, .unresolved = 70});
    const auto stored = bench.records();  // the latest first
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto found = std::ranges::find(stored, records[i].id, &events::UsageRecord::id);
      REQUIRE(found != stored.end());
      CHECK(found->holds.front().unresolved == std::array{0, 60, 10}[i]);
    }
  }
  SUBCASE("of a row that is used up nothing is held") {
    const auto other = bench.exchange(70, {{counter.limit, {tests::today.ms}, 70, 70, 0}});
    REQUIRE(bench.flush({other, records[0]}).has_value());
    REQUIRE(bench.on.store->recover(bench.now, {.incarnation = 1, .records = records, .doubt = "a page is lost"})
                .has_value());
    CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 100});
  }
  SUBCASE("but journals that are whole are exact: a limit that was taken on may not have leased all of it") {
    REQUIRE(bench.on.store->recover(bench.now, {.incarnation = 1, .records = records, .doubt = {}}).has_value());
    CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 30, .unresolved = 110});
  }
  SUBCASE("but not in a store that was put back, whose row is older") {
    REQUIRE(bench.on.store
                ->recover(bench.now, {.incarnation = 1, .records = records, .doubt = "put back", .seen_incarnation = 2})
                .has_value());
    CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 30, .unresolved = 110});
  }
}

TEST_CASE_TEMPLATE("a record that comes after its lease was closed is booked, and frees nothing", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 60, 60) == 60);
  REQUIRE(bench.on.store->open_incarnation(bench.now).has_value());
  REQUIRE(bench.flush({bench.exchange(25, {{counter.limit, {tests::today.ms}, 60, 25, 0}})}).has_value());
  CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 25, .unresolved = 60});
  CHECK_FALSE(bench.flush({}, {{counter, 10}}).has_value());
  // Its new lease starts from nothing.
  CHECK(bench.grant(counter, 1, 100) == 15);
  REQUIRE(bench.flush({}, {{counter, 15}}).has_value());
  CHECK(bench.state(counter).leased == 0);
}

// A rolling limit's one counter, asked about with the sub-windows from `live_from` on.
static quota::CounterQuery rolling(base::LimitId limit, std::int64_t live_from) {
  return {.counter = {limit, {0}}, .live_from = base::WindowLabel{live_from}};
}
// Reserved and spent in full, in a sub-window.
static events::Hold spent_in(base::LimitId limit, std::int64_t sub, std::int64_t amount) {
  return {limit, {0}, amount, amount, 0, base::WindowLabel{sub}};
}

TEST_CASE_TEMPLATE("of a rolling limit the spend of live sub-windows counts, and all that is held", Store,
                   EVERY_STORE) {
  Bench<Store> bench;
  const base::LimitId limit = bench.limit(100).limit;
  REQUIRE(bench.grant(rolling(limit, 0), 80, 80) == 80);
  REQUIRE(bench
              .flush({bench.exchange(30, {spent_in(limit, 1'000, 30)}), bench.exchange(5, {spent_in(limit, 1'000, 5)}),
                      bench.exchange(20, {spent_in(limit, 2'000, 20)}),
                      bench.exchange(0, {{limit, {0}, 10, 0, 10, base::WindowLabel{1'000}}})})
              .has_value());
  const auto label = [](std::int64_t ms) { return std::optional(base::WindowLabel{ms}); };
  CHECK(bench.state(rolling(limit, 1'000)) ==
        CounterState{.amount = 100, .spent = 55, .leased = 15, .unresolved = 10, .oldest_sub = label(1'000)});
  CHECK(bench.state(rolling(limit, 1'001)) ==
        CounterState{.amount = 100, .spent = 20, .leased = 15, .unresolved = 10, .oldest_sub = label(2'000)});
  CHECK(bench.state(rolling(limit, 2'001)) == CounterState{.amount = 100, .leased = 15, .unresolved = 10});
  // What has left may be granted again, to the last unit.
  CHECK(bench.grant(rolling(limit, 1'000), 1, 100) == 20);
  CHECK(bench.grant(rolling(limit, 1'001), 1, 100) == 35);
  CHECK(bench.grant(rolling(limit, 1'001), 1, 100) == 0);
}

TEST_CASE_TEMPLATE("a record that comes late counts in its own sub-window, once", Store, EVERY_STORE) {
  Bench<Store> bench;
  const base::LimitId limit = bench.limit(100).limit;
  const auto record = bench.exchange(7, {spent_in(limit, 1'000, 7)});
  REQUIRE(bench.flush({record}).has_value());
  REQUIRE(bench.flush({bench.exchange(4, {spent_in(limit, 9'000, 4)})}).has_value());
  REQUIRE(bench.flush({record}).has_value());
  CHECK(bench.state(rolling(limit, 1'000)).spent == 11);
  CHECK(bench.state(rolling(limit, 9'000)).spent == 4);
  CHECK(bench.records().back() == record);
}

TEST_CASE_TEMPLATE("sub-windows are there for as long as they may be asked about", Store, EVERY_STORE) {
  Bench<Store> bench;
  const base::LimitId limit = bench.limit(100).limit;
  const std::int64_t sub = tests::today.ms;
  REQUIRE(bench.flush({bench.exchange(7, {spent_in(limit, sub, 7)})}).has_value());
  REQUIRE(bench.grant(rolling(limit, sub + quota::sub_windows_kept_ms), 1, 1) == 1);
  CHECK(bench.state(rolling(limit, sub)).spent == 7);
}

TEST_CASE_TEMPLATE("a rolling counter that does not fit in 64 bits is refused whole", Store, EVERY_STORE) {
  Bench<Store> bench;
  const base::LimitId limit = bench.limit(INT64_MAX).limit;
  REQUIRE(bench.flush({bench.exchange(1, {spent_in(limit, 1'000, INT64_MAX)})}).has_value());
  CHECK_FALSE(bench.flush({bench.exchange(1, {spent_in(limit, 2'000, 1)})}).has_value());
  CHECK(bench.state(rolling(limit, 0)).spent == INT64_MAX);
}

TEST_CASE_TEMPLATE("every commit that moves money counts, and one that failed does not", Store, EVERY_STORE) {
  Bench<Store> bench;
  auto& store = *bench.on.store;
  std::uint64_t before = store.last_commit();
  const auto counted = [&] { return store.last_commit() - std::exchange(before, store.last_commit()); };
  CHECK(before == 1);  // the bench has opened an incarnation
  const CounterKey counter = bench.limit(100);
  CHECK(counted() == 0);
  CHECK(bench.grant(counter, 60, 60) == 60);
  CHECK(counted() == 1);
  REQUIRE(bench.flush({bench.exchange(20, {{counter.limit, counter.label, 60, 20, 40}})}).has_value());
  CHECK(counted() == 1);
  CHECK_FALSE(bench.flush({}, {{counter, 61}}).has_value());
  CHECK(counted() == 0);
  CHECK(store.left_behind()->commit == before);
  REQUIRE(bench.on.store->recover(bench.now, {.incarnation = 1, .records = {}, .doubt = {}}).has_value());
  CHECK(counted() == 1);
}

TEST_CASE_TEMPLATE("a recovery goes above every incarnation that is known of, and closes them all", Store,
                   EVERY_STORE) {
  Bench<Store> bench;
  const auto recovery =
      bench.on.store->recover(bench.now, {.incarnation = 1, .records = {}, .doubt = {}, .seen_incarnation = 7});
  REQUIRE(recovery.has_value());
  CHECK(recovery->incarnation == 8);
  CHECK(bench.on.store->left_behind()->incarnation == 8);
  CHECK(bench.on.store->recover(bench.now, {.incarnation = 8, .records = {}, .doubt = {}, .seen_incarnation = 3})
            ->incarnation == 9);
}

TEST_CASE_TEMPLATE("what was granted and never heard of is a part of the next grant", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  const auto ask = [&](std::int64_t at_least, std::int64_t at_most, std::int64_t granted_before) {
    const quota::GrantRequest request{
        .of = {counter}, .at_least = at_least, .at_most = at_most, .granted_before = granted_before};
    return bench.on.store->grant(std::span(&request, 1))->front().granted;
  };
  CHECK(ask(1, 30, 0) == 30);
  CHECK(ask(1, 30, 0) == 30);  // the same once more: its answer was lost
  CHECK(bench.state(counter).leased == 30);
  CHECK(ask(1, 50, 0) == 50);  // 20 more
  CHECK(bench.state(counter).leased == 50);
  CHECK(ask(1, 10, 0) == 50);  // more than was asked for, but it has it
  CHECK(ask(60, 80, 50) == 0);
  CHECK(ask(60, 80, 30) == 70);
  CHECK(bench.state(counter).leased == 100);
}
