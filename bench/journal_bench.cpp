// What the journal costs: a worker's records, segments made ahead, group commits, and reading it all after a crash.
//
//   journal_bench [--benchmark_filter=…]
//
// The folder is a temporary one: TMPDIR says on which disk.
#include <benchmark/benchmark.h>

#include <vector>

#include "base/assert.h"
#include "journal/journal.h"
#include "journal/mapped_disk.h"
#include "journal/reader.h"
#include "journal/records.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

namespace {

using namespace journal;

// A usual exchange: three limits, some 180 bytes when it is reserved and 250 when it is settled.
struct Exchange {
  explicit Exchange(tests::SeededRandom& random) {
    usage.started = base::WallTime{1'795'219'200'000};
    usage.id = base::ExchangeId::create(usage.started, random);
    usage.account = base::AccountId::create(usage.started, random);
    usage.key = base::KeyId::create(usage.started, random);
    usage.duration_us = 2'000'000;
    usage.first_byte_us = 300'000;
    usage.route = usage.upstream = "openai";
    usage.model = "gpt-4o-mini";
    usage.served_model = "gpt-4o-mini-2024-07-18";
    usage.status = 200;
    usage.usage = meter::Usage{.input_tokens = 1'200, .output_tokens = 300};
    usage.estimate = base::Money::from_nanos(1'000'000);
    usage.cost = base::Money::from_nanos(360'000);
    usage.price_version = "2026-11-20";
    reserve = {.exchange = usage.id,
               .stamp = usage.started,
               .account = usage.account,
               .key = usage.key,
               .route = usage.route,
               .upstream = usage.upstream,
               .model = usage.model,
               .price_version = usage.price_version,
               .estimate = usage.estimate,
               .holds = {}};
    for (int i = 0; i < 3; ++i) {
      const auto limit = base::LimitId::create(usage.started, random);
      usage.holds.push_back({limit, {usage.started.ms}, 1'000'000, 360'000, 0});
      reserve.holds.push_back({limit, {usage.started.ms}, 1, 1'000'000});
    }
  }
  events::UsageRecord usage;
  ReserveRecord reserve;
};

struct World {
  explicit World(Durability durability = Durability::process, std::uint32_t segments_max = 256) {
    const Options options{.durability = durability, .segments_max = segments_max};
    const Calls calls{.prepare = [this] { asked = true; }, .commit = [](auto) {}, .durable = [](auto) {}};
    journal = std::move(*Journal::open(*disk, owner, 1, options, calls));
  }
  Writer& writer() { return journal->writer(0); }
  void prepare() {
    asked = false;
    ASSERT(journal->prepare().has_value());
  }

  tests::TemporaryFolder folder;
  tests::SeededRandom random{1};
  std::unique_ptr<MappedDisk> disk = std::move(*MappedDisk::open(folder.path() / "journal"));
  Owner owner{.store = {}, .node = {}, .incarnation = 1};
  std::unique_ptr<Journal> journal;
  Exchange exchange{random};
  PayloadBuffer buffer;
  bool asked = false;
};

void make_reserve(benchmark::State& state) {
  World world;
  for (auto _ : state) benchmark::DoNotOptimize(encode(world.exchange.reserve, world.buffer));
}
BENCHMARK(make_reserve);

void make_settle(benchmark::State& state) {
  World world;
  for (auto _ : state) benchmark::DoNotOptimize(encode_settle(world.exchange.usage, world.buffer));
}
BENCHMARK(make_settle);

// Two records, in segments that are used again. Making them ready is another thread's work and left out.
void reserve_and_settle(benchmark::State& state) {
  World world;
  PayloadBuffer other;
  const auto reserve = encode(world.exchange.reserve, world.buffer);
  const auto settle = encode_settle(world.exchange.usage, other);
  const std::size_t settle_max = settle_bytes_max(world.exchange.reserve);
  for (auto _ : state) {
    auto open = world.writer().reserve(reserve, settle_max);
    ASSERT(open.has_value());
    world.writer().flushed_through(world.writer().settle(std::move(*open), settle));
    if (world.asked) {
      state.PauseTiming();
      world.prepare();
      state.ResumeTiming();
    }
  }
  state.counters["reserve_bytes"] = static_cast<double>(reserve.size());
  state.counters["settle_bytes"] = static_cast<double>(settle.size());
}
BENCHMARK(reserve_and_settle);

// As above, with what a worker does to make the payloads.
void whole_exchange(benchmark::State& state) {
  World world;
  for (auto _ : state) {
    auto open =
        world.writer().reserve(encode(world.exchange.reserve, world.buffer), settle_bytes_max(world.exchange.reserve));
    ASSERT(open.has_value());
    const auto settle = encode_settle(world.exchange.usage, world.buffer);
    world.writer().flushed_through(world.writer().settle(std::move(*open), settle));
    if (world.asked) {
      state.PauseTiming();
      world.prepare();
      state.ResumeTiming();
    }
  }
}
BENCHMARK(whole_exchange);

// A worker that has many calls open: settles alone, of the oldest.
void settle_of_many(benchmark::State& state) {
  World world;
  const auto payload = encode_settle(world.exchange.usage, world.buffer);
  std::vector<OpenRecord> open;
  for (auto _ : state) {
    if (open.empty()) {
      state.PauseTiming();
      for (int i = 0; i < 2'000; ++i) {
        if (world.asked) world.prepare();
        open.push_back(std::move(*world.writer().reserve(payload, payload.size())));
      }
      state.ResumeTiming();
    }
    const Sequence number = world.writer().settle(std::move(open.back()), payload);
    open.pop_back();
    world.writer().flushed_through(number);
  }
}
BENCHMARK(settle_of_many);

void make_segment(benchmark::State& state) {
  tests::TemporaryFolder folder;
  const auto disk = std::move(*MappedDisk::open(folder.path() / "journal"));
  const auto durability = state.range(0) == 0 ? Durability::process : Durability::power;
  int number = 0;
  for (auto _ : state) {
    const std::string name = std::to_string(++number);
    auto file = std::move(*disk->create(name, Options{}.segment_bytes, durability));
    ASSERT(file->warm().has_value());
    state.PauseTiming();
    file.reset();
    ASSERT(disk->remove(name).has_value());
    state.ResumeTiming();
  }
}
BENCHMARK(make_segment)->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond)->UseRealTime()->Iterations(30);

// A segment's worth of exchanges between two calls, which are not measured.
void prepare_again(benchmark::State& state) {
  World world(state.range(0) == 0 ? Durability::process : Durability::power);
  const auto payload = encode(world.exchange.reserve, world.buffer);
  for (auto _ : state) {
    state.PauseTiming();
    while (!world.asked) world.writer().release(std::move(*world.writer().reserve(payload, 300)), payload);
    state.ResumeTiming();
    world.prepare();
  }
}
BENCHMARK(prepare_again)->Arg(0)->Unit(benchmark::kMicrosecond)->UseRealTime()->Iterations(200);

void commit(benchmark::State& state) {
  World world(Durability::power);
  PayloadBuffer other;
  const auto payload = encode(world.exchange.reserve, world.buffer);
  const auto settle = encode_settle(world.exchange.usage, other);
  for (auto _ : state) {
    state.PauseTiming();
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      if (world.asked) world.prepare();
      auto open = std::move(*world.writer().reserve(payload, 400));
      world.writer().flushed_through(world.writer().settle(std::move(open), settle));
    }
    state.ResumeTiming();
    ASSERT(world.journal->commit(0));
  }
  state.SetLabel(world.disk->writes_directly() ? "O_DIRECT|O_DSYNC" : "O_DSYNC");
}
BENCHMARK(commit)->Arg(1)->Arg(25)->Arg(1'000)->Unit(benchmark::kMicrosecond)->UseRealTime()->Iterations(1'000);

void read_a_million(benchmark::State& state) {
  World world(Durability::process, 1'000);
  PayloadBuffer other;
  const auto reserve = encode(world.exchange.reserve, world.buffer);
  const auto settle = encode_settle(world.exchange.usage, other);
  for (int i = 0; i < 500'000; ++i) {
    if (world.asked) world.prepare();
    world.writer().settle(std::move(*world.writer().reserve(reserve, settle.size())), settle);
  }
  world.journal.reset();
  for (auto _ : state) {
    std::int64_t decoded = 0;
    const auto report = read_journals(*world.disk, world.owner, [&](const FoundRecord& record) -> base::Status {
      if (record.kind == Kind::reserve) TRY_STATUS(decode_reserve(record.payload));
      if (record.kind == Kind::settle) TRY_STATUS(decode_settle(record.payload));
      ++decoded;
      return {};
    });
    ASSERT(report.has_value() && decoded == 1'000'000);
  }
}
BENCHMARK(read_a_million)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

}  // namespace

BENCHMARK_MAIN();
