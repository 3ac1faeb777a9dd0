// Raises of an amount, and the events of thresholds: what every store makes of them.
#include "tests/conformance/stores.h"

#include "quota/counting.h"

using catalog::ThresholdAction;
using events::LimitEvent;
using tests::Bench;
using tests::today;
using tests::tomorrow;

namespace {

template <class Store>
struct World : Bench<Store> {
  catalog::Limit watched(std::int64_t amount, catalog::Thresholds thresholds, base::WindowPolicy window = {}) {
    catalog::Limit limit{.id = this->template id<base::LimitId>(),
                         .subject = this->account.id,
                         .name = "limit",
                         .window = window,
                         .amount = amount,
                         .thresholds = std::move(thresholds),
                         .created = this->now};
    REQUIRE(this->on.store->put(limit).has_value());
    return limit;
  }
  // One record a cost, all in one flush.
  void spend(const catalog::Limit& limit, std::vector<std::int64_t> costs) {
    const base::Window window = base::window_at(limit.window, this->now);
    std::vector<events::UsageRecord> records;
    for (const std::int64_t cost : costs) {
      events::Hold hold{.limit = limit.id, .label = window.label, .spent = cost};
      if (limit.window.kind == base::WindowPolicy::Kind::rolling)
        hold.sub_window = base::sub_label(limit.window, this->now);
      records.push_back(this->exchange(cost, {hold}));
    }
    REQUIRE(
        this->on.store->flush({.records = events::pointers_to(records), .returns = {}, .marks = {}, .now = this->now})
            .has_value());
    last = records;
  }
  std::vector<LimitEvent> events(const events::LimitEventFilter& filter = {}) {
    const auto page = this->on.store->limit_events(filter);
    REQUIRE(page.has_value());
    return *page;
  }
  // Newest first.
  std::vector<int> percents() {
    std::vector<int> list;
    for (const LimitEvent& event : events()) list.push_back(event.threshold.percent);
    return list;
  }
  std::vector<events::UsageRecord> last;
};

constexpr catalog::Threshold warn(int percent) { return {percent, ThresholdAction::warn}; }

}  // namespace

TEST_CASE_TEMPLATE("a raise is the amount up to its end, and not at it", Store, EVERY_STORE) {
  World<Store> world;
  catalog::Limit limit = world.watched(100, {});
  limit.raise = catalog::Raise{250, tomorrow};
  REQUIRE(world.on.store->put(limit).has_value());
  CHECK(world.on.store->load()->limits.front() == limit);
  const auto at = [&](base::WallTime moment) {
    return quota::CounterQuery{.counter = {limit.id, {today.ms}}, .live_from = {}, .at = moment};
  };
  CHECK(world.state(at({tomorrow.ms - 1})) == quota::CounterState{.amount = 250, .raised_until = tomorrow});
  CHECK(world.state(at(tomorrow)) == quota::CounterState{.amount = 100});
  CHECK(world.grant(at({tomorrow.ms - 1}), 200, 200) == 200);
  CHECK(world.grant(at(tomorrow), 1, 200) == 0);
  limit.raise->amount = 90;  // below what is there without it: none
  REQUIRE(world.on.store->put(limit).has_value());
  CHECK(world.state(at(today)).amount == 100);
  CHECK_FALSE(world.state(at(today)).raised_until.has_value());
}

TEST_CASE_TEMPLATE("a flush that crosses thresholds writes each once, with what was spent", Store, EVERY_STORE) {
  World<Store> world;
  const auto limit = world.watched(100, {warn(50), {80, ThresholdAction::block}, warn(120)});
  world.spend(limit, {49});
  CHECK(world.events().empty());
  world.spend(limit, {1});
  world.spend(limit, {1});
  CHECK(world.percents() == std::vector{50});
  world.spend(limit, {20, 30});
  const auto events = world.events();
  REQUIRE(events.size() == 2);
  CHECK(events[0] == LimitEvent{.number = events[0].number,
                                .at = {world.now.ms - 0},
                                .limit = limit.id,
                                .label = {today.ms},
                                .threshold = {80, ThresholdAction::block},
                                .amount = 100,
                                .spent = 101});
  CHECK(events[0].number > events[1].number);
  // The same records again change nothing.
  REQUIRE(
      world.on.store->flush({.records = events::pointers_to(world.last), .returns = {}, .marks = {}, .now = world.now})
          .has_value());
  CHECK(world.events().size() == 2);
  world.spend(limit, {1'000});
  CHECK(world.percents() == std::vector{120, 80, 50});
  CHECK(world.on.store->limit_events_written(ThresholdAction::warn) == 2);
  CHECK(world.on.store->limit_events_written(ThresholdAction::block) == 1);
}

TEST_CASE_TEMPLATE("a crossing fires in each window", Store, EVERY_STORE) {
  World<Store> world;
  const auto limit = world.watched(100, {warn(80)});
  world.spend(limit, {90});
  world.now = tomorrow;
  world.spend(limit, {79});
  CHECK(world.events().size() == 1);
  world.spend(limit, {1});
  CHECK(world.events().size() == 2);
  CHECK(world.events()[0].label == base::WindowLabel{tomorrow.ms});
}

TEST_CASE_TEMPLATE("a crossing after a fall fires again, also where nobody saw the fall", Store, EVERY_STORE) {
  World<Store> world;
  const auto limit = world.watched(100, {warn(80)}, *base::parse_window("rolling:1h"));
  world.spend(limit, {85});
  world.spend(limit, {1});
  CHECK(world.events().size() == 1);
  world.now.ms += 2 * 3'600'000;  // all of it has left; no flush in between
  world.spend(limit, {81});
  REQUIRE(world.events().size() == 2);
  CHECK(world.events()[0].spent == 81);
  world.now.ms += 2 * 3'600'000;
  world.spend(limit, {10});  // seen below
  world.spend(limit, {75});
  CHECK(world.events().size() == 3);
}

TEST_CASE_TEMPLATE("an amount that is lowered upon what was spent fires with the next that is spent", Store,
                   EVERY_STORE) {
  World<Store> world;
  catalog::Limit limit = world.watched(1'000, {warn(80)});
  world.spend(limit, {100});
  CHECK(world.events().empty());
  limit.amount = 100;
  REQUIRE(world.on.store->put(limit).has_value());
  world.spend(limit, {1});
  CHECK(world.events().size() == 1);
  limit.amount = 1'000;
  REQUIRE(world.on.store->put(limit).has_value());
  world.spend(limit, {1});
  limit.raise = catalog::Raise{2'000, tomorrow};
  REQUIRE(world.on.store->put(limit).has_value());
  world.spend(limit, {700});
  CHECK(world.events().size() == 1);  // of what it is raised to, 80% is 1,600
  world.spend(limit, {800});
  CHECK(world.events()[0].amount == 2'000);
}

TEST_CASE_TEMPLATE("events are paged by number, and told apart by limit", Store, EVERY_STORE) {
  World<Store> world;
  const auto one = world.watched(100, {warn(10), warn(20), warn(30)});
  const auto two = world.watched(100, {warn(10)});
  world.spend(one, {15});
  world.spend(two, {15});
  world.spend(one, {20});
  CHECK(world.events({.limit = one.id}).size() == 3);
  CHECK(world.events({.limit = two.id}).size() == 1);
  const auto page = world.events({.limit_to = 2});
  REQUIRE(page.size() == 2);
  const auto rest = world.events({.before = page.back().number});
  REQUIRE(rest.size() == 2);
  CHECK(rest[0].limit == two.id);
  // A removed limit crosses nothing, and its events stay.
  REQUIRE(world.on.store->remove(one.id, world.now).has_value());
  world.spend(one, {1'000});
  CHECK(world.events().size() == 4);
}

TEST_CASE_TEMPLATE("a correction that books what was unresolved crosses thresholds", Store, EVERY_STORE) {
  World<Store> world;
  const auto limit = world.watched(100, {warn(80)});
  const auto held = world.exchange(10, {{.limit = limit.id, .label = {today.ms}, .spent = 10, .unresolved = 80}});
  REQUIRE(world.flush({held}).has_value());
  CHECK(world.events().empty());
  auto record = world.exchange(80, {{.limit = limit.id, .label = {today.ms}, .spent = 80, .unresolved = -80}});
  record.outcome = events::Outcome::corrected;
  REQUIRE(world.on.store->correct({.item = held.id, .verdict = quota::Verdict::settled, .reason = {}, .record = record})
              .has_value());
  REQUIRE(world.percents() == std::vector{80});
  CHECK(world.events()[0].at == record.started);
}

TEST_CASE_TEMPLATE("what a crash left crosses thresholds when it is booked", Store, EVERY_STORE) {
  World<Store> world;
  const auto limit = world.watched(100, {warn(80)});
  const auto left = world.on.store->left_behind();
  REQUIRE(left.has_value());
  const auto record = world.exchange(90, {{.limit = limit.id, .label = {today.ms}, .spent = 90}});
  REQUIRE(world.on.store
              ->recover(world.now, {.incarnation = left->incarnation, .records = std::span(&record, 1), .doubt = {}})
              .has_value());
  CHECK(world.percents() == std::vector{80});
}
