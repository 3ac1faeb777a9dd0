// What the money engine costs: taking an exchange's worst case off its limits and settling it, with its journal; many
// threads on one hot limit; grants near the limit; a start with very many accounts.
//
//   money_bench [--benchmark_filter=…]
//
// The folder is a temporary one: TMPDIR says on which disk. The store of `near_the_limit` is SQLite, its commits are
// power-safe.
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "base/assert.h"
#include "base/sha256.h"
#include "catalog/catalog.h"
#include "journal/mapped_disk.h"
#include "quota/admission.h"
#include "quota/recovery.h"
#include "quota/scribe.h"
#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

namespace {

constexpr std::int64_t plenty = 4'000'000'000'000'000'000;
constexpr std::int64_t worst_nanos = 1'000'000;

catalog::Account account_of(base::Random& random, base::WallTime now) {
  catalog::Account account;
  account.id = base::AccountId::create(now, random);
  account.name = "account";
  account.created = now;
  return account;
}

// A keeper on a thread of its own over a store, one worker per journal, and limits to reserve on.
class World {
 public:
  World(catalog::Store& catalog, quota::Store& store, std::uint32_t workers, std::size_t limits, std::int64_t amount)
      : clock_(base::system_clock()), now_(clock_.wall_now()) {
    const catalog::Account account = account_of(random_, now_);
    ASSERT(catalog.put(account).has_value());
    for (std::size_t i = 0; i < limits; ++i) {
      limits_.push_back({.id = base::LimitId::create(now_, random_),
                         .subject = account.id,
                         .name = "limit",
                         .window = {.kind = base::WindowPolicy::Kind::total},
                         .amount = amount,
                         .clamp = catalog::Clamp::off,
                         .created = now_});
      ASSERT(catalog.put(limits_.back()).has_value());
    }
    for (const catalog::Limit& limit : limits_) pointers_.push_back(&limit);
    journals_ = std::move(
        *quota::open_journals(store, disk_.get(), workers, now_, {},
                              {.prepare = [this] { keeper_->prepare_journal(); }, .commit = {}, .durable = {}}));
    keeper_ = std::make_unique<quota::Keeper>(
        store, clock_, quota::KeeperOptions{}, [this] { wake(); }, journals_.journal.get());
    for (std::uint32_t worker = 0; worker < workers; ++worker) {
      scribes_.push_back(std::make_unique<quota::Scribe>(journals_.journal->writer(worker), worker));
      admissions_.push_back(std::make_unique<quota::Admission>(*keeper_, scribes_.back().get()));
    }
    thread_ = std::thread([this] { run(); });
  }
  ~World() {
    stopping_ = true;
    wake();
    thread_.join();
    ASSERT(keeper_->close().has_value());
  }

  // One exchange on these limits: its worst case, then half of it. Waits for the store where leases do not pay for it;
  // false: refused.
  bool exchange(std::uint32_t worker, std::unique_ptr<events::UsageRecord>& record, std::size_t first_limit = 0,
                std::size_t limits = 5) {
    quota::Admission& admission = *admissions_[worker];
    const auto on = std::span(pointers_).subspan(first_limit, std::min(limits, pointers_.size()));
    const quota::Amounts worst{.usd = base::Money::from_nanos(worst_nanos), .requests = 1};
    auto reservation = admission.try_reserve(on, worst, now_, record);
    if (!reservation) {
      std::promise<quota::Decision> decided;
      admission.reserve(on, worst, now_, clock_.now(), *record,
                        [&](quota::Decision made) { decided.set_value(std::move(made)); });
      auto decision = decided.get_future().get();
      if (!std::holds_alternative<quota::Reservation>(decision)) return false;
      reservation.emplace(std::move(std::get<quota::Reservation>(decision)));
      if (!admission.adopt(*reservation)) return false;
    }
    reservation->mark_sent();
    std::move(*reservation)
        .settle({.usd = base::Money::from_nanos(worst_nanos / 2), .requests = 1}, meter::Certainty::exact);
    return true;
  }

  std::unique_ptr<events::UsageRecord> record(std::vector<std::unique_ptr<events::UsageRecord>>& spares,
                                              base::Random& random) {
    if (spares.empty()) keeper_->take_spares(spares);
    auto record = spares.empty() ? std::make_unique<events::UsageRecord>() : std::move(spares.back());
    if (!spares.empty()) spares.pop_back();
    record->id = base::ExchangeId::create(now_, random);
    record->started = now_;
    record->model = record->served_model = "gpt-4o-mini";
    record->route = record->upstream = "openai";
    return record;
  }

 private:
  void wake() {
    woken_.fetch_add(1);
    woken_.notify_one();
  }
  void run() {
    while (!stopping_) {
      const std::uint32_t seen = woken_;
      const auto next = keeper_->turn();
      // With something to flush it would sleep until that is due; here it looks again after a moment.
      if (next)
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      else
        woken_.wait(seen);
    }
  }

  tests::SeededRandom random_{1};
  const base::Clock& clock_;
  const base::WallTime now_;
  std::vector<catalog::Limit> limits_;
  std::vector<const catalog::Limit*> pointers_;
  tests::TemporaryFolder folder_;
  std::unique_ptr<journal::MappedDisk> disk_ = std::move(*journal::MappedDisk::open(folder_.path() / "journal"));
  quota::Journals journals_;
  std::unique_ptr<quota::Keeper> keeper_;
  std::vector<std::unique_ptr<quota::Scribe>> scribes_;
  std::vector<std::unique_ptr<quota::Admission>> admissions_;
  std::atomic<std::uint32_t> woken_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

// Takes flushes and forgets them: what is measured is the engine, not a store.
class Forgetful final : public quota::Store {
 public:
  store::MemoryStore memory;

  base::Result<quota::LeftBehind> left_behind() override { return memory.left_behind(); }
  std::uint64_t last_commit() const override { return memory.last_commit(); }
  base::Result<quota::Recovery> recover(base::WallTime now, const quota::Evidence& evidence) override {
    return memory.recover(now, evidence);
  }
  base::Result<std::vector<quota::Grant>> grant(std::span<const quota::GrantRequest> requests) override {
    return memory.grant(requests);
  }
  base::Status flush(const quota::Flush& flush) override {
    return memory.flush({.records = {}, .returns = flush.returns, .marks = flush.marks});
  }
  base::Result<std::vector<quota::CounterState>> read(std::span<const quota::CounterQuery> counters) override {
    return memory.read(counters);
  }
  base::Status hold(const quota::Quote& quote, std::int64_t epoch) override { return memory.hold(quote, epoch); }
  base::Result<std::optional<quota::Quote>> find_quote(base::QuoteId id, base::WallTime now) override {
    return memory.find_quote(id, now);
  }
  base::Result<quota::Redeemed> redeem(const quota::Redemption& redemption) override {
    return memory.redeem(redemption);
  }
  base::Result<quota::EndedQuotes> end_quotes(base::WallTime now, std::span<const base::QuoteId> also) override {
    return memory.end_quotes(now, also);
  }
};

// Reserve and settle on five limits, journal included: the CPU time of one worker thread.
void reserve_and_settle(benchmark::State& state) {
  Forgetful store;
  World world(store.memory, store, 1, 5, plenty);
  std::vector<std::unique_ptr<events::UsageRecord>> spares;
  tests::SeededRandom random{2};
  std::int64_t refused = 0;
  for (auto _ : state) {
    auto record = world.record(spares, random);
    refused += !world.exchange(0, record);
  }
  state.counters["refused"] = static_cast<double>(refused);
}
BENCHMARK(reserve_and_settle)->MinTime(0.5);

// So many threads, each with its own journal, on one limit.
void hot_limit(benchmark::State& state) {
  static std::unique_ptr<Forgetful> store;
  static std::unique_ptr<World> world;
  static std::atomic<int> ready = 0;
  if (state.thread_index() == 0) {
    store = std::make_unique<Forgetful>();
    world = std::make_unique<World>(store->memory, *store, static_cast<std::uint32_t>(state.threads()), 1, plenty);
    ready = state.threads();
    ready.notify_all();
  } else {
    ready.wait(0);
  }
  std::vector<std::unique_ptr<events::UsageRecord>> spares;
  tests::SeededRandom random(static_cast<std::uint64_t>(state.thread_index()) + 3);
  for (auto _ : state) {
    auto record = world->record(spares, random);
    benchmark::DoNotOptimize(world->exchange(static_cast<std::uint32_t>(state.thread_index()), record));
  }
  if (--ready == 0) ready.notify_all();
  if (state.thread_index() == 0) {
    for (int left = ready; left != 0; left = ready) ready.wait(left);
    world.reset();
    store.reset();
  }
}
BENCHMARK(hot_limit)->Threads(1)->Threads(4)->MinTime(0.5);

// Exchanges of one account that each need a grant of their own, eight at a time: each is on a limit that pays for it
// and for no more, so that no lease ever has anything left.
void near_the_limit(benchmark::State& state) {
  tests::TemporaryFolder folder;
  const auto store = std::move(*store::SqliteStore::open(folder.path() / "metergate.db"));
  const auto workers = static_cast<std::uint32_t>(state.range(0));
  constexpr std::size_t each = 400;
  std::int64_t admitted = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto world = std::make_unique<World>(*store, *store, workers, workers * each, worst_nanos);
    state.ResumeTiming();
    std::vector<std::thread> threads;
    std::atomic<std::int64_t> served = 0;
    for (std::uint32_t worker = 0; worker < workers; ++worker)
      threads.emplace_back([&, worker] {
        tests::SeededRandom random(worker + 9);
        std::vector<std::unique_ptr<events::UsageRecord>> spares;
        for (std::size_t i = 0; i < each; ++i) {
          auto record = world->record(spares, random);
          served += world->exchange(worker, record, worker * each + i, 1);
        }
      });
    for (std::thread& thread : threads) thread.join();
    admitted += served;
    state.PauseTiming();
    ASSERT(served == static_cast<std::int64_t>(workers * each));
    world.reset();
    state.ResumeTiming();
  }
  state.counters["admitted/s"] = benchmark::Counter(static_cast<double>(admitted), benchmark::Counter::kIsRate);
}
BENCHMARK(near_the_limit)->Arg(8)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(3);

std::int64_t resident_kb() {
  std::ifstream status("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  status >> size >> resident;
  return resident * 4;
}

// So many accounts with a key and a limit each, put into SQLite.
void fill(const std::filesystem::path& path, std::int64_t count, base::Random& random, const base::Clock& clock) {
  const auto store = std::move(*store::SqliteStore::open(path));
  constexpr std::int64_t at_once = 10'000;
  for (std::int64_t done = 0; done < count; done += at_once) {
    catalog::Changes changes;
    for (std::int64_t i = 0; i < at_once; ++i) {
      const catalog::Account& account = changes.accounts.emplace_back(account_of(random, clock.wall_now()));
      const auto key = base::KeyId::create(clock.wall_now(), random);
      changes.keys.push_back({.id = key,
                              .account = account.id,
                              .name = "key",
                              .hash = base::sha256(key.to_string()),
                              .hint = {},
                              .role = catalog::KeyRole::data,
                              .status = catalog::KeyStatus::active,
                              .created = clock.wall_now(),
                              .expires = {}});
      changes.limits.push_back({.id = base::LimitId::create(clock.wall_now(), random),
                                .subject = account.id,
                                .name = "limit",
                                .amount = plenty,
                                .created = clock.wall_now()});
    }
    ASSERT(store->apply(changes, clock.wall_now()).has_value());
  }
}

double process_cpu_ms() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

// A start with so many accounts: the time is that of the wall, `cpu_ms` that of all threads. Then changes of one limit
// and look-ups of keys in that catalog.
void start_with_accounts(benchmark::State& state) {
  const std::int64_t count = state.range(0);
  tests::TemporaryFolder folder;
  tests::SeededRandom random{1};
  const base::Clock& clock = base::system_clock();
  fill(folder.path() / "metergate.db", count, random, clock);
  std::unique_ptr<store::SqliteStore> store;
  std::unique_ptr<catalog::Catalog> catalog;
  const std::int64_t before_kb = resident_kb();
  const double before_ms = process_cpu_ms();
  for (auto _ : state) {
    store = std::move(*store::SqliteStore::open(folder.path() / "metergate.db"));
    catalog = std::move(*catalog::Catalog::open(*store, clock, random));
  }
  state.counters["cpu_ms"] = process_cpu_ms() - before_ms;
  state.counters["bytes/account"] = static_cast<double>(resident_kb() - before_kb) * 1024 / static_cast<double>(count);

  constexpr int changes = 100;
  const base::LimitId limit = catalog->current()->limits().front().id;
  const base::Instant changing = clock.now();
  for (int i = 0; i < changes; ++i) ASSERT(catalog->edit_limit(limit, {.amount = i}).has_value());
  state.counters["change_us"] = static_cast<double>(base::ns_between(changing, clock.now())) / 1e3 / changes;
  std::vector<base::Sha256> hashes;
  const auto snapshot = catalog->current();
  for (const catalog::Key& key : snapshot->keys())
    if (hashes.size() < 100'000) hashes.push_back(key.hash);
  std::size_t found = 0;
  const base::Instant looking = clock.now();
  for (const base::Sha256& hash : hashes) found += snapshot->find_key(hash)->limits.size();
  state.counters["look_up_ns"] =
      static_cast<double>(base::ns_between(looking, clock.now())) / static_cast<double>(found);
}
BENCHMARK(start_with_accounts)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(1);

}  // namespace

BENCHMARK_MAIN();
