#pragma once
// The stores under test, and what the tests put into them. A test is a TEST_CASE_TEMPLATE over EVERY_STORE.

#include <doctest/doctest.h>

#include <memory>
#include <span>
#include <string>

#include "store/memory/memory_store.h"
#include "store/sealed_secrets.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

namespace tests {

struct InMemory {
  std::unique_ptr<store::MemoryStore> store = std::make_unique<store::MemoryStore>();
  catalog::SecretStore& secrets() { return *store; }
};

struct OnSqlite {
  TemporaryFolder folder;
  SeededRandom random{2};
  std::unique_ptr<store::SqliteStore> store = *store::SqliteStore::open(folder.path() / "metergate.db");
  std::unique_ptr<store::SealedSecrets> sealed = std::make_unique<store::SealedSecrets>(*store, folder.path(), random);
  catalog::SecretStore& secrets() { return *sealed; }

  // As a process that was killed and started again finds it.
  void reopen() {
    sealed.reset();
    store.reset();
    store = *store::SqliteStore::open(folder.path() / "metergate.db");
    sealed = std::make_unique<store::SealedSecrets>(*store, folder.path(), random);
  }
};

constexpr base::WallTime today{1'795'219'200'000};  // 2026-11-21T00:00:00Z
constexpr base::WallTime tomorrow{today.ms + 86'400'000};

// A store with one account and a key of it, and short words for what tests do to it.
template <class Store>
struct Bench {
  Store on;
  SeededRandom random{1};
  base::WallTime now{today.ms + 3'600'000};
  catalog::Account account = {.id = id<base::AccountId>(),
                              .parent = {},
                              .name = "account",
                              .external_id = {},
                              .status = catalog::AccountStatus::active,
                              .created = now};
  catalog::Key key = {.id = id<base::KeyId>(),
                      .account = account.id,
                      .name = "key",
                      .hash = base::sha256("secret"),
                      .hint = "mg_live_Ab…wxyz",
                      .role = catalog::KeyRole::data,
                      .status = catalog::KeyStatus::active,
                      .created = now,
                      .expires = {}};

  Bench() {
    REQUIRE(on.store->put(account).has_value());
    REQUIRE(on.store->put(key).has_value());
    REQUIRE(on.store->open_incarnation(now).has_value());
  }

  template <class SomeId>
  SomeId id() {
    now.ms += 1;
    return SomeId::create(now, random);
  }

  // A limit of `amount` on the account unless told, and its counter of today.
  quota::CounterKey limit(std::int64_t amount) { return limit(amount, account.id); }
  quota::CounterKey limit(std::int64_t amount, catalog::LimitSubject subject) {
    catalog::Limit limit{
        .id = id<base::LimitId>(), .subject = subject, .name = "limit", .amount = amount, .created = now};
    REQUIRE(on.store->put(limit).has_value());
    return {limit.id, {today.ms}};
  }
  void change_amount(quota::CounterKey counter, std::int64_t amount) {
    REQUIRE(on.store
                ->put(catalog::Limit{
                    .id = counter.limit, .subject = account.id, .name = "limit", .amount = amount, .created = now})
                .has_value());
  }

  std::int64_t grant(quota::CounterKey counter, std::int64_t at_least, std::int64_t at_most) {
    return grant(quota::CounterQuery{counter}, at_least, at_most);
  }
  std::int64_t grant(quota::CounterQuery query, std::int64_t at_least, std::int64_t at_most) {
    const quota::GrantRequest request{query, at_least, at_most};
    const auto grants = on.store->grant(std::span(&request, 1));
    REQUIRE(grants.has_value());
    REQUIRE(grants->size() == 1);
    CHECK(grants->front().state == state(query));
    return grants->front().granted;
  }
  quota::CounterState state(quota::CounterKey counter) { return state(quota::CounterQuery{counter}); }
  quota::CounterState state(quota::CounterQuery query) {
    const auto states = on.store->read(std::span(&query, 1));
    REQUIRE(states.has_value());
    REQUIRE(states->size() == 1);
    return states->front();
  }

  // A served exchange of this moment that cost `cost`.
  events::UsageRecord exchange(std::int64_t cost, events::Holds holds) {
    events::UsageRecord record;
    record.id = id<base::ExchangeId>();
    record.started = now;
    record.account = account.id;
    record.key = key.id;
    record.upstream = "openai";
    record.model = "gpt-4o-mini";
    record.cost = base::Money::from_nanos(cost);
    record.holds.assign(holds.begin(), holds.end());
    return record;
  }
  base::Status flush(const std::vector<events::UsageRecord>& records,
                     const std::vector<quota::LeaseReturn>& returns = {}) {
    return on.store->flush({.records = events::pointers_to(records), .returns = returns});
  }
  std::vector<events::UsageRecord> records(const events::UsageFilter& filter = {}) {
    const auto page = on.store->records(filter);
    REQUIRE(page.has_value());
    return *page;
  }
};

}  // namespace tests

#define EVERY_STORE tests::InMemory, tests::OnSqlite
TYPE_TO_STRING(tests::InMemory);
TYPE_TO_STRING(tests::OnSqlite);
