#pragma once
// For the tests of this room: a keeper that is turned by hand, over a store that fails as the test says.

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "quota/admission.h"
#include "quota/counting.h"
#include "quota/keeper.h"
#include "store/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

namespace quota::testing {

constexpr std::int64_t day_ms = 86'400'000;
// The fake clock begins on 2026-11-21 at 04:06.
constexpr base::WallTime today{1'795'219'200'000};
constexpr base::WallTime tomorrow{today.ms + day_ms};

// The reference store, which remembers what it was asked and fails on request.
class ScriptedStore final : public Store {
 public:
  enum class Answer {
    given,
    refused,  // nothing happens, an error is answered
    lost,     // it happens, and an error is answered
    foreign,  // another process has the store
  };
  store::MemoryStore memory;
  Answer on_read = Answer::given;
  Answer on_grant = Answer::given;
  Answer on_flush = Answer::given;
  Answer on_hold = Answer::given;
  Answer on_find_quote = Answer::given;
  Answer on_redeem = Answer::given;
  Answer on_end_quotes = Answer::given;
  std::vector<std::vector<GrantRequest>> asked;        // each call of grant
  std::vector<std::vector<base::ExchangeId>> offered;  // each flush of records
  std::vector<std::vector<LeaseReturn>> returned;      // each flush of returns

  int reads = 0;
  // What goes on elsewhere in the middle of a call; each once.
  std::function<void()> before_find_quote = [] {};
  std::function<void()> during_grant = [] {};
  std::function<void()> during_read = [] {};
  bool put_back = false;  // from a backup that was made before the first commit

  base::Result<LeftBehind> left_behind() override {
    auto left = memory.left_behind();
    if (put_back) left->commit = 0;
    return left;
  }
  std::uint64_t last_commit() const override { return memory.last_commit(); }
  base::Result<Recovery> recover(base::WallTime now, const Evidence& evidence) override {
    return memory.recover(now, evidence);
  }
  base::Result<std::vector<Grant>> grant(std::span<const GrantRequest> requests) override {
    asked.emplace_back(requests.begin(), requests.end());
    auto grants = answer(on_grant, [&] { return memory.grant(requests); });
    std::exchange(during_grant, [] {})();
    return grants;
  }
  base::Status flush(const Flush& flush) override {
    if (!flush.records.empty()) offered.emplace_back();
    for (const events::UsageRecord* const record : flush.records) offered.back().push_back(record->id);
    if (!flush.returns.empty()) returned.emplace_back(flush.returns.begin(), flush.returns.end());
    return answer(on_flush, [&] { return memory.flush(flush); });
  }
  base::Result<std::vector<CounterState>> read(std::span<const CounterQuery> counters) override {
    ++reads;
    auto states = answer(on_read, [&] { return memory.read(counters); });
    std::exchange(during_read, [] {})();
    return states;
  }
  base::Status hold(const Quote& quote, std::int64_t epoch) override {
    return answer(on_hold, [&] { return memory.hold(quote, epoch); });
  }
  base::Result<std::optional<Quote>> find_quote(base::QuoteId id, base::WallTime now) override {
    std::exchange(before_find_quote, [] {})();
    return answer(on_find_quote, [&] { return memory.find_quote(id, now); });
  }
  base::Result<Redeemed> redeem(const Redemption& redemption) override {
    return answer(on_redeem, [&] { return memory.redeem(redemption); });
  }
  base::Result<EndedQuotes> end_quotes(base::WallTime now, std::span<const base::QuoteId> also) override {
    return answer(on_end_quotes, [&] { return memory.end_quotes(now, also); });
  }

 private:
  template <class Call>
  auto answer(Answer script, Call call) -> decltype(call()) {
    if (script == Answer::given) return call();
    if (script == Answer::foreign) return base::fail(base::ErrorType::conflict, "another process has it");
    if (script == Answer::lost) (void)call();
    return base::fail(base::ErrorType::unavailable, "the disk is full", {}, base::Source::store);
  }
};

// An account's limits, a keeper over them, and short words for what tests do.
class World {
 public:
  // Where the keeper put its decision; empty while it is waited for.
  using Asked = std::shared_ptr<std::optional<Decision>>;

  tests::FakeClock clock;
  ScriptedStore store;
  std::atomic<int> wakes = 0;
  const KeeperOptions options;
  std::unique_ptr<Keeper> keeper;

  explicit World(KeeperOptions o = {}) : options(o) {
    REQUIRE(store.memory.put(account_).has_value());
    restart();
  }

  // As after a crash: what the last keeper held is the store's to account for. It stays in memory, for the reservations
  // that a test still holds of it.
  void restart() {
    if (keeper) dead_.push_back(std::move(keeper));
    REQUIRE(store.open_incarnation(clock.wall_now()).has_value());
    keeper = std::make_unique<Keeper>(store, clock, options, [this] {
      ++wakes;
      wakes.notify_all();
    });
  }

  catalog::Limit limit(std::int64_t amount, catalog::LimitUnit unit = catalog::LimitUnit::usd,
                       base::WindowPolicy window = {}) {
    catalog::Limit limit{.id = base::LimitId::create(clock.wall_now(), random_),
                         .subject = account_.id,
                         .name = "limit",
                         .unit = unit,
                         .window = window,
                         .amount = amount,
                         .created = clock.wall_now()};
    REQUIRE(store.memory.put(limit).has_value());
    return limit;
  }
  void change(catalog::Limit& limit, std::int64_t amount) {
    limit.amount = amount;
    REQUIRE(store.memory.put(limit).has_value());
    on_another_thread([&] { keeper->limit_changed(limit.id); });
  }

  std::unique_ptr<events::UsageRecord> record() {
    auto record = std::make_unique<events::UsageRecord>();
    record->id = base::ExchangeId::create(clock.wall_now(), random_);
    record->started = clock.wall_now();
    record->account = account_.id;
    return record;
  }

  // Asks for the same amount of each limit, without turning the keeper.
  Asked submit(const std::vector<catalog::Limit>& limits, std::int64_t amount, std::int64_t wait_ms = 0) {
    const auto asked = std::make_shared<std::optional<Decision>>();
    Waiter waiter{.wants = {},
                  .stamp = clock.wall_now(),
                  .deadline = clock.now().plus_ms(wait_ms),
                  .record = record(),
                  .decided = [asked](Decision decision) {
                    REQUIRE_FALSE(asked->has_value());  // decided once
                    asked->emplace(std::move(decision));
                  }};
    for (const catalog::Limit& limit : limits) waiter.wants.push_back({limit, amount});
    keeper->submit(std::move(waiter));
    return asked;
  }
  Reservation reserve(const std::vector<catalog::Limit>& limits, std::int64_t amount) {
    const Asked asked = submit(limits, amount);
    keeper->turn();
    return taken(asked);
  }
  Reservation reserve(const catalog::Limit& limit, std::int64_t amount) { return reserve(std::vector{limit}, amount); }
  Refusal refused(const std::vector<catalog::Limit>& limits, std::int64_t amount) {
    const Asked asked = submit(limits, amount);
    keeper->turn();
    return refusal(asked);
  }
  Refusal refused(const catalog::Limit& limit, std::int64_t amount) { return refused(std::vector{limit}, amount); }

  static Reservation taken(const Asked& asked) {
    REQUIRE(asked->has_value());
    REQUIRE(std::holds_alternative<Reservation>(**asked));
    return std::move(std::get<Reservation>(**asked));
  }
  static Refusal refusal(const Asked& asked) {
    REQUIRE(asked->has_value());
    REQUIRE(std::holds_alternative<Refusal>(**asked));
    return std::get<Refusal>(**asked);
  }

  // A turn at which whatever was settled is flushed.
  void flush() {
    clock.advance_ms(options.flush_every_ms);
    keeper->turn();
  }
  // As it stands in the window of `at`.
  CounterState state(const catalog::Limit& limit, base::WallTime at = today) {
    const CounterQuery query = query_of(limit.id, limit.window, base::window_at(limit.window, at), at);
    return store.memory.read(std::span(&query, 1))->front();
  }
  std::vector<events::UsageRecord> records() {
    events::UsageFilter all;
    all.limit = 1'000;
    return *store.memory.records(all);
  }
  FiveNumbers numbers(const catalog::Limit& limit) {
    base::Result<std::vector<FiveNumbers>> answer;
    on_another_thread([&] { answer = keeper->numbers({limit}); });
    REQUIRE(answer.has_value());
    return answer->front();
  }

  // Runs what waits for the store thread, and plays the store thread here.
  template <class Call>
  void on_another_thread(Call call) {
    const int before = wakes;
    std::thread caller(call);
    wakes.wait(before);
    keeper->turn();
    caller.join();
  }

  base::Random& random() { return random_; }

 private:
  tests::SeededRandom random_{1};
  catalog::Account account_{
      .id = base::AccountId::create({1}, random_), .parent = {}, .name = "account", .external_id = {}, .created = {}};
  std::vector<std::unique_ptr<Keeper>> dead_;
};

inline Amounts usd(std::int64_t nanos) { return {.usd = base::Money::from_nanos(nanos), .requests = 1}; }

// An exchange that cost this much, flushed.
inline void spend(World& world, const catalog::Limit& limit, std::int64_t cost) {
  Reservation reservation = world.reserve(limit, cost);
  reservation.mark_sent();
  std::move(reservation).settle(usd(cost), meter::Certainty::exact);
  world.flush();
}

// One worker's way to the limits, after the keeper has told it their leases with a reservation of `first`.
struct FastWorker {
  World& world;
  std::vector<const catalog::Limit*> limits;
  Admission admission{*world.keeper};

  FastWorker(World& w, std::vector<const catalog::Limit*> l, std::int64_t first = 1) : world(w), limits(std::move(l)) {
    std::vector<catalog::Limit> copies;
    for (const catalog::Limit* limit : limits) copies.push_back(*limit);
    Reservation reservation = world.reserve(copies, first);
    REQUIRE(admission.adopt(reservation).has_value());
  }
  std::optional<Reservation> fast(std::int64_t nanos) {
    auto record = world.record();
    return admission.try_reserve(limits, usd(nanos), world.clock.wall_now(), record);
  }
};

}  // namespace quota::testing
