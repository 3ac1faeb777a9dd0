// Usage records that are dropped for their age, and what stays of them.
#include <fmt/format.h>

#include <map>

#include "tests/conformance/opener.h"

using catalog::LimitUnit;
using events::UsageGroup;
using tests::Opener;

namespace {

constexpr std::int64_t day_ms = 86'400'000;
// As many as a store packs and adds up together.
constexpr int many = 6'000;

template <class Store>
struct Aged : Opener<Store> {
  catalog::Limit counted;    // what the old calls counted on
  events::UsageRecord held;  // an old one whose cost nobody knows
  base::WallTime old{tests::today.ms - 10 * day_ms + 3'600'000};

  Aged() {
    // They are older than their calls.
    this->account.created = this->child.created = {old.ms - day_ms};
    REQUIRE(this->on.store->put(this->account).has_value());
    REQUIRE(this->on.store->put(this->child).has_value());
    counted = this->wanted(LimitUnit::usd, "total");
    counted.amount = 1'000'000'000;
    CHECK(this->open(counted).spent == 0);
    std::vector<events::UsageRecord> records;
    for (int i = 0; i < many; ++i) {
      auto record = this->spent(1 + i % 7, i % 3 == 0 ? this->child : this->account, {old.ms + i * 10},
                                i % 2 == 0 ? "gpt-4o" : "gpt-4o-mini");
      record.tags = i % 5 == 0 ? "team=search" : "";
      record.duration_us = 1'000 + i;
      record.holds = {{counted.id, {0}, 0, record.cost.nanos(), 0}};
      records.push_back(std::move(record));
    }
    held = this->spent(2, this->child, old);
    held.outcome = events::Outcome::failed;
    held.usage->certainty = meter::Certainty::at_least;
    held.estimate = base::Money::from_nanos(52);
    held.holds = {{counted.id, {0}, 52, 2, 50}};
    records.push_back(held);
    REQUIRE(this->flush(records).has_value());
    std::vector<events::UsageRecord> fresh;
    for (int i = 0; i < 10; ++i) fresh.push_back(this->spent(100, this->account, this->now));
    fresh.back().tags = "team=search";
    REQUIRE(this->flush(fresh).has_value());
    REQUIRE(this->flush({this->spent(0, this->account, this->now)}).has_value());
  }

  std::int64_t drop(base::WallTime before) {
    std::int64_t records = 0;
    for (bool is_more = true; is_more;) {
      const auto dropped = this->on.store->drop_records(before);
      REQUIRE_MESSAGE(dropped.has_value(), (dropped ? std::string() : dropped.error().message));
      records += dropped->records;
      is_more = dropped->is_more;
    }
    return records;
  }

  // What a limit finds that comes into force, and goes again.
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> found() {
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> all;
    const auto find = [&](std::string name, LimitUnit unit, const char* window, catalog::LimitSubject subject,
                          catalog::LimitFilter filter = {}) {
      catalog::Limit limit = this->wanted(unit, window);
      limit.subject = subject;
      limit.filter = std::move(filter);
      const auto state = this->open(limit);
      all[name] = {state.spent, state.unresolved};
      REQUIRE(this->on.store->remove(limit.id, this->now).has_value());
    };
    for (const auto& [unit, name] : {std::pair(LimitUnit::usd, "usd"),
                                     {LimitUnit::requests, "requests"},
                                     {LimitUnit::tokens, "tokens"},
                                     {LimitUnit::input_tokens, "input"},
                                     {LimitUnit::output_tokens, "output"}}) {
      find(fmt::format("{} of all", name), unit, "total", this->account.id);
      find(fmt::format("{} of one", name), unit, "total", this->child.id);
    }
    find("of the year", LimitUnit::usd, "year", this->account.id);
    find("of the day", LimitUnit::usd, "day", this->account.id);
    find("of a month that rolls", LimitUnit::usd, "rolling:30d", this->account.id);
    find("of a key", LimitUnit::usd, "total", this->childs_key.id);
    find("of a model", LimitUnit::usd, "total", this->account.id, {.model = "gpt-4o"});
    find("of a route", LimitUnit::usd, "total", this->account.id, {.route = "openai"});
    find("of another route", LimitUnit::usd, "total", this->account.id, {.route = "other"});
    return all;
  }

  auto sums() {
    std::vector<std::tuple<std::string, std::int64_t, std::int64_t, std::int64_t>> all;
    for (const auto group : {UsageGroup::total, UsageGroup::account, UsageGroup::key, UsageGroup::model,
                             UsageGroup::day, UsageGroup::upstream, UsageGroup::route, UsageGroup::reason}) {
      const auto found = this->on.store->sums({}, group);
      REQUIRE(found.has_value());
      for (const events::UsageSum& sum : *found)
        all.emplace_back(sum.group, sum.requests, sum.input_tokens, sum.cost.nanos());
    }
    events::UsageFilter one;
    one.account = this->child.id;
    one.model = "gpt-4o";
    const auto of_one = this->on.store->sums(one, UsageGroup::day);
    REQUIRE(of_one.has_value());
    for (const events::UsageSum& sum : *of_one)
      all.emplace_back(sum.group, sum.requests, sum.input_tokens, sum.cost.nanos());
    return all;
  }
};

}  // namespace

TEST_CASE_TEMPLATE("what was dropped is in every sum and counter still, and the books add up", Store, EVERY_STORE) {
  Aged<Store> world;
  const auto sums = world.sums();
  const auto state = world.state_of(world.counted);
  const auto latencies = world.on.store->latencies({}, UsageGroup::total)->front().duration.count();
  const auto examined = [&] {
    const auto snapshot = catalog::Snapshot::build(*world.on.store->load());
    return *quota::examine(*world.on.store, **snapshot, world.now);
  };
  const auto before = examined();
  CHECK_FALSE(world.on.store->kept_from()->has_value());
  CHECK(world.drop({tests::today.ms + 5}) == many + 1);
  CHECK(*world.on.store->kept_from() == tests::today);
  CHECK(world.drop({tests::today.ms + 5}) == 0);
  CHECK(world.sums() == sums);
  CHECK(world.state_of(world.counted) == state);
  CHECK(world.on.store->latencies({}, UsageGroup::total)->front().duration.count() == latencies);
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
  CHECK(examined().records == before.records);
  CHECK(examined().transfers == before.transfers);
  CHECK(examined().booked == before.booked);
}

TEST_CASE_TEMPLATE("a limit that comes into force finds what was dropped as if it were there", Store, EVERY_STORE) {
  Aged<Store> world;
  const auto before = world.found();
  CHECK(before.at("usd of all").first > many);
  CHECK(before.at("usd of one").second == 50);
  world.drop(tests::today);
  CHECK(world.found() == before);
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
}

TEST_CASE_TEMPLATE("a limit for a tag comes into force only in a window whose records are all kept", Store,
                   EVERY_STORE) {
  Aged<Store> world;
  world.drop(tests::today);
  catalog::Limit limit = world.wanted(LimitUnit::usd, "total");
  limit.filter.tag = "team=search";
  const auto refused = world.on.store->open(limit, world.now);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().type == base::ErrorType::conflict);
  CHECK(refused.error().field == "window");
  CHECK(refused.error().message.contains(
      "of what was used before 2026-11-21T00:00:00.000Z only sums are kept (usage.keep_days)"));
  limit.window = *base::parse_window("day");
  CHECK(world.open(limit).spent == 100);
  // Nothing was ever asked for by an account that is newer than what is kept.
  catalog::Limit of_new = world.wanted(LimitUnit::usd, "total");
  of_new.subject = world.stranger.id;
  of_new.filter.tag = "team=search";
  CHECK(world.open(of_new).spent == 0);
}

TEST_CASE_TEMPLATE("what was dropped is told to be gone, and what only its records say is not guessed", Store,
                   EVERY_STORE) {
  Aged<Store> world;
  world.drop(tests::today);
  const auto record = world.on.store->record(world.held.id);
  REQUIRE_FALSE(record.has_value());
  CHECK(record.error().type == base::ErrorType::not_found);
  CHECK(record.error().message.contains("usage.keep_days"));
  CHECK_FALSE(world.on.store->find_transfer({world.held.id.uuid}).has_value());
  CHECK(world.records().size() == 11);
  CHECK(world.on.store->written_after({}, 100)->size() == 11);

  const auto by_tag = world.on.store->sums({}, UsageGroup::tag, "team");
  REQUIRE_FALSE(by_tag.has_value());
  CHECK(by_tag.error().field == "from");
  events::UsageFilter since;
  since.from = tests::today;
  const auto by_tag_since = world.on.store->sums(since, UsageGroup::tag, "team");
  REQUIRE(by_tag_since.has_value());
  CHECK(by_tag_since->size() == 2);
  events::UsageFilter tagged;
  tagged.tag = "team=search";
  CHECK_FALSE(world.on.store->sums(tagged, UsageGroup::total).has_value());
}

TEST_CASE_TEMPLATE("a record that was dropped is not booked again, and what it held can be settled", Store,
                   EVERY_STORE) {
  Aged<Store> world;
  world.drop(tests::today);
  const auto state = world.state_of(world.counted);
  REQUIRE(world.flush({world.held}).has_value());
  CHECK(world.state_of(world.counted) == state);

  quota::Correction correction{
      .item = world.held.id, .verdict = quota::Verdict::settled, .reason = "the bill", .record = {}};
  correction.record = world.spent(8, world.child, world.now);
  correction.record.outcome = events::Outcome::corrected;
  correction.record.usage.reset();
  correction.record.holds = {{world.counted.id, {0}, 0, 8, -50}};
  REQUIRE(world.on.store->correct(correction).has_value());
  CHECK(world.state_of(world.counted).spent == state.spent + 8);
  CHECK(world.state_of(world.counted).unresolved == 0);
  catalog::Limit limit = world.wanted(LimitUnit::usd, "total");
  limit.subject = world.child.id;
  const auto found = world.open(limit);
  CHECK(found.unresolved == 0);
  events::UsageFilter of_child;
  of_child.account = world.child.id;
  CHECK(found.spent == world.on.store->sums(of_child, UsageGroup::total)->front().cost.nanos());
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
}

TEST_CASE("a record that is packed with younger ones stays until all of them are old") {
  Aged<tests::OnSqlite> world;
  const auto late = world.spent(3, world.account, world.old);
  std::vector<events::UsageRecord> records{late};
  for (int i = 0; i < many; ++i) records.push_back(world.spent(1, world.account, world.now));
  REQUIRE(world.flush(records).has_value());
  REQUIRE(world.flush({world.spent(0, world.account, world.now)}).has_value());
  const auto before = world.found();
  CHECK(world.drop(tests::today) == many + 1);
  CHECK(world.on.store->record(late.id)->has_value());
  CHECK(world.found() == before);
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
  CHECK(world.drop(tests::tomorrow) > many);
  CHECK(world.found() == before);
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
}
