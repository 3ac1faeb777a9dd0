// Held quotes: what they do to counters and leases, and that each ends once.
#include <algorithm>

#include "catalog/grant.h"
#include "quota/doctor.h"
#include "tests/conformance/stores.h"

using quota::CounterKey;
using quota::CounterState;
using quota::Quote;
using quota::QuotePart;
using quota::QuoteState;
using tests::Bench;

namespace {

constexpr std::int64_t minute_ms = 60'000;

template <class Store>
struct QuoteBench : Bench<Store> {
  // Held for a minute, from what was leased.
  Quote hold(std::vector<QuotePart> parts) {
    const Quote quote = quoted(std::move(parts));
    REQUIRE(this->on.store->hold(quote, quota::first_epoch).has_value());
    return quote;
  }
  Quote quoted(std::vector<QuotePart> parts) {
    const auto id = this->template id<base::QuoteId>();
    return {.id = id,
            .key = this->key.id,
            .created = this->now,
            .expires = {this->now.ms + minute_ms},
            .parts = std::move(parts)};
  }
  Quote found(const Quote& quote) { return *known(quote); }
  std::optional<Quote> known(const Quote& quote) {
    const auto found = this->on.store->find_quote(quote.id, this->now);
    REQUIRE(found.has_value());
    return *found;
  }
  quota::Redemption call_of(const Quote& quote, const std::vector<std::pair<CounterKey, std::int64_t>>& wants) {
    quota::Redemption redemption{
        .quote = quote.id, .exchange = this->template id<base::ExchangeId>(), .now = this->now};
    for (const auto& [counter, amount] : wants)
      redemption.limits.push_back({.of = {.counter = counter, .at = this->now}, .at_least = amount, .at_most = amount});
    return redemption;
  }
  quota::Redeemed redeem(const quota::Redemption& redemption) {
    auto redeemed = this->on.store->redeem(redemption);
    REQUIRE(redeemed.has_value());
    return *redeemed;
  }
  quota::EndedQuotes end(std::vector<base::QuoteId> also = {}) {
    const auto ended = this->on.store->end_quotes(this->now, also);
    REQUIRE(ended.has_value());
    return *ended;
  }
  // A grant of the account's balance, of so many nano-dollars.
  CounterKey credit(std::int64_t amount) {
    ledger::Order order;
    order.id = this->template id<base::TransferId>();
    order.kind = ledger::TransferKind::top_up;
    order.account = this->account.id;
    order.amount = base::Money::from_nanos(amount);
    order.terms = ledger::Terms{};
    order.opens = this->template id<base::GrantId>();
    const auto posted = this->on.store->post(order, this->now);
    REQUIRE(posted.has_value());
    REQUIRE(posted->status == ledger::PostStatus::posted);
    return {catalog::counter_of(order.opens), {}};
  }
  void check_books() {
    const auto snapshot = catalog::Snapshot::build({.accounts = {this->account}, .keys = {this->key}, .limits = {}});
    const auto found = quota::examine(*this->on.store, **snapshot, this->now);
    REQUIRE(found.has_value());
    for (const quota::Discrepancy& wrong : found->wrong) FAIL_CHECK(wrong.what);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("a quote takes out of the lease what it holds, and nobody is granted it", Store, EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey counter = bench.limit(100);
  const CounterKey not_leased = bench.limit(100);
  CHECK(bench.grant(counter, 80, 80) == 80);
  const Quote quote = bench.hold({{counter, 60}, {not_leased, 0}});
  CHECK(bench.state(counter) == CounterState{.amount = 100, .leased = 20, .quoted = 60});
  CHECK(bench.state(counter).grantable() == 20);
  CHECK(bench.grant(counter, 21, 100) == 0);
  CHECK(bench.found(quote) == quote);
  // Of the lease only the rest can go back, or be settled.
  CHECK_FALSE(bench.flush({}, {{counter, 21}}).has_value());
  CHECK(bench.flush({}, {{counter, 20}}).has_value());
  CHECK(bench.state(counter) == CounterState{.amount = 100, .quoted = 60});
  bench.check_books();
}

TEST_CASE_TEMPLATE("to hold a quote once more changes nothing", Store, EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 80, 80) == 80);
  const Quote quote = bench.hold({{counter, 30}});
  CHECK(bench.on.store->hold(quote, quota::first_epoch).has_value());
  CHECK(bench.state(counter) == CounterState{.amount = 100, .leased = 50, .quoted = 30});
}

TEST_CASE_TEMPLATE("a quote of more than is leased holds nothing at all", Store, EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey first = bench.limit(100);
  const CounterKey second = bench.limit(100);
  CHECK(bench.grant(first, 50, 50) == 50);
  CHECK(bench.grant(second, 10, 10) == 10);
  const Quote quote = bench.quoted({{first, 50}, {second, 11}});
  CHECK_FALSE(bench.on.store->hold(quote, quota::first_epoch).has_value());
  CHECK(bench.state(first) == CounterState{.amount = 100, .leased = 50});
  CHECK_FALSE(bench.known(quote));
}

TEST_CASE_TEMPLATE("what redeems a quote is granted what it may cost; the rest goes back", Store, EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 100, 100) == 100);
  const Quote quote = bench.hold({{counter, 60}});
  const auto redeemed = bench.redeem(bench.call_of(quote, {{counter, 45}}));
  CHECK(redeemed.was_held);
  REQUIRE(redeemed.limits.size() == 1);
  CHECK(redeemed.limits[0].granted == 45);
  CHECK(redeemed.limits[0].state == bench.state(counter));
  CHECK(bench.state(counter) == CounterState{.amount = 100, .leased = 85});
  CHECK(bench.found(quote).state == QuoteState::redeemed);
  CHECK(bench.found(quote).parts.empty());
  // Once.
  CHECK_FALSE(bench.redeem(bench.call_of(quote, {{counter, 1}})).was_held);
  CHECK(bench.state(counter) == CounterState{.amount = 100, .leased = 85});
  // It is lease money like any other.
  REQUIRE(bench.flush({bench.exchange(40, {{counter.limit, counter.label, 45, 40, 0}})}, {{counter, 45}}).has_value());
  CHECK(bench.state(counter) == CounterState{.amount = 100, .spent = 40});
  bench.check_books();
}

TEST_CASE_TEMPLATE("a quote pays although its limit is above its amount by now", Store, EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 100, 100) == 100);
  const Quote quote = bench.hold({{counter, 60}});
  bench.change_amount(counter, 10);
  const auto redeemed = bench.redeem(bench.call_of(quote, {{counter, 60}}));
  REQUIRE(redeemed.limits.size() == 1);
  CHECK(redeemed.limits[0].granted == 60);
  CHECK(bench.state(counter) == CounterState{.amount = 10, .leased = 100});
}

TEST_CASE_TEMPLATE("in another window the limit itself has to pay, or nothing happens", Store, EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey yesterday = bench.limit(100);
  const CounterKey counter{yesterday.limit, {tests::tomorrow.ms}};
  const CounterKey other = bench.limit(100);
  CHECK(bench.grant(yesterday, 60, 60) == 60);
  CHECK(bench.grant(other, 60, 60) == 60);
  const Quote quote = bench.hold({{yesterday, 60}, {other, 60}});
  CHECK(bench.grant(counter, 50, 50) == 50);
  const auto refused = bench.redeem(bench.call_of(quote, {{other, 60}, {counter, 51}}));
  CHECK(refused.was_held);
  CHECK(refused.short_of == 1);
  CHECK(refused.state == CounterState{.amount = 100, .leased = 50});
  CHECK(refused.limits.empty());
  CHECK(bench.found(quote) == quote);
  CHECK(bench.state(other) == CounterState{.amount = 100, .quoted = 60});

  const auto redeemed = bench.redeem(bench.call_of(quote, {{other, 60}, {counter, 50}}));
  REQUIRE(redeemed.limits.size() == 2);
  CHECK(redeemed.limits[1].granted == 50);
  CHECK(bench.state(yesterday) == CounterState{.amount = 100});
  CHECK(bench.state(counter) == CounterState{.amount = 100, .leased = 100});
  CHECK(bench.state(other) == CounterState{.amount = 100, .leased = 60});
  bench.check_books();
}

TEST_CASE_TEMPLATE("a quote expires at its time, whoever looks first", Store, EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 100, 100) == 100);
  const Quote quote = bench.hold({{counter, 60}});
  bench.now.ms += 10;
  const Quote later = bench.hold({{counter, 30}});
  bench.now.ms = quote.expires.ms - 1;
  CHECK(bench.end().counters.empty());
  CHECK(bench.end().next_end == quote.expires);
  bench.now = quote.expires;
  SUBCASE("who reads the counter") {
    CHECK(bench.state({.counter = counter, .at = bench.now}) ==
          CounterState{.amount = 100, .leased = 10, .quoted = 30});
  }
  SUBCASE("who wants of it") { CHECK(bench.grant({.counter = counter, .at = bench.now}, 60, 60) == 60); }
  SUBCASE("who asks for the quote") { CHECK(bench.found(quote).state == QuoteState::expired); }
  SUBCASE("who would redeem it") {
    CHECK_FALSE(bench.redeem(bench.call_of(quote, {{counter, 60}})).was_held);
    CHECK(bench.state(counter) == CounterState{.amount = 100, .leased = 10, .quoted = 30});
  }
  SUBCASE("who sweeps") {
    const auto ended = bench.end();
    CHECK(ended.counters == std::vector{counter});
    CHECK(ended.next_end == later.expires);
  }
  CHECK(bench.found(quote).state == QuoteState::expired);
  CHECK(bench.found(later).state == QuoteState::held);
  CHECK(bench.end().next_end == later.expires);
  bench.check_books();
}

TEST_CASE_TEMPLATE("a quote that is named ends before its time, and no other one", Store, EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 100, 100) == 100);
  const Quote quote = bench.hold({{counter, 60}});
  const Quote other = bench.hold({{counter, 40}});
  CHECK(bench.end({quote.id}).next_end == other.expires);
  CHECK(bench.found(quote).state == QuoteState::expired);
  CHECK(bench.end({quote.id, other.id}).next_end == std::nullopt);
  CHECK(bench.state(counter) == CounterState{.amount = 100});
}

TEST_CASE_TEMPLATE("a quote outlives the process that asked for it, crashed or not", Store, EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 100, 100) == 100);
  const Quote quote = bench.hold({{counter, 60}});
  REQUIRE(bench.on.store->open_incarnation(bench.now).has_value());
  CHECK(bench.state(counter) == CounterState{.amount = 100, .unresolved = 40, .quoted = 60});
  CHECK(bench.redeem(bench.call_of(quote, {{counter, 60}})).limits.at(0).granted == 60);
  // Between here and the journal: lease money that nobody accounts for.
  REQUIRE(bench.on.store->open_incarnation(bench.now).has_value());
  CHECK(bench.state(counter) == CounterState{.amount = 100, .unresolved = 100});
  CHECK(bench.found(quote).state == QuoteState::redeemed);
  bench.check_books();
}

TEST_CASE_TEMPLATE("of a store that was put back no quote is held: it may have been redeemed", Store, EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 60, 60) == 60);
  const Quote quote = bench.hold({{counter, 60}});
  REQUIRE(
      bench.on.store->recover(bench.now, {.incarnation = {}, .records = {}, .doubt = "put back", .seen_incarnation = 7})
          .has_value());
  CHECK(bench.found(quote).state == QuoteState::expired);
  CHECK(bench.state(counter) == CounterState{.amount = 100});
  bench.check_books();
}

TEST_CASE_TEMPLATE("a redemption brings what was granted and never heard of, too", Store, EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 60, 60) == 60);
  const Quote quote = bench.hold({{counter, 60}});
  CHECK(bench.grant(counter, 15, 15) == 15);  // whose answer was lost
  auto call = bench.call_of(quote, {{counter, 50}});
  call.limits[0].granted_before = 60;
  CHECK(bench.redeem(call).limits.at(0).granted == 65);
}

TEST_CASE_TEMPLATE("a quote holds of a balance, and is paid from what stands first at that moment", Store,
                   EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey old = bench.credit(100);
  CHECK(bench.grant(old, 100, 100) == 100);
  const Quote quote = bench.hold({{old, 80, true}});
  CHECK(bench.on.store->book(bench.account.id)->front().available() == base::Money::zero());
  const CounterKey young = bench.credit(30);
  auto call = bench.call_of(quote, {});
  for (const CounterKey& grant : {old, young})
    call.grants.push_back({.of = {.counter = grant, .at = bench.now}, .at_least = 0, .at_most = 90});
  call.charge = 111;
  const auto refused = bench.redeem(call);
  CHECK(refused.short_of == 0);
  CHECK(refused.state.grantable() == 110);  // 20 of the old one are leased
  call.charge = 90;
  const auto redeemed = bench.redeem(call);
  REQUIRE(redeemed.grants.size() == 2);
  CHECK(redeemed.grants[0].granted == 80);
  CHECK(redeemed.grants[1].granted == 10);
  CHECK(bench.state(old) == CounterState{.amount = 100, .leased = 100});
  CHECK(bench.state(young) == CounterState{.amount = 30, .leased = 10});
  bench.check_books();
}

TEST_CASE_TEMPLATE("an ended quote is forgotten a day after its time, by the way", Store, EVERY_STORE) {
  QuoteBench<Store> bench;
  const CounterKey counter = bench.limit(100);
  CHECK(bench.grant(counter, 100, 100) == 100);
  const Quote quote = bench.hold({{counter, 60}});
  bench.now.ms = quote.expires.ms + quota::ended_quotes_kept_ms - 2;
  CHECK(bench.found(quote).state == QuoteState::expired);
  bench.hold({{counter, 1}});  // the bench's clock goes on with each id
  CHECK(bench.known(quote));
  bench.hold({{counter, 1}});
  CHECK_FALSE(bench.known(quote));
}
