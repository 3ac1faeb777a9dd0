// Several workers and a keeper on a thread of its own, as in the program. The clock stands still: nothing here ends by
// a deadline, so who waits is served or refused for a reason.
#include <array>
#include <condition_variable>
#include <future>
#include <mutex>

#include "quota/world_test.h"

using namespace quota;
using namespace quota::testing;
using meter::Certainty;

namespace {

// The store thread: turns the keeper whenever it is woken or says that it has more to do.
class StoreThread {
 public:
  StoreThread(Store& store, const base::Clock& clock)
      : clock_(clock), keeper(store, clock, {.flush_every_ms = 0}, [this] { wake(); }), thread_([this] { run(); }) {}
  ~StoreThread() { stop(); }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    woken_now_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void wake() {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    woken_now_.notify_one();
  }
  void run() {
    while (true) {
      const auto next = keeper.turn();
      std::unique_lock lock(mutex_);
      if (!next || *next > clock_.now()) woken_now_.wait(lock, [this] { return woken_ || stopping_; });
      woken_ = false;
      if (stopping_) return;
    }
  }

  const base::Clock& clock_;
  std::mutex mutex_;
  std::condition_variable woken_now_;
  bool woken_ = false;
  bool stopping_ = false;

 public:
  Keeper keeper;

 private:
  std::thread thread_;
};

// What all workers together hold of a limit, as they see it: never more than is really held.
class Held {
 public:
  explicit Held(std::int64_t amount) : amount_(amount) {}
  void add(std::int64_t amount) {
    if (held_.fetch_add(amount) + amount > amount_) over_ = true;
  }
  void take_off(std::int64_t amount) { held_ -= amount; }
  std::int64_t value() const { return held_; }
  bool over() const { return over_; }

 private:
  const std::int64_t amount_;
  std::atomic<std::int64_t> held_ = 0;
  std::atomic<bool> over_ = false;
};

struct Tally {
  std::int64_t spent = 0, unresolved = 0, served = 0, refused = 0;
};

class Worker {
 public:
  Worker(Keeper& keeper, const base::Clock& clock, const catalog::Limit& limit, Held& held, std::uint64_t seed)
      : admission_(keeper), clock_(clock), limits_{&limit}, held_(held), random_(seed) {}

  Tally work(int exchanges) {
    for (int i = 0; i < exchanges; ++i) {
      const std::int64_t amount = random_.between(1, 40);
      auto reservation = reserve(amount);
      if (!reservation) {
        ++tally_.refused;
        continue;
      }
      ++tally_.served;
      held_.add(amount);
      end(std::move(*reservation), amount);
    }
    return tally_;
  }

 private:
  std::optional<Reservation> reserve(std::int64_t amount) {
    auto record = std::make_unique<events::UsageRecord>();
    record->id = base::ExchangeId::create(clock_.wall_now(), random_);
    record->account = std::get<base::AccountId>(limits_[0]->subject);
    if (auto fast = admission_.try_reserve(limits_, usd(amount), clock_.wall_now(), record)) return fast;
    const auto promise = std::make_shared<std::promise<Decision>>();
    auto answer = promise->get_future();
    admission_.reserve(limits_, usd(amount), clock_.wall_now(), clock_.now().plus_ms(1), *record,
                       [promise](Decision decision) { promise->set_value(std::move(decision)); });
    Decision decision = answer.get();
    auto* reservation = std::get_if<Reservation>(&decision);
    if (reservation == nullptr) {
      CHECK(std::get<Refusal>(decision).type == base::ErrorType::limit_reached);
      return std::nullopt;
    }
    REQUIRE(admission_.adopt(*reservation).has_value());
    return std::move(*reservation);
  }

  void end(Reservation reservation, std::int64_t amount) {
    const std::int64_t dice = random_.between(1, 10);
    if (dice <= 6) {  // nothing is owed
      held_.take_off(amount);
      std::move(reservation).release();
    } else if (dice <= 9) {
      const std::int64_t spent = random_.between(0, amount);
      held_.take_off(amount - spent);
      tally_.spent += spent;
      std::move(reservation).settle(usd(spent), Certainty::exact);
    } else {
      tally_.unresolved += amount;
      reservation.mark_sent();  // and dropped
    }
  }

  Admission admission_;
  const base::Clock& clock_;
  const std::array<const catalog::Limit*, 1> limits_;
  Held& held_;
  tests::SeededRandom random_;
  Tally tally_;
};

}  // namespace

TEST_CASE("four workers on one limit never pass it, and the store ends with what they settled") {
  for (const std::int64_t amount : {500, 30'000}) {
    CAPTURE(amount);
    World world;
    const catalog::Limit limit = world.limit(amount);
    Held held(amount);
    Tally all;
    StoreThread store(world.store, world.clock);
    std::vector<std::future<Tally>> workers;
    for (std::uint64_t seed = 1; seed <= 4; ++seed)
      workers.push_back(std::async(
          std::launch::async, [&, seed] { return Worker(store.keeper, world.clock, limit, held, seed).work(2'000); }));
    for (auto& worker : workers) {
      const Tally tally = worker.get();
      all.spent += tally.spent;
      all.unresolved += tally.unresolved;
      all.served += tally.served;
      all.refused += tally.refused;
    }
    store.stop();
    REQUIRE(store.keeper.close().has_value());
    CHECK_FALSE(held.over());
    CHECK(all.served > 0);
    CHECK(all.served + all.refused == 8'000);
    const CounterState state = world.state(limit);
    CHECK(state == CounterState{.amount = amount, .spent = all.spent, .unresolved = all.unresolved});
    CHECK(held.value() == state.spent + state.unresolved);
    if (amount == 500) {
      CHECK(all.refused > 0);
      CHECK(state.spent + state.unresolved > 460);  // a refusal means that less than the call's worth was left
    }
  }
}
