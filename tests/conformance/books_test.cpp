#include "quota/doctor.h"

#include <fmt/format.h>

#include "base/rfc3339.h"
#include "tests/conformance/stores.h"

using quota::CounterKey;
using quota::Discrepancy;
using tests::Bench;

namespace {

template <class Store>
quota::Examination examined(Bench<Store>& bench) {
  const auto snapshot = catalog::Snapshot::build(*bench.on.store->load());
  REQUIRE(snapshot.has_value());
  auto found = quota::examine(*bench.on.store, **snapshot, bench.now);
  REQUIRE(found.has_value());
  return std::move(*found);
}

}  // namespace

TEST_CASE_TEMPLATE("books that were kept by the store balance, whatever was booked", Store, EVERY_STORE) {
  Bench<Store> bench;
  CHECK(examined(bench).wrong.empty());
  const CounterKey counter = bench.limit(1'000), other = bench.limit(500);
  REQUIRE(bench.grant(counter, 300, 300) == 300);
  REQUIRE(bench.grant(other, 200, 200) == 200);
  const auto held = bench.exchange(
      7, {{counter.limit, counter.label, 60, 7, 53}, {other.limit, other.label, 1, 1, 0, base::WindowLabel{5}}});
  REQUIRE(bench
              .flush({held, bench.exchange(90, {{counter.limit, counter.label, 60, 90, 0}}),
                      bench.exchange(0, {{other.limit, other.label, 20, 0, 20}})},
                     {{counter, 30}})
              .has_value());
  auto found = examined(bench);
  CHECK(found.wrong == std::vector<Discrepancy>{});
  CHECK(found.unreadable.empty());
  CHECK(found.records == 3);
  CHECK(found.transfers == 2);
  CHECK(found.booked == base::Money::from_nanos(97));
  CHECK(found.open_items == 2);
  REQUIRE(found.open_leases.size() == 2);
  CHECK(found.open_leases.front().remainder() + found.open_leases.back().remainder() == 150 + 179);

  quota::Correction made{.item = held.id, .reason = {}, .record = bench.exchange(10, {})};
  made.record.outcome = events::Outcome::corrected;
  made.record.holds = {{counter.limit, counter.label, 0, 10, -53}};
  REQUIRE(bench.on.store->correct(made).has_value());
  REQUIRE(bench.on.store->recover(bench.now, {.incarnation = 1, .records = {}, .doubt = "a gap"}).has_value());
  found = examined(bench);
  CHECK(found.wrong == std::vector<Discrepancy>{});
  CHECK(found.open_leases.empty());
  CHECK(found.open_items == 3);  // one was corrected, two leases were left
  CHECK(found.booked == base::Money::from_nanos(107));
}

// Shows one record, and a counter that does not go with it.
class CrookedBooks final : public quota::Books {
 public:
  std::function<void(quota::BooksReader&)> tell;
  base::Result<Kept> show(quota::BooksReader& reader) override {
    tell(reader);
    return Kept{.incarnation = 2};
  }
};

TEST_CASE("a roll-up that is not what its records come to is named with its time") {
  Bench<tests::InMemory> bench;
  const auto record = bench.exchange(30, {});
  const quota::KeptRollUp right{.by = quota::KeptRollUp::By::model,
                                .at = {record.started.ms / 3'600'000 * 3'600'000},
                                .name = record.model,
                                .sum = {.group = {}, .requests = 1, .cost = record.cost}};
  const auto wrong_of = [&](const quota::KeptRollUp& kept) {
    class RolledUp final : public quota::Books {
     public:
      RolledUp(const quota::KeptRollUp& kept, const events::UsageRecord& record) : kept_(kept), record_(record) {}
      base::Result<Kept> show(quota::BooksReader& reader) override {
        reader.see(kept_);
        reader.see(record_, true);
        return Kept{.incarnation = 1, .rolls_up = true};
      }

     private:
      const quota::KeptRollUp& kept_;
      const events::UsageRecord& record_;
    } books(kept, record);
    const auto found = quota::examine(books, **catalog::Snapshot::build({}), bench.now);
    std::vector<std::string> wrong;
    for (const Discrepancy& one : found->wrong)
      if (one.what.starts_with("usage by model"))
        wrong.push_back(fmt::format("{}: {} {}", one.what, one.kept, one.derived));
    return wrong;
  };
  auto kept = right;
  const auto text = [&](const std::string& what) {
    return fmt::format("usage by model '{}' at {}, {}", kept.name, base::to_rfc3339(kept.at), what);
  };
  kept.sum.cost = base::Money::from_nanos(31);
  const auto wrong = wrong_of(kept);
  REQUIRE_FALSE(wrong.empty());
  CHECK(wrong.front() == text("cost: 31 30"));
  CHECK(std::ranges::count_if(wrong_of(right), [](const auto& one) { return one.contains("cost"); }) == 0);
  kept = right;
  kept.sum.requests = 2;
  CHECK(wrong_of(kept).front() == text("requests: 2 1"));
  kept = right;
  kept.at.ms += 3'600'000;
  CHECK(wrong_of(kept).size() >= 2);
}

TEST_CASE("each number that is not what its records say is named") {
  Bench<tests::InMemory> bench;
  const CounterKey counter = bench.limit(100);
  const auto record = bench.exchange(30, {{counter.limit, counter.label, 30, 30, 9, base::WindowLabel{4}}});
  const quota::KeptCounter right{.counter = counter, .spent = 30, .leased = 12, .unresolved = 9};
  const quota::KeptLease lease{
      .incarnation = 2, .counter = counter, .granted = 60, .returned = 9, .consumed = 39, .open = true};
  const quota::KeptSum sum{.account = bench.account.id, .cost = base::Money::from_nanos(30)};
  const quota::UnresolvedItem item{.record = record, .since = {}};
  const auto kept = [](quota::KeptCounter of, auto change) {
    change(of);
    return of;
  };
  struct Row {
    const char* name;
    quota::KeptCounter counter;
    quota::KeptLease lease;
    quota::KeptSum sum;
    bool item;
    std::vector<Discrepancy> wrong;
  };
  auto dead = lease;
  dead.incarnation = 1;
  auto below = lease;
  below.returned = 30;
  const auto sum_of = [&](std::int64_t nanos) {
    return quota::KeptSum{.account = bench.account.id, .cost = base::Money::from_nanos(nanos)};
  };
  for (const Row& row :
       {Row{"all is right", right, lease, sum, true, {}},
        Row{"spent", kept(right, [](auto& of) { of.spent = 29; }), lease, sum, true, {{"spent", counter, {}, 29, 30}}},
        Row{"leased", kept(right, [](auto& of) { of.leased = 0; }), lease, sum, true, {{"leased", counter, {}, 0, 12}}},
        Row{"unresolved",
            kept(right, [](auto& of) { of.unresolved = 8; }),
            lease,
            sum,
            true,
            {{"unresolved", counter, {}, 8, 9}, {"open items", counter, {}, 8, 9}}},
        Row{"an item is missing", right, lease, sum, false, {{"open items", counter, {}, 9, 0}}},
        Row{"a lease of another incarnation", right, dead, sum, true, {{"incarnation of a lease", counter, {}, 1, 2}}},
        Row{"a lease below zero",
            kept(right, [](auto& of) { of.leased = -9; }),
            below,
            sum,
            true,
            {{"lease", counter, {}, -9, 0}}},
        Row{"a sum of usage", right, lease, sum_of(31), true, {{"sum of usage", {}, bench.account.id, 31, 30}}}}) {
    CAPTURE(row.name);
    CrookedBooks books;
    books.tell = [&](quota::BooksReader& reader) {
      reader.see(row.counter);
      reader.see(row.lease);
      reader.see(row.sum);
      if (row.item) reader.see(item);
      reader.see(record, true);
    };
    const auto snapshot = *catalog::Snapshot::build(*bench.on.store->load());
    CHECK(quota::examine(books, *snapshot, bench.now)->wrong == row.wrong);
    // What cannot be read makes sums of the rest worthless, and leases are no sums.
    const auto whole = books.tell;
    books.tell = [&](quota::BooksReader& reader) {
      whole(reader);
      reader.unreadable("a segment");
    };
    const auto found = quota::examine(books, *snapshot, bench.now);
    CHECK(found->unreadable == std::vector<std::string>{"a segment"});
    for (const Discrepancy& one : found->wrong) CHECK(one.what.contains("lease"));
  }
}

TEST_CASE("each number of a grant that is not what its postings say is named") {
  Bench<tests::InMemory> bench;
  const auto grant = bench.id<base::GrantId>();
  const CounterKey counter{catalog::counter_of(grant), {}};
  const auto nanos = [](std::int64_t value) { return base::Money::from_nanos(value); };
  const auto record = bench.exchange(30, {{counter.limit, counter.label, 40, 30, 10}});
  const std::string name = ledger::book::grant(grant), spender = ledger::book::account(bench.account.id);
  const auto text = [](std::string_view view) { return std::string(view); };
  // 100 came in; 30 were spent and 10 are held; 50 were disputed, and 7 have expired.
  using ledger::TransferKind;
  const std::vector<std::pair<TransferKind, ledger::Posting>> postings{
      {TransferKind::top_up, {text(ledger::book::deposits), name, nanos(100)}},
      {TransferKind::charge, {spender, "provider:one", nanos(30)}},
      {TransferKind::charge, {name, spender, nanos(30)}},
      {TransferKind::charge, {name, text(ledger::book::unresolved), nanos(10)}},
      {TransferKind::expiry, {name, text(ledger::book::expired), nanos(9)}},
      {TransferKind::dispute, {text(ledger::book::expired), name, nanos(2)}},
      {TransferKind::dispute, {name, text(ledger::book::deposits), nanos(50)}}};
  const quota::KeptGrant right{.id = grant, .credited = nanos(43), .disputed = nanos(50), .expired = nanos(7)};
  struct Row {
    const char* name;
    quota::KeptGrant grant;
    std::size_t without;  // this posting is missing
    std::vector<Discrepancy> wrong;
  };
  const auto with = [&](base::Money quota::KeptGrant::* number, std::int64_t value) {
    quota::KeptGrant kept = right;
    kept.*number = nanos(value);
    return kept;
  };
  constexpr std::size_t none = 99;
  for (const Row& row :
       {Row{"all is right", right, none, {}},
        Row{"credited", with(&quota::KeptGrant::credited, 44), none, {{"balance", counter, {}, 4, 3}}},
        Row{"disputed", with(&quota::KeptGrant::disputed, 0), none, {{"disputed", counter, {}, 0, 50}}},
        Row{"expired", with(&quota::KeptGrant::expired, 9), none, {{"expired", counter, {}, 9, 7}}},
        Row{"a charge was not posted", right, 2, {{"balance", counter, {}, 3, 33}}}}) {
    CAPTURE(row.name);
    CrookedBooks books;
    books.tell = [&](quota::BooksReader& reader) {
      reader.see(row.grant);
      reader.see(quota::KeptCounter{.counter = counter, .spent = 30, .unresolved = 10});
      for (std::size_t i = 0; i < postings.size(); ++i)
        if (i != row.without) reader.see(postings[i].second, postings[i].first);
      reader.see(quota::UnresolvedItem{.record = record, .since = {}});
      reader.see(record, false);
    };
    const auto snapshot = *catalog::Snapshot::build(*bench.on.store->load());
    const auto found = quota::examine(books, *snapshot, bench.now);
    CHECK(found->wrong == row.wrong);
    CHECK(found->booked == nanos(30));  // once: the record's transfer is the one that was posted
  }
  CrookedBooks books;
  books.tell = [&](quota::BooksReader& reader) { reader.see(postings[0].second, postings[0].first); };
  const auto found = quota::examine(books, **catalog::Snapshot::build(*bench.on.store->load()), bench.now);
  REQUIRE(found->wrong.size() == 1);
  CHECK(found->wrong[0].what == "balance of " + name);
}

TEST_CASE("of a rolling limit the sub-windows that count are compared, and no others") {
  Bench<tests::InMemory> bench;
  catalog::Limit limit{.id = bench.id<base::LimitId>(),
                       .subject = bench.account.id,
                       .name = "rolling",
                       .window = *base::parse_window("rolling:1h"),
                       .amount = 100,
                       .created = bench.now};
  REQUIRE(bench.on.store->put(limit).has_value());
  const auto live = base::sub_label(limit.window, bench.now);
  const auto old = base::sub_label(limit.window, {bench.now.ms - 2 * 86'400'000});
  const auto snapshot = *catalog::Snapshot::build(*bench.on.store->load());
  CrookedBooks books;
  books.tell = [&](quota::BooksReader& reader) {
    reader.see(quota::KeptCounter{.counter = {limit.id, {0}}, .spent = 12});
    reader.see(quota::KeptSubWindow{.limit = limit.id, .label = live, .spent = 4});
    reader.see(bench.exchange(0, {{limit.id, {0}, 5, 5, 0, live}}), false);
    reader.see(bench.exchange(0, {{limit.id, {0}, 7, 7, 0, old}}), false);
  };
  CHECK(quota::examine(books, *snapshot, bench.now)->wrong ==
        std::vector<Discrepancy>{{"sub-window", CounterKey{limit.id, live}, {}, 4, 5}});
}
