// What a flush of the SQLite store costs, and what its usage log answers, without the rest of the gateway.
//
//   flush_bench flush [FLUSHES [KEYS [SPREAD_MS]]]   flushes of 512 records with one hold each, over KEYS keys that
//   each
//                                           have a limit; the exchanges took up to SPREAD_MS, so ids come out of order
//   flush_bench query [RECORDS [KEYS]]      fills a store over thirty days and times its pages and sums
//
// Instructions a record are the difference of two runs of different length:
//   valgrind --tool=callgrind --toggle-collect='store::SqliteStore::flush*' flush_bench flush 100
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/assert.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

namespace {

constexpr base::WallTime start{1'795'219'200'000};
constexpr std::int64_t ms_per_day = 86'400'000;
constexpr std::size_t records_a_flush = 512;
constexpr std::int64_t lease_nanos = 1'000'000'000'000'000;

double ms_of(const auto& action) {
  const auto begin = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

struct World {
  tests::TemporaryFolder folder;
  tests::SeededRandom random{1};
  std::unique_ptr<store::SqliteStore> store = *store::SqliteStore::open(folder.path() / "metergate.db");
  std::vector<base::AccountId> accounts;
  std::vector<base::KeyId> keys;
  std::vector<base::LimitId> limits;

  explicit World(std::size_t key_count) {
    ASSERT(store->open_incarnation(start).has_value());
    for (std::size_t i = 0; i < key_count; ++i) {
      if (i % 4 == 0) accounts.push_back(base::AccountId::create(start, random));
      keys.push_back(base::KeyId::create(start, random));
      limits.push_back(base::LimitId::create(start, random));
      ASSERT(store
                 ->put(catalog::Key{.id = keys.back(),
                                    .account = {},
                                    .name = "key",
                                    .hash = base::sha256(keys.back().to_string()),
                                    .hint = {},
                                    .role = catalog::KeyRole::data,
                                    .status = catalog::KeyStatus::active,
                                    .created = start,
                                    .expires = {}})
                 .has_value());
      ASSERT(store
                 ->put(catalog::Limit{.id = limits.back(),
                                      .subject = keys.back(),
                                      .name = "limit",
                                      .amount = lease_nanos,
                                      .created = start})
                 .has_value());
      const quota::GrantRequest request{{{limits.back(), {start.ms}}}, lease_nanos, lease_nanos};
      ASSERT(store->grant(std::span(&request, 1)).has_value());
    }
  }

  events::UsageRecord exchange(base::WallTime at, std::int64_t spread_ms) {
    static constexpr const char* models[] = {"gpt-4o-mini", "gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash"};
    const auto who = static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(keys.size()) - 1));
    const std::int64_t cost = random.between(10'000, 4'000'000);
    events::UsageRecord record;
    record.started = base::WallTime{at.ms - random.between(0, spread_ms)};
    record.id = base::ExchangeId::create(record.started, random);
    record.duration_us = random.between(200'000, 20'000'000);
    record.first_byte_us = record.duration_us / 7;
    record.account = accounts[who / 4];
    record.key = keys[who];
    record.route = "openai";
    record.upstream = "openai";
    record.model = models[random.between(0, 3)];
    record.served_model = record.model;
    record.stream = who % 2 == 0;
    record.status = 200;
    record.usage = meter::Usage{.input_tokens = random.between(10, 8'000), .output_tokens = random.between(1, 2'000)};
    record.cost = base::Money::from_nanos(cost);
    record.estimate = base::Money::from_nanos(3 * cost);
    record.price_version = "2026-11-20";
    record.holds.push_back({limits[who], {at.ms / ms_per_day * ms_per_day}, 3 * cost, cost, 0});
    return record;
  }
  std::vector<events::UsageRecord> exchanges(base::WallTime at, std::int64_t spread_ms) {
    std::vector<events::UsageRecord> records;
    for (std::size_t i = 0; i < records_a_flush; ++i) records.push_back(exchange(at, spread_ms));
    return records;
  }
};

int bench_flush(std::size_t flushes, std::size_t key_count, std::int64_t spread_ms) {
  World world(key_count);
  std::vector<std::vector<events::UsageRecord>> batches;
  for (std::size_t i = 0; i < flushes; ++i)
    batches.push_back(world.exchanges(base::WallTime{start.ms + 34 * static_cast<std::int64_t>(i)}, spread_ms));
  std::vector<double> times;
  const std::clock_t cpu = std::clock();
  for (const auto& records : batches)
    times.push_back(ms_of(
        [&] { ASSERT(world.store->flush({.records = events::pointers_to(records), .returns = {}}).has_value()); }));
  const double cpu_us = 1e6 * static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  std::ranges::sort(times);
  fmt::print("{} records a flush: median {:.2f} ms, 99 % {:.2f} ms, longest {:.2f} ms; {:.2f} us of CPU a record\n",
             records_a_flush, times[times.size() / 2], times[times.size() * 99 / 100], times.back(),
             cpu_us / static_cast<double>(flushes * records_a_flush));
  return 0;
}

void time_queries(World& world, std::int64_t days) {
  using events::UsageFilter;
  using events::UsageGroup;
  const auto account = world.accounts[world.accounts.size() / 2];
  const auto key = world.keys[world.keys.size() / 2];
  const base::WallTime middle{start.ms + days / 2 * ms_per_day + ms_per_day / 3};
  const base::WallTime later{middle.ms + ms_per_day};
  const auto page = [&](const char* name, const UsageFilter& filter) {
    for (const int limit : {100, 1000}) {
      UsageFilter sized = filter;
      sized.limit = limit;
      std::size_t found = 0;
      const double ms = ms_of([&] { found = world.store->records(sized)->size(); });
      fmt::print("page of {:<4} {:<34} {:7.2f} ms  {} records\n", limit, name, ms, found);
    }
  };
  page("by time", {.account = {}, .key = {}, .model = {}, .from = {}, .to = {}, .before = {}});
  page("by time, from the middle", {.account = {}, .key = {}, .model = {}, .from = {}, .to = middle, .before = {}});
  page("of an account", {.account = account, .key = {}, .model = {}, .from = {}, .to = {}, .before = {}});
  page("of a key", {.account = {}, .key = key, .model = {}, .from = {}, .to = {}, .before = {}});
  page("of a key that has none", {.account = {},
                                  .key = base::KeyId::create(start, world.random),
                                  .model = {},
                                  .from = {},
                                  .to = {},
                                  .before = {}});
  page("of a model", {.account = {}, .key = {}, .model = "gpt-4o", .from = {}, .to = {}, .before = {}});
  page("of a model of an account",
       {.account = account, .key = {}, .model = "gpt-4o", .from = {}, .to = {}, .before = {}});
  const std::pair<const char*, UsageGroup> groups[] = {{"total", UsageGroup::total},
                                                       {"account", UsageGroup::account},
                                                       {"key", UsageGroup::key},
                                                       {"model", UsageGroup::model},
                                                       {"day", UsageGroup::day}};
  for (const auto& [name, group] : groups) {
    const auto sum = [&](const char* what, const UsageFilter& filter) {
      std::size_t found = 0;
      const double ms = ms_of([&] { found = world.store->sums(filter, group)->size(); });
      fmt::print("sums by {:<7} {:<34} {:7.2f} ms  {} rows\n", name, what, ms, found);
    };
    sum("of everything", {});
    sum("of an account", {.account = account, .key = {}, .model = {}, .from = {}, .to = {}, .before = {}});
    sum("of 24 hours amid two days",
        {.account = {}, .key = {}, .model = {}, .from = middle, .to = later, .before = {}});
  }
}

int bench_query(std::size_t records, std::size_t key_count, std::int64_t days) {
  World world(key_count);
  const std::size_t flushes = records / records_a_flush;
  const double ms = ms_of([&] {
    for (std::size_t i = 0; i < flushes; ++i) {
      const base::WallTime at{start.ms +
                              static_cast<std::int64_t>(i) * days * ms_per_day / static_cast<std::int64_t>(flushes)};
      const auto batch = world.exchanges(at, 20'000);
      ASSERT(world.store->flush({.records = events::pointers_to(batch), .returns = {}}).has_value());
    }
  });
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(world.folder.path())) bytes += file.file_size();
  fmt::print("{} records of {} keys in {} days, written in {:.1f} s; {} bytes a record with its log\n",
             flushes * records_a_flush, key_count, days, ms / 1000, bytes / (flushes * records_a_flush));
  time_queries(world, days);
  return 0;
}

std::size_t argument(int count, char** values, int at, std::size_t otherwise) {
  return at < count ? std::strtoull(values[at], nullptr, 10) : otherwise;
}

}  // namespace

int main(int count, char** values) {
  const std::string_view verb = count > 1 ? values[1] : "";
  if (verb == "flush")
    return bench_flush(argument(count, values, 2, 100), argument(count, values, 3, 16),
                       static_cast<std::int64_t>(argument(count, values, 4, 34)));
  if (verb == "query")
    return bench_query(argument(count, values, 2, 1'000'000), argument(count, values, 3, 200),
                       static_cast<std::int64_t>(argument(count, values, 4, 30)));
  fmt::print(stderr, "flush_bench flush [FLUSHES [KEYS [SPREAD_MS]]] | query [RECORDS [KEYS [DAYS]]]\n");
  return 2;
}
