// How the usage log lies in its segments. What it answers is held to the model in memory by tests/conformance.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>

#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/usage_retention.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

using store::SqliteStore;
using store::sqlite::Database;
using Access = Database::Access;

namespace {

constexpr base::WallTime today{1'795'219'200'000};

struct World {
  tests::TemporaryFolder folder;
  tests::SeededRandom random{4};
  std::filesystem::path path = folder.path() / "metergate.db";
  base::AccountId account = base::AccountId::create(today, random);
  base::WallTime now = today;
  store::sqlite::UsageSizes sizes;
  std::unique_ptr<SqliteStore> store = open();

  explicit World(const store::sqlite::UsageSizes& chosen = {}) : sizes(chosen) {}
  std::unique_ptr<SqliteStore> open() {
    auto opened = *SqliteStore::open(path, sizes);
    REQUIRE(opened->open_incarnation(today).has_value());
    return opened;
  }
  void reopen() {
    store.reset();
    store = open();
  }
  std::vector<events::UsageRecord> exchanges(std::size_t count) {
    std::vector<events::UsageRecord> records(count);
    for (events::UsageRecord& record : records) {
      now.ms += 1;
      record.id = base::ExchangeId::create(now, random);
      record.started = now;
      record.account = account;
      record.model = "small";
      record.upstream = "openai";
      record.cost = base::Money::from_nanos(10);
    }
    return records;
  }
  base::Status flush(const std::vector<events::UsageRecord>& records) {
    return store->flush({.records = events::pointers_to(records), .returns = {}});
  }
  std::int64_t number(std::string_view sql) {
    Database database = *Database::open(path, Access::read_only);
    auto rows = database.query(sql);
    REQUIRE(rows->next().has_value());
    return rows->take_integer();
  }
  std::int64_t segments() { return number("SELECT count(*) FROM usage_segments"); }
  void damage(std::string_view script) {
    REQUIRE(Database::open(path, Access::read_write)->execute(script).has_value());
  }
  base::Result<std::vector<events::UsageRecord>> page(int limit = 1000) {
    events::UsageFilter filter;
    filter.limit = limit;
    return store->records(filter);
  }
};

}  // namespace

TEST_CASE("small flushes share a segment, across restarts too, and a full one is left alone") {
  World world;
  for (int i = 0; i < 200; ++i) REQUIRE(world.flush(world.exchanges(1)).has_value());
  CHECK(world.segments() == 1);
  world.reopen();
  REQUIRE(world.flush(world.exchanges(55)).has_value());
  CHECK(world.segments() == 1);
  REQUIRE(world.flush(world.exchanges(512)).has_value());  // 255 records: it still grows
  CHECK(world.segments() == 1);
  REQUIRE(world.flush(world.exchanges(1)).has_value());
  CHECK(world.segments() == 2);
  world.reopen();
  REQUIRE(world.flush(world.exchanges(1)).has_value());
  CHECK(world.segments() == 2);
  CHECK(world.number("SELECT sum(count) FROM usage_segments") == 769);
}

TEST_CASE("known records among new ones are left out, in a segment that grows and in a full one") {
  World world;
  for (const std::size_t old_count : {100U, 300U}) {
    const auto old = world.exchanges(old_count);
    REQUIRE(world.flush(old).has_value());
    auto records = world.exchanges(200);
    records.insert(records.begin() + 70, old.begin() + 10, old.begin() + 60);
    records.push_back(records.front());
    records.back().cost = base::Money::from_nanos(77);
    const std::size_t before = world.page()->size();
    REQUIRE(world.flush(records).has_value());
    CHECK(world.page()->size() == before + 200);
  }
  CHECK(world.store->sums({}, events::UsageGroup::total)->front().cost == base::Money::from_nanos(8000));
}

// A flush that failed left its records in the segment that the next one wrote: nobody had forgotten them.
TEST_CASE("a flush that failed leaves nothing behind for the next one to write") {
  World world;
  REQUIRE(world.flush(world.exchanges(3)).has_value());
  const auto records = world.exchanges(2);
  const quota::LeaseReturn nobody_has{{base::LimitId::create(today, world.random), {today.ms}}, 1};
  REQUIRE_FALSE(
      world.store->flush({.records = events::pointers_to(records), .returns = std::span(&nobody_has, 1)}).has_value());
  CHECK(world.page()->size() == 3);
  const auto next = world.exchanges(1);
  REQUIRE(world.flush(next).has_value());
  REQUIRE(world.page()->size() == 4);
  CHECK(world.page()->front() == next.front());
  REQUIRE(world.flush(records).has_value());
  CHECK(world.page()->size() == 6);
  CHECK(world.number("SELECT sum(count) FROM usage_segments") == 6);
}

TEST_CASE("the books of what is folded add up to what its records say, day by day") {
  World world({.fold_at = 700});
  std::vector<events::UsageRecord> records = world.exchanges(700);
  std::int64_t cost = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].started.ms += static_cast<std::int64_t>(i) * 600'000;
    records[i].upstream = i % 3 == 0 ? "openai" : "anthropic";
    records[i].cost = base::Money::from_nanos(i % 5 == 0 ? 0 : static_cast<std::int64_t>(i));
    cost += records[i].cost.nanos();
  }
  REQUIRE(world.flush(records).has_value());
  REQUIRE(world.flush(records).has_value());
  CHECK(world.number("SELECT sum(amount) FROM ledger_totals") == cost);
  CHECK(world.number("SELECT count(*) FROM ledger_totals") == 2 * 5);
  std::int64_t moved = 0;
  for (const auto& record : records)
    if (const auto transfer = *world.store->find_transfer({record.id.uuid})) moved += transfer->amount.nanos();
  CHECK(moved == cost);
}

TEST_CASE("a record that is folded, forgotten and read again is still known") {
  for (const bool restarted : {false, true}) {
    CAPTURE(restarted);
    World world({.segment_grows_below = 8, .fold_at = 60, .remembered_ids = 20});
    std::vector<events::UsageRecord> written;
    for (int flush = 0; flush < 40; ++flush) {
      const auto records = world.exchanges(7);
      REQUIRE(world.flush(records).has_value());
      written.insert(written.end(), records.begin(), records.end());
    }
    CHECK(world.number("SELECT count(*) FROM usage_folds") == 4);
    if (restarted) world.reopen();
    auto again = written;
    for (auto& record : again) record.cost = base::Money::from_nanos(99);
    const auto fresh = world.exchanges(1);
    again.insert(again.begin() + 100, fresh.front());
    REQUIRE(world.flush(again).has_value());
    const auto page = *world.page();
    REQUIRE(page.size() == written.size() + 1);
    CHECK(page.front() == fresh.front());
    CHECK(std::equal(page.begin() + 1, page.end(), written.rbegin()));
    CHECK(world.store->sums({}, events::UsageGroup::total)->front().requests == 281);
    for (const auto& record : written) CHECK((*world.store->find_transfer({record.id.uuid}))->amount == record.cost);
  }
}

// An exchange that took long is older by its id than what was folded meanwhile.
TEST_CASE("a new record with an old id is new") {
  World world({.segment_grows_below = 8, .fold_at = 60, .remembered_ids = 20});
  std::vector<events::UsageRecord> late;
  for (int flush = 0; flush < 40; ++flush) {
    auto records = world.exchanges(8);
    late.push_back(records.back());
    records.pop_back();
    REQUIRE(world.flush(records).has_value());
  }
  for (const bool restarted : {false, true}) {
    if (restarted) world.reopen();
    REQUIRE(world.flush(late).has_value());
    CHECK(world.page()->size() == 320);
  }
}

TEST_CASE("an absurd count or cost stops no booking") {
  World world({.segment_grows_below = 1, .fold_at = 2});
  auto records = world.exchanges(5);
  for (auto& record : records) {
    record.usage = meter::Usage{.input_tokens = INT64_MAX, .output_tokens = 1};
    record.cost = base::Money::max();
  }
  for (const auto& record : records) REQUIRE(world.flush({record}).has_value());
  CHECK(world.number("SELECT count(*) FROM usage_folds") == 2);
  const auto sum = world.store->sums({}, events::UsageGroup::total)->front();
  CHECK(sum.requests == 5);
  CHECK(sum.input_tokens == INT64_MAX);
  CHECK(sum.output_tokens == 5);
  CHECK(sum.cost == base::Money::max());
}

TEST_CASE("a damaged segment is an error that names it, and the rest is still there") {
  World world({.fold_at = 300});
  REQUIRE(world.flush(world.exchanges(300)).has_value());
  REQUIRE(world.flush(world.exchanges(299)).has_value());
  world.damage("UPDATE usage_records SET records = substr(records, 1, 2000) WHERE segment = 1");
  CHECK(world.page(299)->size() == 299);
  const auto page = world.page(300);
  REQUIRE_FALSE(page.has_value());
  CHECK(page.error().source == base::Source::store);
  CHECK(page.error().message.find("usage segment 1") != std::string::npos);
  CHECK(world.store->sums({}, events::UsageGroup::total)->front().requests == 599);  // it is folded
  world.damage("PRAGMA foreign_keys = OFF; DELETE FROM usage_records WHERE segment = 1");
  CHECK_FALSE(world.page(300).has_value());
}

TEST_CASE("nothing is written while one cannot tell what is known") {
  World world;
  REQUIRE(world.flush(world.exchanges(5)).has_value());
  world.store.reset();
  world.damage("UPDATE usage_records SET records = x'01'");
  world.store = world.open();
  const auto flushed = world.flush(world.exchanges(2));
  REQUIRE_FALSE(flushed.has_value());
  CHECK(flushed.error().message.find("usage segment 1") != std::string::npos);
  CHECK(world.number("SELECT sum(count) FROM usage_segments") == 5);
}

TEST_CASE("the times of segments are looked up in an index") {
  World world;
  Database database = *Database::open(world.path, Access::read_only);
  auto rows = database.query(
      fmt::format("EXPLAIN QUERY PLAN SELECT number, last_started, x'' FROM usage_segments WHERE last_started >= ? "
                  "AND first_started < ? AND number > ? AND {} ORDER BY last_started DESC",
                  store::sqlite::segment_is_kept));
  REQUIRE(*rows->next());
  for (int skipped = 0; skipped < 3; ++skipped) rows->take_integer();
  CHECK(rows->take_text() == "SEARCH usage_segments USING COVERING INDEX usage_segments_by_time (last_started>?)");
}

TEST_CASE("the write-ahead log is begun again while the store is written to") {
  World world;
  // Bytes 16 to 23 of the log are its salts: new ones say that it was begun again (sqlite.org/fileformat2.html, 4.1).
  const auto salts = [&] {
    std::ifstream log(world.path.string() + "-wal", std::ios::binary);
    std::string header(24, '\0');
    log.read(header.data(), 24);
    return header.substr(16);
  };
  REQUIRE(world.flush(world.exchanges(1)).has_value());
  const std::string before = salts();
  int flushes = 0;
  while (salts() == before && flushes < 20'000) {
    REQUIRE(world.flush(world.exchanges(500)).has_value());
    ++flushes;
  }
  CHECK(flushes < 20'000);
}
