#include "base/assert.h"
#include "catalog/grant.h"
#include "quota/doctor.h"
#include "tests/conformance/stores.h"
#include "tests/support/seeded_random.h"

using base::Money;
using catalog::GrantKind;
using ledger::Order;
using ledger::PostStatus;
using ledger::TransferKind;
using quota::CounterState;

namespace {

Money nanos(std::int64_t value) { return Money::from_nanos(value); }

// Orders and charges on one store. Ids are numbers, so that two stores can live the same life.
template <class Store>
struct Balances : tests::Bench<Store> {
  using tests::Bench<Store>::on;
  using tests::Bench<Store>::now;
  using tests::Bench<Store>::account;

  template <class SomeId>
  static SomeId numbered(int kind, int number) {
    SomeId id;
    id.uuid.bytes[0] = static_cast<std::uint8_t>(kind);
    id.uuid.bytes[14] = static_cast<std::uint8_t>(number >> 8);
    id.uuid.bytes[15] = static_cast<std::uint8_t>(number);
    return id;
  }
  static base::GrantId grant_id(int number) { return numbered<base::GrantId>(0xA0, number); }
  static base::ExchangeId exchange_id(int number) { return numbered<base::ExchangeId>(0xB0, number); }

  ledger::Decided post(int number, TransferKind kind, base::Uuid subject, std::int64_t amount,
                       std::optional<ledger::Terms> terms = {}, base::AccountId of = {}) {
    const Order order{.id = numbered<base::TransferId>(0xC0, number),
                      .kind = kind,
                      .account = of.is_nil() ? account.id : of,
                      .subject = subject,
                      .amount = nanos(amount),
                      .note = "note",
                      .terms = terms,
                      .opens = terms ? grant_id(number) : base::GrantId{}};
    auto decided = on.store->post(order, now);
    REQUIRE(decided.has_value());
    return *decided;
  }
  quota::CounterKey top_up(int number, std::int64_t amount, ledger::Terms terms = {}) {
    REQUIRE(post(number, TransferKind::top_up, {}, amount, terms).status == PostStatus::posted);
    return counter(number);
  }
  static quota::CounterKey counter(int number) { return {catalog::counter_of(grant_id(number)), {}}; }
  std::int64_t lease(int number, std::int64_t at_least, std::int64_t at_most) {
    const quota::GrantRequest request{
        .of = {.counter = counter(number), .at = now}, .at_least = at_least, .at_most = at_most};
    const auto grants = on.store->grant(std::span(&request, 1));
    REQUIRE(grants.has_value());
    return grants->front().granted;
  }
  // An exchange that held these of grants: number, reserved, spent, unresolved.
  struct Use {
    int grant;
    std::int64_t reserved, spent, unresolved;
  };
  void use(int number, std::int64_t cost, const std::vector<Use>& uses) {
    events::Holds holds;
    for (const Use& one : uses)
      holds.push_back({.limit = counter(one.grant).limit,
                       .label = {},
                       .reserved = one.reserved,
                       .spent = one.spent,
                       .unresolved = one.unresolved});
    auto record = this->exchange(cost, holds);
    record.id = exchange_id(number);
    REQUIRE(this->flush({record}).has_value());
    REQUIRE(this->flush({record}).has_value());  // told twice
  }
  ledger::Book book() {
    auto read = on.store->book(account.id);
    REQUIRE(read.has_value());
    return std::move(*read);
  }
  ledger::GrantState state_of(int number) {
    for (const ledger::GrantState& state : book())
      if (state.grant.id == grant_id(number)) return state;
    FAIL("no such grant");
    return {};
  }
  std::vector<ledger::Transfer> transfers(const ledger::TransferFilter& filter = {}) {
    const auto page = on.store->transfers(filter);
    REQUIRE(page.has_value());
    return *page;
  }
  void check_books() {
    const auto found = on.store->check();
    REQUIRE(found.has_value());
    for (const ledger::Discrepancy& one : *found) {
      INFO(one.what, " ", one.kept.nanos(), " ", one.derived.nanos());
      CHECK(false);
    }
    const auto snapshot = catalog::Snapshot::build(*on.store->load());
    REQUIRE(snapshot.has_value());
    // The catalog's view of grants is the same, however it is read.
    const auto all = on.store->load_grants(std::nullopt);
    CHECK(*all == on.store->load()->grants);
    for (const catalog::Account& one : (*snapshot)->accounts()) {
      auto own = *all;
      std::erase_if(own, [&](const catalog::Grant& grant) { return grant.account != one.id; });
      CHECK(*on.store->load_grants(one.id) == own);
    }
    const auto examined = quota::examine(*on.store, **snapshot, now);
    REQUIRE(examined.has_value());
    CHECK(examined->wrong == std::vector<quota::Discrepancy>{});
    CHECK(examined->transfers >= transfers({.account = {}, .before = {}, .limit = 1'000}).size());
    for (const quota::KeptCounter& counter : examined->counters) CHECK_FALSE(counter.counter.limit.is_nil());
  }
};

}  // namespace

TEST_CASE_TEMPLATE("a grant is a counter that is leased like a limit's", Store, EVERY_STORE) {
  Balances<Store> bench;
  const auto counter = bench.top_up(1, 100);
  CHECK(bench.state(counter) == CounterState{.amount = 100});
  CHECK(bench.lease(1, 1, 60) == 60);
  CHECK(bench.lease(1, 41, 60) == 0);
  CHECK(bench.state(counter) == CounterState{.amount = 100, .leased = 60});
  REQUIRE(bench.flush({}, {{counter, 20}}).has_value());
  CHECK(bench.lease(1, 60, 60) == 60);
  bench.check_books();
}

TEST_CASE_TEMPLATE("a record that held grants is a transfer with one posting for each, once", Store, EVERY_STORE) {
  Balances<Store> bench;
  bench.top_up(1, 100, {.priority = 1, .effective = {}, .fee = {}});
  bench.top_up(2, 100, {.kind = GrantKind::paid, .effective = {}, .fee = {500}});
  CHECK(bench.state_of(2).grant.credited == nanos(95));
  CHECK(bench.lease(1, 30, 30) == 30);
  CHECK(bench.lease(2, 50, 50) == 50);
  bench.use(1, 40, {{1, 30, 30, 0}, {2, 50, 14, 6}});
  const auto transfer = *bench.on.store->find_transfer({bench.exchange_id(1).uuid});
  REQUIRE(transfer.has_value());
  const std::string spender = ledger::book::account(bench.account.id);
  CHECK(transfer->postings ==
        std::vector<ledger::Posting>{{spender, "provider:openai", nanos(40)},
                                     {ledger::book::grant(bench.grant_id(1)), spender, nanos(30)},
                                     {ledger::book::grant(bench.grant_id(2)), spender, nanos(14)},
                                     {ledger::book::grant(bench.grant_id(2)), "unresolved", nanos(6)},
                                     {spender, "revenue", nanos(4)}});
  CHECK(transfer->account == bench.account.id);
  CHECK(bench.transfers().front() == *transfer);
  CHECK(bench.transfers().size() == 3);
  CHECK(bench.state_of(2).available() == nanos(95 - 14 - 6 - 30));
  bench.check_books();
}

TEST_CASE_TEMPLATE("what an exchange without grants moved is its record, and is no row", Store, EVERY_STORE) {
  Balances<Store> bench;
  bench.top_up(1, 100);
  const auto limit = bench.limit(100);
  const auto record = bench.exchange(30, {{limit.limit, limit.label, 30, 30, 0}});
  REQUIRE(bench.flush({record}).has_value());
  CHECK(bench.transfers().size() == 1);
  CHECK(**bench.on.store->find_transfer({record.id.uuid}) == ledger::transfer_of(record));
}

TEST_CASE_TEMPLATE("an order is taken once, and a second one with its id says what differs", Store, EVERY_STORE) {
  Balances<Store> bench;
  const auto first = bench.post(1, TransferKind::top_up, {}, 100, ledger::Terms{});
  CHECK(first.status == PostStatus::posted);
  bench.now.ms += 5;
  const auto again = bench.post(1, TransferKind::top_up, {}, 100, ledger::Terms{});
  CHECK(again.status == PostStatus::exists);
  CHECK(again.transfer == first.transfer);
  CHECK(again.opened == first.opened);
  CHECK(bench.post(1, TransferKind::top_up, {}, 101, ledger::Terms{}).status ==
        PostStatus::exists_with_different_amount);
  CHECK(bench.post(1, TransferKind::fee, {}, 100).status == PostStatus::exists_with_different_kind);
  catalog::Account other = bench.account;
  other.id = bench.template id<base::AccountId>();
  other.external_id = "other";
  REQUIRE(bench.on.store->put(other).has_value());
  CHECK(bench.post(1, TransferKind::top_up, {}, 100, ledger::Terms{}, other.id).status ==
        PostStatus::exists_with_different_account);
  CHECK(bench.post(2, TransferKind::void_grant, bench.grant_id(1).uuid, 0, {}, other.id).status ==
        PostStatus::unknown_grant);
  CHECK(bench.transfers().size() == 1);
  CHECK(bench.on.store->book(other.id)->empty());
  bench.check_books();
}

TEST_CASE_TEMPLATE("a refund goes back along the record, and no further", Store, EVERY_STORE) {
  Balances<Store> bench;
  bench.top_up(1, 100, {.priority = 1, .effective = {}, .expires = {bench.now.ms + 1'000}, .fee = {}});
  bench.top_up(2, 100);
  CHECK(bench.lease(1, 30, 30) == 30);
  CHECK(bench.lease(2, 20, 20) == 20);
  bench.use(1, 40, {{1, 30, 30, 0}, {2, 20, 10, 0}});
  bench.now.ms += 1'000;
  const base::Uuid exchange = bench.exchange_id(1).uuid;
  CHECK(bench.post(5, TransferKind::refund, exchange, 15).status == PostStatus::posted);
  CHECK(bench.state_of(2).grant.credited == nanos(110));
  CHECK(bench.state_of(1).expired == nanos(5));
  CHECK(bench.post(6, TransferKind::refund, exchange, 26).status == PostStatus::exceeds_charge);
  CHECK(bench.post(7, TransferKind::refund, exchange, 25).status == PostStatus::posted);
  CHECK(bench.post(8, TransferKind::refund, bench.exchange_id(2).uuid, 1).status == PostStatus::unknown_charge);
  CHECK(bench.post(9, TransferKind::refund, bench.template numbered<base::TransferId>(0xC0, 5).uuid, 1).status ==
        PostStatus::unknown_charge);
  bench.check_books();
}

TEST_CASE_TEMPLATE("a void grant hands out nothing, and gives up what comes back to it", Store, EVERY_STORE) {
  Balances<Store> bench;
  const auto counter = bench.top_up(1, 100, {.kind = GrantKind::paid, .effective = {}, .fee = {}});
  CHECK(bench.lease(1, 40, 40) == 40);
  CHECK(bench.post(2, TransferKind::void_grant, bench.grant_id(1).uuid, 0).status == PostStatus::posted);
  CHECK(bench.state(counter).amount == 0);
  REQUIRE(bench.flush({}, {{counter, 25}}).has_value());
  CHECK(bench.lease(1, 1, 25) == 0);
  CHECK(*bench.on.store->sweep(bench.now) == 1);
  CHECK(*bench.on.store->sweep(bench.now) == 0);
  CHECK(bench.state_of(1).available() == nanos(0));
  CHECK(bench.state_of(1).grant.credited == nanos(15));
  CHECK(bench.on.store->load()->grants.front().voided);  // known for as long as something of it is held
  bench.check_books();
}

TEST_CASE_TEMPLATE("what is left of a grant when it ends is posted as expired, and what comes back later too", Store,
                   EVERY_STORE) {
  Balances<Store> bench;
  const auto counter = bench.top_up(1, 100, {.effective = {}, .expires = {bench.now.ms + 10}, .fee = {}});
  CHECK(bench.lease(1, 40, 40) == 40);
  CHECK(*bench.on.store->sweep({bench.now.ms + 9}) == 0);
  CHECK(*bench.on.store->sweep({bench.now.ms + 10}) == 1);
  CHECK(bench.state_of(1).expired == nanos(60));
  REQUIRE(bench.flush({}, {{counter, 40}}).has_value());
  CHECK(*bench.on.store->sweep({bench.now.ms + 11}) == 1);
  CHECK(bench.state_of(1).expired == nanos(100));
  CHECK(bench.transfers().front().kind == TransferKind::expiry);
  bench.check_books();
}

TEST_CASE_TEMPLATE("while a grant is below zero the others hand out only what is left beyond its debt", Store,
                   EVERY_STORE) {
  Balances<Store> bench;
  bench.top_up(1, 100, {.kind = GrantKind::paid, .priority = 1, .effective = {}, .fee = {}});
  const auto other = bench.top_up(2, 50);
  CHECK(bench.lease(1, 80, 80) == 80);
  bench.use(1, 80, {{1, 80, 80, 0}});
  CHECK(bench.lease(2, 30, 30) == 30);
  CHECK(bench.post(3, TransferKind::dispute, bench.grant_id(1).uuid, 70).status == PostStatus::posted);
  CHECK(bench.state_of(1).available() == nanos(-50));
  // 20 of the other are to be had, and all of them go to the debt; 30 are missing until more comes back.
  CHECK(bench.lease(2, 1, 50) == 0);
  CHECK(bench.state_of(1).available() == nanos(-30));
  CHECK(bench.state(other) == CounterState{.amount = 0, .leased = 30});
  REQUIRE(bench.flush({}, {{other, 30}}).has_value());
  CHECK(bench.lease(2, 1, 50) == 0);
  CHECK(bench.state_of(1).available() == nanos(0));
  CHECK(bench.state_of(2).available() == nanos(0));
  bench.top_up(4, 10);
  CHECK(bench.lease(4, 10, 10) == 10);
  bench.check_books();
}

TEST_CASE_TEMPLATE("the catalog has the grants that something is left of or held", Store, EVERY_STORE) {
  Balances<Store> bench;
  bench.top_up(1, 100);
  bench.top_up(2, 50);
  CHECK(bench.lease(1, 100, 100) == 100);
  const auto ids = [&] {
    std::vector<base::GrantId> list;
    const auto contents = bench.on.store->load();
    for (const catalog::Grant& grant : contents->grants) list.push_back(grant.id);
    return list;
  };
  CHECK(ids() == std::vector{bench.grant_id(1), bench.grant_id(2)});
  CHECK(bench.on.store->load()->grants.front() == bench.state_of(1).grant);
  bench.use(1, 100, {{1, 100, 100, 0}});
  CHECK(ids() == std::vector{bench.grant_id(2)});
  CHECK(bench.post(3, TransferKind::refund, bench.exchange_id(1).uuid, 1).status == PostStatus::posted);
  CHECK(ids() == std::vector{bench.grant_id(1), bench.grant_id(2)});
}

TEST_CASE_TEMPLATE("what a crash leaves of a grant is held, and posted as held", Store, EVERY_STORE) {
  Balances<Store> bench;
  bench.top_up(1, 100);
  CHECK(bench.lease(1, 60, 60) == 60);
  auto open = bench.exchange(0, {{bench.counter(1).limit, {}, 25, 0, 25}});
  const auto recovered = bench.on.store->recover(
      bench.now, {.incarnation = 1, .records = std::span(&open, 1), .doubt = "the machine was started anew"});
  REQUIRE(recovered.has_value());
  CHECK(bench.state_of(1).unresolved == nanos(60));
  CHECK(bench.state_of(1).leased == nanos(0));
  const auto lost = bench.records().front().outcome == events::Outcome::unaccounted ? bench.records().front()
                                                                                    : bench.records().back();
  CHECK(lost.account == bench.account.id);
  CHECK((*bench.on.store->find_transfer({lost.id.uuid}))->postings ==
        std::vector<ledger::Posting>{{ledger::book::grant(bench.grant_id(1)), "unresolved", nanos(35)}});
  bench.check_books();
}

TEST_CASE_TEMPLATE("transfers are listed newest first, page by page, and by account", Store, EVERY_STORE) {
  Balances<Store> bench;
  catalog::Account other = bench.account;
  other.id = bench.template id<base::AccountId>();
  other.external_id = "other";
  REQUIRE(bench.on.store->put(other).has_value());
  for (int i = 1; i <= 7; ++i)
    bench.post(i, TransferKind::top_up, {}, i, ledger::Terms{}, i % 3 == 0 ? other.id : base::AccountId{});
  const auto amounts = [](const std::vector<ledger::Transfer>& page) {
    std::vector<std::int64_t> list;
    for (const ledger::Transfer& transfer : page) list.push_back(transfer.amount.nanos());
    return list;
  };
  using List = std::vector<std::int64_t>;
  auto page = bench.transfers({.account = {}, .before = {}, .limit = 3});
  CHECK(amounts(page) == List{7, 6, 5});
  page = bench.transfers({.account = {}, .before = page.back().id, .limit = 3});
  CHECK(amounts(page) == List{4, 3, 2});
  CHECK(amounts(bench.transfers({.account = bench.account.id, .before = page.back().id, .limit = 3})) == List{1});
  CHECK(amounts(bench.transfers({.account = other.id, .before = {}, .limit = 3})) == List{6, 3});
  CHECK_FALSE(
      bench.on.store->transfers({.account = {}, .before = base::TransferId{bench.account.id.uuid}}).has_value());
  CHECK_FALSE(bench.on.store->transfers({.account = {}, .before = {}, .limit = 0}).has_value());
}

namespace {

// A call that takes from one grant what it can, and gives some of it back; now and then it costs more.
template <class Dice>
void call_once(Balances<tests::InMemory>& memory, Balances<tests::OnSqlite>& sqlite, const Dice& below, int amount,
               int& exchanges) {
  const auto book = memory.book();
  const ledger::GrantState& state = book[static_cast<std::size_t>(below(static_cast<int>(book.size())))];
  const int number = state.grant.id.uuid.bytes[15];
  const std::int64_t leased = memory.lease(number, 1, amount);
  CHECK(leased == sqlite.lease(number, 1, amount));
  if (leased == 0) return;
  CHECK(memory.state_of(number).available() >= nanos(0));
  const int spent = below(static_cast<int>(leased) + 5);
  ++exchanges;
  memory.use(exchanges, spent, {{number, leased, spent, 0}});
  sqlite.use(exchanges, spent, {{number, leased, spent, 0}});
}

}  // namespace

// The reference and the database live the same life, and neither ever hands out more than the balance has.
TEST_CASE("after any life both stores hold the same books, and the postings say the same") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    tests::SeededRandom random(seed);
    const auto below = [&](int end) {
      std::uint32_t drawn = 0;
      random.fill(std::as_writable_bytes(std::span(&drawn, 1)));
      return static_cast<int>(drawn % static_cast<std::uint32_t>(end));
    };
    Balances<tests::InMemory> memory;
    Balances<tests::OnSqlite> sqlite;
    sqlite.now = memory.now;
    int grants = 0;
    int exchanges = 0;
    for (int step = 1; step <= 40; ++step) {
      memory.now.ms += below(50);
      sqlite.now = memory.now;
      const base::Uuid grant = memory.grant_id(1 + below(40)).uuid;
      const auto both = [&](auto act) {
        const auto one = act(memory);
        CHECK(one == act(sqlite));
        return one;
      };
      const int amount = 1 + below(80);
      const int which = grants == 0 ? 0 : below(9);
      switch (which) {
        case 0:
        case 1: {
          const ledger::Terms terms{.kind = below(2) == 0 ? GrantKind::paid : GrantKind::promotional,
                                    .priority = below(3),
                                    .effective = {},
                                    .expires = {memory.now.ms + 1 + below(600)},
                                    .fee = {below(900)}};
          if (both([&](auto& on) { return on.post(step, TransferKind::top_up, {}, amount, terms).status; }) ==
              PostStatus::posted)
            ++grants;
          break;
        }
        case 2: both([&](auto& on) { return on.post(step, TransferKind::dispute, grant, amount).status; }); break;
        case 3: both([&](auto& on) { return on.post(step, TransferKind::void_grant, grant, 0).status; }); break;
        case 4: both([&](auto& on) { return on.post(step, TransferKind::fee, {}, amount).status; }); break;
        case 5: both([&](auto& on) { return *on.on.store->sweep(on.now); }); break;
        case 6:
          both([&](auto& on) {
            return on.post(step, TransferKind::refund, on.exchange_id(1 + amount % 20).uuid, amount).status;
          });
          break;
        default: call_once(memory, sqlite, below, amount, exchanges);
      }
      CHECK(memory.book() == sqlite.book());
    }
    CHECK(memory.transfers({.account = {}, .before = {}, .limit = 1'000}) ==
          sqlite.transfers({.account = {}, .before = {}, .limit = 1'000}));
    memory.check_books();
    sqlite.check_books();
  }
}

TEST_CASE_TEMPLATE("a correction posts what it pays and what is held no more", Store, EVERY_STORE) {
  Balances<Store> bench;
  bench.top_up(1, 100);
  CHECK(bench.lease(1, 50, 50) == 50);
  bench.use(1, 10, {{1, 50, 10, 40}});
  quota::Correction correction{
      .item = bench.exchange_id(1), .verdict = quota::Verdict::settled, .reason = {}, .record = {}};
  correction.record = bench.exchange(15, {{bench.counter(1).limit, {}, 0, 15, -40}});
  correction.record.outcome = events::Outcome::corrected;
  REQUIRE(bench.on.store->correct(correction).has_value());
  REQUIRE(bench.on.store->correct(correction).has_value());
  const std::string grant = ledger::book::grant(bench.grant_id(1));
  const std::string spender = ledger::book::account(bench.account.id);
  CHECK((*bench.on.store->find_transfer({correction.record.id.uuid}))->postings ==
        std::vector<ledger::Posting>{
            {spender, "provider:openai", nanos(15)}, {"unresolved", grant, nanos(40)}, {grant, spender, nanos(15)}});
  CHECK(bench.state_of(1).available() == nanos(75));
  CHECK(bench.transfers().size() == 3);
  bench.check_books();
}

TEST_CASE_TEMPLATE("a monthly fee is posted once a period, by whichever sweep comes first, and what was missed too",
                   Store, EVERY_STORE) {
  Balances<Store> bench;
  constexpr std::int64_t day_ms = 86'400'000;
  bench.account.credit_only = true;
  bench.account.monthly_fee = catalog::MonthlyFee{
      .amount = nanos(30), .day = 1, .zone = *base::TimeZone::find("Europe/Berlin"), .since = bench.now};
  REQUIRE(bench.on.store->put(bench.account).has_value());
  CHECK(bench.on.store->load()->accounts == std::vector{bench.account});
  bench.top_up(1, 100);
  CHECK(*bench.on.store->sweep(bench.now) == 0);
  const base::WallTime december{tests::today.ms + 11 * day_ms}, february{tests::today.ms + 73 * day_ms};
  CHECK(*bench.on.store->sweep(december) == 1);
  CHECK(*bench.on.store->sweep(december) == 0);
  CHECK(bench.state_of(1).grant.credited == nanos(70));
  CHECK(bench.transfers().front().kind == TransferKind::fee);
  CHECK(bench.transfers().front().note == "monthly fee of the period from 2026-12-01");
  REQUIRE(bench.on.store->put(bench.account).has_value());  // an edit of something else

  // Two months went by; then the balance pays one more, and the rest when there is money again.
  CHECK(*bench.on.store->sweep(february) == 2);
  CHECK(bench.state_of(1).grant.credited == nanos(10));
  const base::WallTime april{tests::today.ms + 132 * day_ms};
  CHECK(*bench.on.store->sweep(april) == 0);
  CHECK(*bench.on.store->sweep(april) == 0);
  bench.top_up(2, 25);
  CHECK(*bench.on.store->sweep(april) == 1);
  CHECK(bench.transfers().front().note == "monthly fee of the period from 2027-03-01");
  bench.top_up(3, 100);
  CHECK(*bench.on.store->sweep(april) == 1);
  CHECK(*bench.on.store->sweep(april) == 0);
  bench.account.monthly_fee.reset();
  REQUIRE(bench.on.store->put(bench.account).has_value());
  CHECK(*bench.on.store->sweep({april.ms + 400 * day_ms}) == 0);
  bench.check_books();
}
