// A database of an older schema comes along with all that it holds.
#include "store/sqlite/schema.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>

#include "store/sqlite/sqlite_store.h"
#include "tests/support/temporary_folder.h"

using quota::CounterState;
using store::SqliteStore;
using store::sqlite::Database;

namespace {

// What a Metergate of the first schema left behind when it was killed: a limit a day and one a month, spend on both of
// several windows, and an open lease.
constexpr std::string_view first_contents = R"(
  INSERT INTO accounts VALUES (x'01900000000070008000000000000001', NULL, 'acme', '', 'active', 1795219200000);
  INSERT INTO limits VALUES
    (x'01900000000070008000000000000002', x'01900000000070008000000000000001', NULL, '100 usd per day', 'usd', 'day',
     100, 402, 1, 1795219200000, NULL),
    (x'01900000000070008000000000000003', x'01900000000070008000000000000001', NULL, 'm', 'tokens', 'month',
     900, 429, 0, 1795219200000, NULL);
  INSERT INTO counters VALUES
    (x'01900000000070008000000000000002', 1795132800000, 77, 0, 3),
    (x'01900000000070008000000000000002', 1795219200000, 20, 40, 0),
    (x'01900000000070008000000000000003', 1793491200000, 500, 0, 0);
  INSERT INTO leases VALUES (1, x'01900000000070008000000000000002', 1795219200000, 60, 0, 20, 1);
  UPDATE meta SET incarnation = 1;
)";
constexpr std::string_view back_to_schema_21 = R"(
  DROP INDEX users_by_subject;
  ALTER TABLE users DROP COLUMN provider_subject;
  DROP TABLE usage_remains;
  DROP TABLE held_remains;
  DROP TABLE posted_remains;
  ALTER TABLE meta DROP COLUMN usage_kept_from;
  ALTER TABLE meta DROP COLUMN dropped_records;
  ALTER TABLE meta DROP COLUMN dropped_transfers;
)";
// Takes from a database at schema 21 what came after the fourth.
constexpr std::string_view back_to_schema_4 = R"(
  DROP TABLE account_moves;
  DROP TABLE key_extras;
  DROP TABLE usage_rollups;
  DROP TABLE usage_latencies;
  DROP TABLE limiters;
  DROP TABLE audit_log;
  DROP TABLE sessions;
  DROP TABLE users;
  DROP TABLE deferred;
  DROP TABLE idempotency_keys;
  DROP TABLE unresolved;
  ALTER TABLE meta DROP COLUMN commits;
  DROP TABLE crossed_thresholds;
  DROP TABLE limit_events;
  ALTER TABLE limits DROP COLUMN raise_amount;
  ALTER TABLE limits DROP COLUMN raise_until;
  ALTER TABLE limits DROP COLUMN thresholds;
  DROP TABLE postings;
  DROP TABLE transfers;
  DROP TABLE grants;
  ALTER TABLE accounts DROP COLUMN credit_only;
  ALTER TABLE accounts DROP COLUMN markup;
  ALTER TABLE accounts DROP COLUMN top_up_fee;
  ALTER TABLE limits DROP COLUMN tag_filter;
  ALTER TABLE keys DROP COLUMN tags;
  ALTER TABLE limits DROP COLUMN template_id;
  DROP TABLE limit_templates;
  DROP INDEX accounts_with_fee;
  ALTER TABLE accounts DROP COLUMN monthly_fee;
  ALTER TABLE accounts DROP COLUMN fee_day;
  ALTER TABLE accounts DROP COLUMN fee_zone;
  ALTER TABLE accounts DROP COLUMN fee_since;
  ALTER TABLE accounts DROP COLUMN fee_through;
  ALTER TABLE accounts DROP COLUMN book;
  ALTER TABLE counters DROP COLUMN quoted;
  DROP TABLE quote_parts;
  DROP TABLE quotes;
  PRAGMA user_version = 4;
)";
constexpr base::WallTime noon{1'795'262'400'000};  // 2026-11-21T12:00:00Z
constexpr std::int64_t day_ms = 86'400'000;

struct World {
  tests::TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "metergate.db";

  // A database as that version of the schema has it.
  void make(std::int64_t version, std::string_view contents) {
    {
      std::ofstream empty(path);
    }
    auto database = *Database::open(path, Database::Access::read_write);
    REQUIRE(store::sqlite::migrate(database, version).has_value());
    REQUIRE(database.execute(contents).has_value());
  }
  base::Result<std::unique_ptr<SqliteStore>> open() { return SqliteStore::open(path); }
  void run(std::string_view sql) {
    REQUIRE(Database::open(path, Database::Access::read_write)->execute(sql).has_value());
  }
};

CounterState state(SqliteStore& store, const catalog::Limit& limit, base::WallTime at) {
  const quota::CounterQuery query{{limit.id, base::window_at(limit.window, at).label}};
  return store.read(std::span(&query, 1))->front();
}

}  // namespace

TEST_CASE("a database of the first schema keeps its limits, what was spent of them, and its open leases") {
  World world;
  world.make(1, first_contents);
  for (int start = 0; start < 2; ++start) {  // the second finds it migrated
    const auto store = world.open();
    REQUIRE_MESSAGE(store.has_value(), (store ? std::string() : store.error().message));
    const auto limits = (*store)->load()->limits;
    REQUIRE(limits.size() == 2);
    CHECK(limits[0].window == base::WindowPolicy{});
    CHECK(limits[1].window == base::WindowPolicy{.kind = base::WindowPolicy::Kind::month});
    CHECK(limits[0].name == "100 usd per day");
    CHECK(limits[1].clamp == catalog::Clamp::off);
    CHECK(state(**store, limits[0], {noon.ms - day_ms}) == CounterState{.amount = 100, .spent = 77, .unresolved = 3});
    CHECK(state(**store, limits[1], noon) == CounterState{.amount = 900, .spent = 500});
    if (start == 0) {
      CHECK(state(**store, limits[0], noon) == CounterState{.amount = 100, .spent = 20, .leased = 40});
      CHECK((*store)->open_incarnation(noon)->unaccounted_leases == 1);
    }
    CHECK(state(**store, limits[0], noon).unresolved == 40);
  }
}

TEST_CASE("limits of every earlier schema stay what they were: hard, for every call") {
  // What the columns of limits were that a version had beyond the first one's.
  const char* const more[] = {"",
                              ", 'UTC'",
                              ", 'UTC'",
                              ", 'UTC', '', '', 'enforce', 'reserve'",
                              ", 'UTC', '', '', 'enforce', 'reserve'",
                              ", 'UTC', '', '', 'enforce', 'reserve'",
                              ", 'UTC', '', '', 'enforce', 'reserve', NULL, NULL, ''",
                              ", 'UTC', '', '', 'enforce', 'reserve', NULL, NULL, ''",
                              ", 'UTC', '', '', 'enforce', 'reserve', NULL, NULL, ''",
                              ", 'UTC', '', '', 'enforce', 'reserve', NULL, NULL, '', ''",
                              ", 'UTC', '', '', 'enforce', 'reserve', NULL, NULL, '', '', NULL",
                              ", 'UTC', '', '', 'enforce', 'reserve', NULL, NULL, '', '', NULL"};
  for (std::int64_t version = 1; version <= std::ssize(more); ++version) {
    CAPTURE(version);
    World world;
    std::string contents(first_contents);
    for (const std::string_view end : {"1795219200000, NULL),", "1795219200000, NULL);"})
      contents.insert(contents.find(end) + end.size() - 2, more[version - 1]);
    if (version >= 8)
      contents.insert(contents.find("'active', 1795219200000)") + 23,
                      version >= 12 ? ", 0, 0, 0, 0, 1, 'UTC', 0, NULL" : ", 0, 0, 0");
    world.make(version, contents);
    const auto store = world.open();
    REQUIRE_MESSAGE(store.has_value(), (store ? std::string() : store.error().message));
    const auto limits = (*store)->load()->limits;
    REQUIRE(limits.size() == 2);
    for (const catalog::Limit& limit : limits) {
      CHECK(limit.leased());
      CHECK(limit.filter.empty());
      CHECK(limit.thresholds.empty());
      CHECK_FALSE(limit.raise.has_value());
      CHECK_FALSE(limit.from_template.has_value());
    }
    CHECK((*store)->load()->templates.empty());
    CHECK_FALSE((*store)->load()->accounts.front().monthly_fee.has_value());
    CHECK(state(**store, limits[0], noon).spent == 20);
  }
}

TEST_CASE("in a database of every earlier schema nothing is quoted, and can be") {
  for (std::int64_t version = 1; version <= 12; ++version) {
    CAPTURE(version);
    World world;
    // What is not asked about here has other columns in each version.
    world.make(version, "SELECT 1");
    world.run(
        fmt::format("INSERT INTO counters (limit_id, {}, spent, leased, unresolved) VALUES "
                    "(x'01900000000070008000000000000002', {}, 20, 0, 7)",
                    version == 1 ? "window_start" : "label", noon.ms));
    const auto store = world.open();
    REQUIRE_MESSAGE(store.has_value(), (store ? std::string() : store.error().message));
    REQUIRE((*store)->open_incarnation(noon).has_value());
    const base::Uuid limit{.bytes = {0x01, 0x90, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 2}};
    const quota::CounterQuery query{{base::LimitId{limit}, {noon.ms}}};
    CHECK((*store)->read(std::span(&query, 1))->front() == CounterState{.spent = 20, .unresolved = 7});
    const quota::Quote quote{.id = {limit}, .key = {limit}, .created = noon, .expires = {noon.ms + 1}};
    REQUIRE((*store)->hold(quote, quota::first_epoch).has_value());
    CHECK((*store)->find_quote(quote.id, noon)->value() == quote);
  }
}

TEST_CASE("a database of every earlier schema keeps what became of calls with an Idempotency-Key") {
  for (std::int64_t version = 1; version <= 8; ++version) {
    CAPTURE(version);
    World world;
    world.make(version, "SELECT 1");
    const idempotency::ClaimRequest request{.name = {base::KeyId{base::Uuid{.bytes = {1}}}, base::sha256("name")},
                                            .request = {},
                                            .exchange = base::ExchangeId{base::Uuid{.bytes = {2}}},
                                            .now = noon,
                                            .expires = {noon.ms + 1}};
    for (int start = 0; start < 2; ++start) {
      const auto store = world.open();
      REQUIRE_MESSAGE(store.has_value(), (store ? std::string() : store.error().message));
      REQUIRE((*store)->open_incarnation(noon).has_value());
      const auto found = (*store)->claim(request);
      REQUIRE_MESSAGE(found.has_value(), (found ? std::string() : found.error().message));
      CHECK(found->has_value() == (start > 0));
    }
  }
}

TEST_CASE("a database of every earlier schema keeps what goes on after its reply") {
  for (std::int64_t version = 1; version <= 14; ++version) {
    CAPTURE(version);
    World world;
    world.make(version, "SELECT 1");
    const quota::Deferred work{.upstream = "openai",
                               .object = "resp_1",
                               .exchange = base::ExchangeId{base::Uuid{.bytes = {1}}},
                               .account = base::AccountId{base::Uuid{.bytes = {2}}},
                               .key = base::KeyId{base::Uuid{.bytes = {3}}},
                               .begun = noon,
                               .terms = "{}"};
    for (int start = 0; start < 2; ++start) {
      const auto store = world.open();
      REQUIRE_MESSAGE(store.has_value(), (store ? std::string() : store.error().message));
      REQUIRE((*store)->open_incarnation(noon).has_value());
      const auto found = (*store)->find_deferred({work.account, "resp_1", {"openai"}});
      REQUIRE_MESSAGE(found.has_value(), (found ? std::string() : found.error().message));
      CHECK(*found == (start == 0 ? std::nullopt : std::optional(work)));
      REQUIRE((*store)->keep_deferred(work).has_value());
    }
  }
}

TEST_CASE("a limit whose time zone is not to be had stops the start, and says which and why") {
  World world;
  world.make(1, first_contents);
  REQUIRE(world.open().has_value());
  world.run("UPDATE limits SET time_zone = 'Europe/Atlantis' WHERE time_window = 'month'");
  const auto loaded = (*world.open())->load();
  REQUIRE_FALSE(loaded.has_value());
  CHECK(loaded.error().type == base::ErrorType::unavailable);
  CHECK(loaded.error().source == base::Source::store);
  for (const char* part : {"01900000-0000-7000-8000-000000000003", "per month", "Europe/Atlantis"})
    CHECK(loaded.error().message.contains(part));
}

TEST_CASE("a window that this version does not know is an error that names it") {
  World world;
  world.make(1, first_contents);
  REQUIRE(world.open().has_value());
  world.run("UPDATE limits SET time_window = 'fortnight' WHERE time_window = 'month'");
  const auto loaded = (*world.open())->load();
  REQUIRE_FALSE(loaded.has_value());
  CHECK(loaded.error().type == base::ErrorType::unavailable);
  CHECK(loaded.error().message.contains("fortnight"));
}

TEST_CASE("sub-windows that can never count again are deleted when the limit is next granted from") {
  World world;
  world.make(1, first_contents);
  const auto store = *world.open();
  REQUIRE(store->open_incarnation(noon).has_value());
  const base::LimitId limit = store->load()->limits.front().id;
  for (const std::int64_t sub : {noon.ms - 1, noon.ms}) {
    events::UsageRecord record;
    record.id.uuid.bytes[0] = static_cast<std::uint8_t>(sub % 2 + 1);
    record.holds = {{limit, {0}, 1, 1, 0, base::WindowLabel{sub}}};
    REQUIRE(store->flush({.records = events::pointers_to(std::span(&record, 1)), .returns = {}}).has_value());
  }
  const quota::GrantRequest request{{{limit, {0}}, base::WindowLabel{noon.ms + quota::sub_windows_kept_ms}}, 0, 0};
  REQUIRE(store->grant(std::span(&request, 1)).has_value());
  auto raw = *Database::open(world.path, Database::Access::read_only);
  auto rows = raw.query("SELECT label FROM sub_windows");
  REQUIRE(*rows->next());
  CHECK(rows->take_integer() == noon.ms);
  CHECK_FALSE(*rows->next());
}

TEST_CASE("a database without roll-ups has them made from its records") {
  World world;
  const auto sums = [&](events::UsageGroup group) {
    const auto store = *SqliteStore::open(world.path, {.segment_grows_below = 2, .fold_at = 2});
    REQUIRE(store->open_incarnation(noon).has_value());
    return *store->sums({}, group);
  };
  {
    const auto store = *SqliteStore::open(world.path, {.segment_grows_below = 2, .fold_at = 2});
    REQUIRE(store->open_incarnation(noon).has_value());
    for (std::uint8_t i = 1; i <= 9; ++i) {
      events::UsageRecord record;
      record.id.uuid.bytes[0] = i;
      record.started = {noon.ms + i * 1'000'000};
      record.account.uuid.bytes[0] = i % 2 + 1;
      record.key.uuid.bytes[0] = i % 3 + 1;
      record.route = i % 2 == 0 ? "chat" : "images";
      record.duration_us = i * 1000;
      record.cost = base::Money::from_nanos(i);
      REQUIRE(store->flush({.records = events::pointers_to(std::span(&record, 1)), .returns = {}}).has_value());
    }
  }
  const auto by_route = sums(events::UsageGroup::route), by_key = sums(events::UsageGroup::key);
  REQUIRE(by_route.size() == 2);
  CHECK(by_route.front().cost == base::Money::from_nanos(25));
  world.run(back_to_schema_21);
  world.run(
      "DROP TABLE account_moves; DROP TABLE usage_rollups; DROP TABLE usage_latencies; DROP TABLE key_extras; DROP "
      "INDEX deferred_by_account; "
      "PRAGMA user_version = 17");
  const auto again = sums(events::UsageGroup::route), keys_again = sums(events::UsageGroup::key);
  REQUIRE(again.size() == 2);
  CHECK(again.front().cost == by_route.front().cost);
  CHECK(again.back().requests == 4);
  REQUIRE(keys_again.size() == by_key.size());
  CHECK(keys_again.front().cost == by_key.front().cost);
  const auto store = *world.open();
  const auto found = quota::examine(*store, **catalog::Snapshot::build({}), noon);
  REQUIRE(found.has_value());
  for (const auto& one : found->wrong) CHECK_FALSE(one.what.starts_with("usage "));
  CHECK(store->latencies({}, events::UsageGroup::total)->front().duration.count() == 9);
}

TEST_CASE("a database without the table of what is unresolved finds its items in the usage log") {
  World world;
  events::UsageRecord held;
  held.id.uuid.bytes[0] = 1;
  held.started = noon;
  held.duration_us = 2'000'000;
  held.model = "small";
  events::UsageRecord settled = held;
  settled.id.uuid.bytes[0] = 2;
  {
    const auto store = *world.open();
    REQUIRE(store->open_incarnation(noon).has_value());
    const base::LimitId limit{held.id.uuid};
    held.holds = {{limit, {7}, 30, 10, 20}};
    settled.holds = {{limit, {7}, 30, 30, 0}};
    const events::UsageRecord records[] = {held, settled};
    REQUIRE(store->flush({.records = events::pointers_to(records), .returns = {}}).has_value());
  }
  world.run(back_to_schema_21);
  world.run(back_to_schema_4);
  const auto opened = world.open();
  REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string() : opened.error().message));
  const auto& store = *opened;
  CHECK(store->left_behind()->commit == 0);
  const auto items = store->open_items({});
  REQUIRE(items.has_value());
  REQUIRE(items->size() == 1);
  CHECK(items->front() == quota::UnresolvedItem{.record = held, .since = {noon.ms + 2'000}});
}
