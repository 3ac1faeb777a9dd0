// What a flush of the SQLite store costs, and what its usage log answers, without the rest of the gateway.
//
//   flush_bench flush [FLUSHES [KEYS [SPREAD_MS]]]   flushes of 512 records with one hold each, over KEYS keys that
//   each
//                                           have a limit; the exchanges took up to SPREAD_MS, so ids come out of order
//   flush_bench query [RECORDS [KEYS [DAYS]]]        fills a store over DAYS days and times its pages and sums
//   flush_bench fill FOLDER [RECORDS [KEYS [DAYS]]]  fills the store of a data folder, for usage.py
//
// Instructions a record are the difference of two runs of different length:
//   valgrind --tool=callgrind --toggle-collect='store::SqliteStore::flush*' flush_bench flush 100
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
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
  tests::TemporaryFolder temporary;
  std::filesystem::path folder;
  tests::SeededRandom random{1};
  std::unique_ptr<store::SqliteStore> store;
  std::vector<base::AccountId> accounts;
  std::vector<base::KeyId> keys;
  std::vector<base::LimitId> limits;

  explicit World(std::size_t key_count, const std::filesystem::path& in = {})
      : folder(in.empty() ? temporary.path() : in), store(*store::SqliteStore::open(folder / "metergate.db")) {
    ASSERT(store->open_incarnation(start).has_value());
    for (std::size_t i = 0; i < key_count; ++i) {
      if (i % 4 == 0) {
        accounts.push_back(base::AccountId::create(start, random));
        ASSERT(store
                   ->put(catalog::Account{
                       .id = accounts.back(), .name = fmt::format("account {}", i / 4), .created = start})
                   .has_value());
      }
      keys.push_back(base::KeyId::create(start, random));
      limits.push_back(base::LimitId::create(start, random));
      ASSERT(store
                 ->put(catalog::Key{.id = keys.back(),
                                    .account = accounts.back(),
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
    record.route = who % 3 == 0 ? "images" : "openai";
    record.tags = who % 5 == 0 ? "team=support" : "env=prod,team=search";
    record.upstream = "openai";
    record.model = models[random.between(0, 3)];
    record.served_model = record.model;
    record.stream = who % 2 == 0;
    record.status = 200;
    record.usage = meter::Usage{.input_tokens = random.between(10, 8'000), .output_tokens = random.between(1, 2'000)};
    record.cost = base::Money::from_nanos(cost);
    record.estimate = base::Money::from_nanos(3 * cost);
    record.price_version = "2026-11-20";
    if (random.between(0, 19) == 0) {
      record.outcome = events::Outcome::refused;
      record.error = who % 2 == 0 ? base::ErrorType::limit_reached : base::ErrorType::rate_limited;
      record.usage.reset();
      record.cost = record.estimate = {};
      return record;
    }
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

// Each question asked again and again: half of the answers took at most p50, 99 of 100 at most p99.
template <class Ask>
void time_query(const std::string& name, const Ask& ask) {
  constexpr int times = 25;
  std::vector<double> took;
  std::size_t found = 0;
  for (int i = 0; i < times; ++i) took.push_back(ms_of([&] { found = ask(); }));
  std::ranges::sort(took);
  fmt::print("{:<52} p50 {:7.2f} ms  p99 {:7.2f} ms  {} rows\n", name, took[times / 2], took.back(), found);
}

void time_pages(World& world, base::WallTime middle) {
  using events::UsageFilter;
  const auto filtered = [](auto set) {
    UsageFilter filter;
    set(filter);
    return filter;
  };
  const auto account = world.accounts[world.accounts.size() / 2];
  const auto key = world.keys[world.keys.size() / 2];
  const std::pair<const char*, UsageFilter> pages[] = {
      {"by time", {}},
      {"by time, from the middle", filtered([&](auto& filter) { filter.to = middle; })},
      {"of an account", filtered([&](auto& filter) { filter.account = account; })},
      {"of a key", filtered([&](auto& filter) { filter.key = key; })},
      {"of a key that has none",
       filtered([&](auto& filter) { filter.key = base::KeyId::create(start, world.random); })},
      {"of a model", filtered([](auto& filter) { filter.model = "gpt-4o"; })},
      {"of a model of an account", filtered([&](auto& filter) {
         filter.account = account;
         filter.model = "gpt-4o";
       })},
      {"of a tag", filtered([](auto& filter) { filter.tag = "team=search"; })},
  };
  for (const auto& [name, filter] : pages)
    for (const int limit : {100, 1000}) {
      UsageFilter sized = filter;
      sized.limit = limit;
      time_query(fmt::format("page of {:<4} {}", limit, name), [&] { return world.store->records(sized)->size(); });
    }
  const auto newest = world.store->records({})->front().id;
  time_query("one record", [&] { return world.store->record(newest)->has_value() ? std::size_t{1} : 0; });
}

void time_sums(World& world, base::WallTime middle, base::WallTime end) {
  using events::UsageFilter;
  using events::UsageGroup;
  const auto account = world.accounts[world.accounts.size() / 2];
  UsageFilter of_account, amid;
  of_account.account = account;
  amid.from = middle;
  amid.to = base::WallTime{middle.ms + ms_per_day};
  const std::pair<const char*, UsageGroup> groups[] = {
      {"total", UsageGroup::total}, {"account", UsageGroup::account}, {"key", UsageGroup::key},
      {"model", UsageGroup::model}, {"day", UsageGroup::day},         {"upstream", UsageGroup::upstream},
      {"route", UsageGroup::route}, {"reason", UsageGroup::reason},   {"tag", UsageGroup::tag}};
  for (const auto& [name, group] : groups) {
    const auto sum = [&](const char* what, const UsageFilter& filter) {
      time_query(fmt::format("sums by {} {}", name, what),
                 [&] { return world.store->sums(filter, group, "team")->size(); });
    };
    sum("of everything", {});
    sum("of an account", of_account);
    sum("of 24 hours amid two days", amid);
    if (group == UsageGroup::day) continue;
    for (const auto step : {events::UsageStep::hour, events::UsageStep::day}) {
      events::SeriesQuery query{.filter = {}, .step = step, .group = group, .tag_name = "team", .apart = {}};
      query.filter.from = start;
      query.filter.to = end;
      const auto sums = *world.store->sums(query.filter, group, "team");
      for (std::size_t i = 0; i < std::min<std::size_t>(sums.size(), 10); ++i) query.apart.push_back(sums[i].group);
      time_query(
          fmt::format("series by {} and {} of everything", name, step == events::UsageStep::hour ? "hour" : "day"),
          [&] { return world.store->series(query)->size(); });
    }
  }
  time_query("latencies by model of everything", [&] { return world.store->latencies({}, UsageGroup::model)->size(); });
  time_query("latencies of 24 hours amid two days",
             [&] { return world.store->latencies(amid, UsageGroup::total)->size(); });
}

// What flushes and grants take, which is all that calls wait for in the store, while somebody asks about all of it.
void time_writes(World& world, base::WallTime now, const char* what) {
  std::vector<double> flushes, grants;
  for (std::int64_t i = 0; i < 300; ++i) {
    const auto batch = world.exchanges({now.ms + i}, 20);
    flushes.push_back(
        ms_of([&] { ASSERT(world.store->flush({.records = events::pointers_to(batch), .returns = {}}).has_value()); }));
    const quota::GrantRequest request{{{world.limits.front(), {start.ms}}}, 1, 1};
    grants.push_back(ms_of([&] { ASSERT(world.store->grant(std::span(&request, 1)).has_value()); }));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  for (auto* const times : {&flushes, &grants}) {
    std::ranges::sort(*times);
    fmt::print("{} {:<24} p50 {:7.2f} ms  p99 {:7.2f} ms\n", times == &flushes ? "flush of 512" : "grant       ", what,
               (*times)[times->size() / 2], (*times)[times->size() * 99 / 100]);
  }
}

void time_writes_under_queries(World& world, base::WallTime now) {
  time_writes(world, now, "alone");
  std::atomic<bool> over = false;
  std::thread asking([&] {
    while (!over) {
      ASSERT(world.store->sums({}, events::UsageGroup::route).has_value());
      ASSERT(world.store->latencies({}, events::UsageGroup::model).has_value());
      ASSERT(world.store->sums({}, events::UsageGroup::key).has_value());
    }
  });
  time_writes(world, {now.ms + 10'000}, "while somebody asks");
  over = true;
  asking.join();
}

struct Filling {
  std::size_t records = 0;
  std::int64_t days = 0;
};

void fill(World& world, const Filling& filling) {
  const std::int64_t days = filling.days;
  const std::size_t flushes = filling.records / records_a_flush;
  const double ms = ms_of([&] {
    for (std::size_t i = 0; i < flushes; ++i) {
      const base::WallTime at{start.ms +
                              static_cast<std::int64_t>(i) * days * ms_per_day / static_cast<std::int64_t>(flushes)};
      const auto batch = world.exchanges(at, 20'000);
      ASSERT(world.store->flush({.records = events::pointers_to(batch), .returns = {}}).has_value());
    }
  });
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(world.folder)) bytes += file.file_size();
  fmt::print("{} records of {} keys in {} days, written in {:.1f} s; {} bytes a record with its log\n",
             flushes * records_a_flush, world.keys.size(), days, ms / 1000, bytes / (flushes * records_a_flush));
}

int bench_query(std::size_t key_count, const Filling& filling) {
  World world(key_count);
  fill(world, filling);
  const std::int64_t days = filling.days;
  const base::WallTime middle{start.ms + days / 2 * ms_per_day + ms_per_day / 3};
  time_pages(world, middle);
  time_sums(world, middle, {start.ms + days * ms_per_day});
  time_writes_under_queries(world, {start.ms + days * ms_per_day});
  return 0;
}

std::size_t argument(int count, char** values, int at, std::size_t otherwise) {
  return at < count ? std::strtoull(values[at], nullptr, 10) : otherwise;
}

// RECORDS stands at `at`, and DAYS two places behind it.
Filling filling_of(int count, char** values, int at) {
  return {.records = argument(count, values, at, 1'000'000),
          .days = static_cast<std::int64_t>(argument(count, values, at + 2, 30))};
}

}  // namespace

int main(int count, char** values) {
  const std::string_view verb = count > 1 ? values[1] : "";
  if (verb == "flush")
    return bench_flush(argument(count, values, 2, 100), argument(count, values, 3, 16),
                       static_cast<std::int64_t>(argument(count, values, 4, 34)));
  if (verb == "query") return bench_query(argument(count, values, 3, 200), filling_of(count, values, 2));
  if (verb == "fill" && count > 2) {
    World world(argument(count, values, 4, 200), values[2]);
    fill(world, filling_of(count, values, 3));
    return 0;
  }
  fmt::print(stderr,
             "flush_bench flush [FLUSHES [KEYS [SPREAD_MS]]] | query [RECORDS [KEYS [DAYS]]] | "
             "fill FOLDER [RECORDS [KEYS [DAYS]]]\n");
  return 2;
}
