// A random node on two stores at once: whatever it does, SQLite answers and stands as the model in memory does. The
// node keeps its own books of what it holds, which both must agree with.
#include <algorithm>
#include <map>
#include <set>

#include "quota/unresolved.h"
#include "tests/conformance/stores.h"

using quota::CounterKey;
using quota::CounterState;
using tests::Bench;

namespace {

constexpr std::int64_t amount_max = 1'000;

// What the node believes of one counter in this incarnation.
struct Belief {
  std::int64_t free = 0;  // leased, and reserved by nobody
  std::int64_t returned_total = 0;
};

struct Reserved {
  CounterKey counter;
  std::int64_t amount = 0;
};

class Node {
 public:
  explicit Node(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < 3; ++i) {
      const std::int64_t amount = random_.between(1, amount_max);
      const CounterKey counter = memory_.limit(amount);
      const CounterKey twin = sqlite_.limit(amount);
      REQUIRE(counter == twin);  // both benches draw the same ids
      counters_.push_back(counter);
      counters_.push_back({counter.limit, {tests::tomorrow.ms}});
    }
    const std::int64_t amount = random_.between(1, amount_max);
    const CounterKey counter{memory_.limit(amount).limit, {0}};
    REQUIRE(counter == CounterKey{sqlite_.limit(amount).limit, {0}});
    counters_.push_back(counter);
  }

  void step() {
    const std::int64_t dice = random_.between(1, 100);
    if (dice <= 30) {
      ask();
    } else if (dice <= 55) {
      reserve();
    } else if (dice <= 85) {
      settle();
    } else if (dice <= 90) {
      give_back();
    } else if (dice <= 93) {
      return_too_much();
    } else if (dice <= 95) {
      correct();
    } else if (dice <= 97) {
      edit();
    } else {
      die();
    }
    if (random_.between(1, 4) == 1) live_from_ += random_.between(1, 3);
    compare();
  }

 private:
  static bool is_rolling(const CounterKey& counter) { return counter.label.ms == 0; }
  // A rolling counter is asked about as time goes by: its sub-windows leave one after the other.
  quota::CounterQuery query_of(const CounterKey& counter) const {
    return {.counter = counter,
            .live_from = is_rolling(counter) ? std::optional(base::WindowLabel{live_from_}) : std::nullopt};
  }
  CounterKey& any_counter() {
    return counters_[static_cast<std::size_t>(random_.between(0, static_cast<std::int64_t>(counters_.size()) - 1))];
  }

  void ask() {
    std::vector<quota::GrantRequest> requests;
    for (std::int64_t count = random_.between(1, 4); count > 0; --count) {
      const std::int64_t at_most = random_.between(0, amount_max);
      requests.push_back({query_of(any_counter()), random_.between(0, at_most), at_most});
    }
    const auto expected = memory_.on.store->grant(requests);
    const auto actual = sqlite_.on.store->grant(requests);
    REQUIRE(expected.has_value());
    REQUIRE(actual.has_value());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      REQUIRE((*expected)[i].granted == (*actual)[i].granted);
      REQUIRE((*expected)[i].state == (*actual)[i].state);
      beliefs_[requests[i].of.counter].free += (*actual)[i].granted;
    }
  }

  void reserve() {
    Belief& belief = beliefs_[any_counter()];
    if (belief.free == 0) return;
    const auto counter = std::ranges::find_if(beliefs_, [&](const auto& entry) { return &entry.second == &belief; });
    const std::int64_t amount = random_.between(1, belief.free);
    belief.free -= amount;
    reserved_.push_back({counter->first, amount});
  }

  // Settles some reservations as one exchange, with an overrun now and then, and repeats an old record now and then.
  void settle() {
    std::vector<events::UsageRecord> records;
    for (std::int64_t count = random_.between(1, 3); count > 0 && !reserved_.empty(); --count) {
      events::UsageRecord record = exchange();
      for (std::int64_t holds = random_.between(1, 3); holds > 0 && !reserved_.empty(); --holds) {
        record.holds.push_back(hold_of(reserved_.back()));
        reserved_.pop_back();
      }
      records.push_back(std::move(record));
    }
    if (!flushed_.empty() && random_.between(1, 3) == 1)
      records.push_back(
          flushed_[static_cast<std::size_t>(random_.between(0, static_cast<std::int64_t>(flushed_.size()) - 1))]);
    flush(records, {});
    for (const auto& record : records) flushed_.push_back(record);
  }

  events::Hold hold_of(const Reserved& reserved) {
    events::Hold hold{reserved.counter.limit, reserved.counter.label, reserved.amount, 0, 0};
    if (is_rolling(reserved.counter)) hold.sub_window = base::WindowLabel{live_from_ + random_.between(-3, 9)};
    if (random_.between(1, 20) == 1) {
      hold.spent = reserved.amount + random_.between(1, 50);
      overrun_.insert(reserved.counter);
    } else {
      hold.spent = random_.between(0, reserved.amount);
      hold.unresolved = random_.between(0, reserved.amount - hold.spent);
      beliefs_[reserved.counter].free += reserved.amount - hold.spent - hold.unresolved;
    }
    return hold;
  }

  void give_back() {
    const CounterKey counter = any_counter();
    Belief& belief = beliefs_[counter];
    const std::int64_t amount = random_.between(0, belief.free);
    belief.free -= amount;
    belief.returned_total += amount;
    flush({}, {{counter, belief.returned_total}, {counter, belief.returned_total}});
  }

  void return_too_much() {
    const CounterKey counter = any_counter();
    const auto leased = memory_.state(counter).leased;
    const std::vector<quota::LeaseReturn> returns{{counter, beliefs_[counter].returned_total + leased + 1}};
    const std::vector<events::UsageRecord> records{exchange()};
    const auto pointers = events::pointers_to(records);
    const quota::Flush bad{.records = pointers, .returns = returns};
    REQUIRE_FALSE(memory_.on.store->flush(bad).has_value());
    REQUIRE_FALSE(sqlite_.on.store->flush(bad).has_value());
  }

  void edit() {
    const CounterKey counter = any_counter();
    const std::int64_t amount = random_.between(0, amount_max);
    if (amount < memory_.state(counter).amount)
      for (const CounterKey& other : counters_)
        if (other.limit == counter.limit) overrun_.insert(other);  // a lowered amount lifts the bound, too
    if (random_.between(1, 4) == 1) {
      REQUIRE(memory_.on.store->remove(counter.limit, memory_.now).has_value() ==
              sqlite_.on.store->remove(counter.limit, sqlite_.now).has_value());
      for (const CounterKey& other : counters_)
        if (other.limit == counter.limit) overrun_.insert(other);
      return;
    }
    memory_.change_amount(counter, amount);
    sqlite_.change_amount(counter, amount);
  }

  // An operator settles what is unresolved, for more than was held now and then.
  void correct() {
    const auto expected = memory_.on.store->open_items({});
    const auto actual = sqlite_.on.store->open_items({});
    REQUIRE(expected.has_value());
    REQUIRE(actual.has_value());
    REQUIRE(*actual == *expected);
    if (expected->empty()) return;
    const quota::UnresolvedItem& item =
        (*expected)[static_cast<std::size_t>(random_.between(0, static_cast<std::int64_t>(expected->size()) - 1))];
    quota::Correction made{.item = item.record.id, .reason = {}, .record = exchange()};
    made.record.outcome = events::Outcome::corrected;
    for (const events::Hold& hold : item.record.holds) {
      const std::int64_t spent = random_.between(0, hold.unresolved + (random_.between(1, 10) == 1 ? 20 : 0));
      if (spent > hold.unresolved) overrun_.insert({hold.limit, hold.label});
      made.record.holds.push_back({hold.limit, hold.label, 0, spent, -hold.unresolved, hold.sub_window});
    }
    REQUIRE(memory_.on.store->correct(made).has_value());
    REQUIRE(sqlite_.on.store->correct(made).has_value());
  }

  // The process goes without a word; the next one finds what the store kept.
  void die() {
    if (random_.between(1, 2) == 1) sqlite_.on.reopen();
    const auto expected = memory_.on.store->open_incarnation(memory_.now);
    const auto actual = sqlite_.on.store->open_incarnation(sqlite_.now);
    REQUIRE(expected.has_value());
    REQUIRE(actual.has_value());
    REQUIRE(expected->incarnation == actual->incarnation);
    REQUIRE(expected->unaccounted_leases == actual->unaccounted_leases);
    beliefs_.clear();
    reserved_.clear();
  }

  events::UsageRecord exchange() {
    events::UsageRecord record = memory_.exchange(random_.between(0, 100), {});
    sqlite_.id<base::ExchangeId>();  // keeps the two benches in step
    record.outcome = static_cast<events::Outcome>(random_.between(0, 2));
    if (random_.between(0, 1) == 1) record.usage = meter::Usage{.input_tokens = random_.between(0, 9)};
    return record;
  }

  void flush(const std::vector<events::UsageRecord>& records, const std::vector<quota::LeaseReturn>& returns) {
    REQUIRE(memory_.flush(records, returns).has_value());
    REQUIRE(sqlite_.flush(records, returns).has_value());
  }

  void compare() {
    for (const CounterKey& counter : counters_) {
      const CounterState expected = memory_.state(query_of(counter));
      REQUIRE(sqlite_.state(query_of(counter)) == expected);
      std::int64_t held = beliefs_[counter].free;
      for (const Reserved& reserved : reserved_)
        if (reserved.counter == counter) held += reserved.amount;
      REQUIRE(expected.leased == held);
      if (!overrun_.contains(counter)) REQUIRE(expected.spent + held + expected.unresolved <= expected.amount);
    }
    REQUIRE(sqlite_.records() == memory_.records());
    const auto expected = memory_.on.store->sums({}, events::UsageGroup::total)->front();
    const auto actual = sqlite_.on.store->sums({}, events::UsageGroup::total)->front();
    REQUIRE(actual.cost == expected.cost);
    REQUIRE(actual.requests == expected.requests);
    REQUIRE(actual.unknown_usage == expected.unknown_usage);
  }

  tests::SeededRandom random_;
  Bench<tests::InMemory> memory_;
  Bench<tests::OnSqlite> sqlite_;
  std::vector<CounterKey> counters_;
  std::int64_t live_from_ = 100;
  std::map<CounterKey, Belief> beliefs_;
  std::vector<Reserved> reserved_;
  std::vector<events::UsageRecord> flushed_;
  std::set<CounterKey> overrun_;  // counters that an overrun or an edit may have taken over their amount
};

}  // namespace

TEST_CASE("SQLite is the model in memory, whatever a node does") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Node node(seed);
    for (int step = 0; step < 150; ++step) {
      CAPTURE(step);
      node.step();
    }
  }
}
