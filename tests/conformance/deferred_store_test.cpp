#include "quota/deferred.h"

#include "tests/conformance/stores.h"

using quota::CounterKey;
using quota::Deferred;
using tests::Bench;

namespace {

template <class Store>
Deferred work_of(Bench<Store>& bench, std::string object) {
  return {.upstream = "openai",
          .object = std::move(object),
          .exchange = bench.template id<base::ExchangeId>(),
          .account = bench.account.id,
          .key = bench.key.id,
          .begun = bench.now,
          .terms = R"({"model":"m"})"};
}

template <class Store>
std::optional<Deferred> found(Bench<Store>& bench, const std::string& object, base::AccountId by) {
  const auto work = bench.on.store->find_deferred({by, object, {"azure", "openai"}});
  REQUIRE(work.has_value());
  return *work;
}

}  // namespace

TEST_CASE_TEMPLATE("work is found by its account at the upstreams that are asked about, and by no other account", Store,
                   EVERY_STORE) {
  Bench<Store> bench;
  const Deferred work = work_of(bench, "resp_1");
  REQUIRE(bench.on.store->keep_deferred(work).has_value());
  REQUIRE(bench.on.store->keep_deferred(work).has_value());  // again
  CHECK(found(bench, "resp_1", bench.account.id) == work);
  CHECK(found(bench, "resp_1", bench.template id<base::AccountId>()) == std::nullopt);
  CHECK(found(bench, "resp_2", bench.account.id) == std::nullopt);
  CHECK(bench.on.store->find_deferred({bench.account.id, "resp_1", {"azure"}})->has_value() == false);
}

TEST_CASE_TEMPLATE("an id that an upstream gives twice stays with the first work", Store, EVERY_STORE) {
  Bench<Store> bench;
  const Deferred first = work_of(bench, "resp_1");
  Deferred second = work_of(bench, "resp_1");
  second.account = bench.template id<base::AccountId>();
  REQUIRE(bench.on.store->keep_deferred(first).has_value());
  const auto refused = bench.on.store->keep_deferred(second);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().type == base::ErrorType::conflict);
  CHECK(found(bench, "resp_1", bench.account.id) == first);
  CHECK(found(bench, "resp_1", second.account) == std::nullopt);
  second.upstream = "azure";  // another upstream's ids are its own
  REQUIRE(bench.on.store->keep_deferred(second).has_value());
  CHECK(found(bench, "resp_1", second.account) == second);
}

TEST_CASE_TEMPLATE("what is gone at the provider is not found any more", Store, EVERY_STORE) {
  Bench<Store> bench;
  REQUIRE(bench.on.store->keep_deferred(work_of(bench, "resp_1")).has_value());
  REQUIRE(bench.on.store->keep_deferred(work_of(bench, "resp_2")).has_value());
  for (int i = 0; i < 2; ++i) REQUIRE(bench.on.store->forget_deferred("openai", "resp_1").has_value());
  CHECK(found(bench, "resp_1", bench.account.id) == std::nullopt);
  CHECK(found(bench, "resp_2", bench.account.id).has_value());
}

TEST_CASE_TEMPLATE("old work is forgotten when new work comes, but not while it holds something", Store, EVERY_STORE) {
  Bench<Store> bench;
  const CounterKey counter = bench.limit(100);
  REQUIRE(bench.grant(counter, 60, 60) == 60);
  auto held = bench.exchange(0, {{counter.limit, counter.label, 10, 0, 10}});
  held.outcome = events::Outcome::deferred;
  Deferred running = work_of(bench, "resp_1");
  running.exchange = held.id;
  const Deferred done = work_of(bench, "resp_2");
  for (const Deferred& work : {running, done}) REQUIRE(bench.on.store->keep_deferred(work).has_value());
  REQUIRE(bench.flush({held}).has_value());
  const auto add_later = [&](std::string object) {
    bench.now.ms += quota::deferred_kept_ms + 1;
    REQUIRE(bench.on.store->keep_deferred(work_of(bench, std::move(object))).has_value());
  };
  add_later("resp_3");
  CHECK(found(bench, "resp_1", bench.account.id) == running);
  CHECK(found(bench, "resp_2", bench.account.id) == std::nullopt);
  quota::Correction correction{.item = held.id, .verdict = quota::Verdict::settled, .reason = {}, .record = {}};
  correction.record = bench.exchange(4, {{counter.limit, counter.label, 0, 4, -10}});
  correction.record.outcome = events::Outcome::corrected;
  REQUIRE(bench.on.store->correct(correction).has_value());
  add_later("resp_4");
  CHECK(found(bench, "resp_1", bench.account.id) == std::nullopt);
}

TEST_CASE_TEMPLATE("work that goes on is an item, even where no limit holds anything for it", Store, EVERY_STORE) {
  Bench<Store> bench;
  auto unlimited = bench.exchange(0, {});
  unlimited.outcome = events::Outcome::deferred;
  REQUIRE(bench.flush({unlimited}).has_value());
  CHECK(bench.on.store->item(unlimited.id)->record == unlimited);
  CHECK(quota::cause_of(unlimited) == quota::UnresolvedCause::deferred);
  quota::Correction correction{.item = unlimited.id, .verdict = quota::Verdict::settled, .reason = {}, .record = {}};
  correction.record = bench.exchange(4, {});
  correction.record.outcome = events::Outcome::corrected;
  REQUIRE(bench.on.store->correct(correction).has_value());
  CHECK(bench.records().size() == 2);
  CHECK(bench.on.store->open_items({})->empty());
}

TEST_CASE_TEMPLATE("an account's work is listed in its order, by kind and upstream, behind any of it", Store,
                   EVERY_STORE) {
  Bench<Store> bench;
  using enum quota::DeferredKind;
  const base::AccountId other = bench.template id<base::AccountId>();
  base::WallTime at = bench.now;
  const auto add = [&](std::string object, quota::DeferredKind kind, std::string upstream = "openai",
                       std::optional<base::AccountId> account = std::nullopt) {
    Deferred work = work_of(bench, std::move(object));
    work.kind = kind;
    work.begun = at;
    work.upstream = std::move(upstream);
    work.account = account.value_or(bench.account.id);
    REQUIRE(bench.on.store->keep_deferred(work).has_value());
  };
  add("b", file);
  add("a", file);  // at the same moment: by its name
  at.ms += 1;
  add("batch_1", batch);
  add("c", output, "azure");
  add("theirs", file, "openai", other);
  add("elsewhere", file, "far");
  at.ms += 1;
  add("d", errors);

  quota::DeferredListing listing{
      .account = bench.account.id, .upstreams = {"azure", "openai"}, .kinds = {file, output, errors}};
  const auto names = [&](std::optional<std::string> after = std::nullopt) {
    listing.after = std::move(after);
    const auto page = bench.on.store->list_deferred(listing);
    REQUIRE(page.has_value());
    std::string all;
    for (const Deferred& work : *page) all += work.object + " ";
    return all;
  };
  CHECK(names() == "d c b a ");
  CHECK(names("d") == "c b a ");
  CHECK(names("b") == "a ");
  CHECK(names("batch_1") == "b a ");
  CHECK(names("a").empty());
  CHECK(bench.on.store->list_deferred(listing)->empty());
  listing.limit = 2;
  CHECK(names() == "d c ");
  CHECK(names("c") == "b a ");
  listing.limit = 20;
  listing.order = quota::DeferredListing::Order::oldest_first;
  CHECK(names() == "a b c d ");
  CHECK(names("b") == "c d ");
  listing.kinds = {batch};
  CHECK(names() == "batch_1 ");
  listing.kinds = {file};
  REQUIRE(bench.on.store->forget_deferred("openai", "a").has_value());
  CHECK(names() == "b ");
  CHECK(names("a") == "b ");  // it is gone, and its place is not
  listing.after = "theirs";
  CHECK(bench.on.store->list_deferred(listing).error().type == base::ErrorType::not_found);
  listing.account = other;
  CHECK(names() == "theirs ");
}

TEST_CASE_TEMPLATE("what is gone at the provider does not come back", Store, EVERY_STORE) {
  Bench<Store> bench;
  const Deferred work = work_of(bench, "file-1");
  REQUIRE(bench.on.store->keep_deferred(work).has_value());
  REQUIRE(bench.on.store->forget_deferred("openai", "file-1").has_value());
  REQUIRE(bench.on.store->keep_deferred(work).has_value());  // its batch has named it again
  CHECK(found(bench, "file-1", bench.account.id) == std::nullopt);
}
