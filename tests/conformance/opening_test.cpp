// What a limit finds spent when it comes into force: what the usage records of its window say.
#include "tests/conformance/opener.h"

using catalog::LimitUnit;
using quota::CounterKey;
using quota::CounterState;
using tests::Opener;

TEST_CASE_TEMPLATE("a limit opens with what its window, its subject and its filters select, in its unit", Store,
                   EVERY_STORE) {
  Opener<Store> world;
  const base::WallTime today = world.now, yesterday{tests::today.ms - 1};
  auto tagged = world.spent(1, world.account, today);
  tagged.tags = "env=prod,team=search";
  auto refused = world.spent(0, world.account, today);
  refused.outcome = events::Outcome::refused;
  auto models = world.spent(0, world.account, today, "");
  models.usage = meter::Usage{.input_tokens = 0, .output_tokens = 0};
  auto unsent = world.spent(0, world.account, today);
  unsent.outcome = events::Outcome::failed;
  unsent.usage.reset();
  unsent.holds = {{world.template id<base::LimitId>(), {tests::today.ms}, 50, 0, 0}};
  REQUIRE(world
              .flush({tagged, world.spent(10, world.child, today, "gpt-4o"), world.spent(100, world.stranger, today),
                      world.spent(1'000, world.account, yesterday), refused, models, unsent})
              .has_value());

  struct Row {
    const char* name;
    LimitUnit unit;
    const char* window;
    catalog::LimitSubject subject;
    catalog::LimitFilter filter;
    std::int64_t spent;
  };
  const base::AccountId account = world.account.id, child = world.child.id;
  for (const Row& row :
       {Row{"the account and what is below it", LimitUnit::usd, "day", account, {}, 11},
        Row{"all time", LimitUnit::usd, "total", account, {}, 1'011},
        Row{"the month", LimitUnit::usd, "month", account, {}, 1'011},
        Row{"a rolling day", LimitUnit::usd, "rolling:1d", account, {}, 1'011},
        Row{"a rolling hour", LimitUnit::usd, "rolling:30m", account, {}, 11},
        Row{"below alone", LimitUnit::usd, "day", child, {}, 10},
        Row{"a key", LimitUnit::usd, "day", world.key.id, {}, 1 + 100},  // the stranger's record names it
        Row{"a model", LimitUnit::usd, "day", account, {.model = "gpt-4o"}, 10},
        Row{"models", LimitUnit::usd, "day", account, {.model = "gpt*"}, 11},
        Row{"a route", LimitUnit::usd, "day", account, {.route = "openai"}, 11},
        Row{"another route", LimitUnit::usd, "day", account, {.route = "other"}, 0},
        Row{"a tag", LimitUnit::usd, "day", account, {.tag = "team=search"}, 1},
        Row{"another value of it", LimitUnit::usd, "day", account, {.tag = "team=ads"}, 0},
        Row{"calls", LimitUnit::requests, "day", account, {}, 2},
        Row{"tokens", LimitUnit::tokens, "day", account, {}, 2 * 35},
        Row{"input", LimitUnit::input_tokens, "day", child, {}, 30},
        Row{"output", LimitUnit::output_tokens, "day", child, {}, 5}}) {
    CAPTURE(row.name);
    catalog::Limit limit = world.wanted(row.unit, row.window);
    limit.subject = row.subject;
    limit.filter = row.filter;
    const CounterState state = world.open(limit);
    CHECK(state.spent == row.spent);
    CHECK(state.amount == 1'000'000);
    CHECK(state.unresolved == 0);
  }
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
}

TEST_CASE_TEMPLATE("to remove a limit and create it again forgives nothing, and grants what is left", Store,
                   EVERY_STORE) {
  Opener<Store> world;
  catalog::Limit limit = world.wanted();
  limit.amount = 100;
  CHECK(world.open(limit).spent == 0);
  REQUIRE(world.grant(CounterKey{limit.id, {tests::today.ms}}, 60, 60) == 60);
  auto record = world.spent(60, world.account, world.now);
  record.holds = {{limit.id, {tests::today.ms}, 60, 60, 0}};
  REQUIRE(world.flush({record}).has_value());
  REQUIRE(world.on.store->remove(limit.id, world.now).has_value());
  catalog::Limit again = limit;
  again.id = world.template id<base::LimitId>();
  CHECK(world.open(again) == CounterState{.amount = 100, .spent = 60});
  CHECK(world.grant(CounterKey{again.id, {tests::today.ms}}, 1, 100) == 40);
  const auto records = world.records();
  REQUIRE(records.size() == 2);
  const events::UsageRecord& opened = records.front().outcome == events::Outcome::opened ? records[0] : records[1];
  CHECK(opened.outcome == events::Outcome::opened);
  CHECK(opened.account == world.account.id);
  CHECK(opened.cost.is_zero());
  REQUIRE(opened.holds.size() == 1);
  CHECK(opened.holds[0] == events::Hold{.limit = again.id, .label = {tests::today.ms}, .spent = 60});
  const auto sums = world.on.store->sums({}, events::UsageGroup::total);
  REQUIRE(sums.has_value());
  CHECK(sums->front().requests == 1);
  CHECK(sums->front().unknown_usage == 0);
  CHECK(sums->front().cost == base::Money::from_nanos(60));
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
}

TEST_CASE_TEMPLATE("the same limit put into force again counts what it missed, and nothing twice", Store, EVERY_STORE) {
  Opener<Store> world;
  for (const char* window : {"day", "rolling:2h", "total"}) {
    CAPTURE(window);
    const catalog::Limit limit = world.wanted(LimitUnit::usd, window);
    const std::int64_t before = world.open(limit).spent;
    auto counted = world.spent(5, world.account, world.now);
    const base::WindowLabel label = base::window_at(limit.window, world.now).label;
    counted.holds = {{limit.id, label, 0, 5, 0}};
    if (limit.window.kind == base::WindowPolicy::Kind::rolling)
      counted.holds[0].sub_window = base::sub_label(limit.window, world.now);
    REQUIRE(world.flush({counted}).has_value());
    REQUIRE(world.on.store->remove(limit.id, world.now).has_value());
    REQUIRE(world.flush({world.spent(7, world.account, world.now)}).has_value());
    for (int i = 0; i < 2; ++i) {
      CHECK(world.open(limit).spent == before + 12);
      REQUIRE(world.on.store->remove(limit.id, world.now).has_value());
    }
    CHECK(world.open(limit).spent == before + 12);
    const auto twice = world.on.store->open(limit, world.now);
    REQUIRE_FALSE(twice.has_value());
    CHECK(twice.error().type == base::ErrorType::conflict);
    CHECK(world.state_of(limit).spent == before + 12);
  }
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
}

TEST_CASE_TEMPLATE("a limit takes over what is unresolved, and its correction ends that there, too", Store,
                   EVERY_STORE) {
  Opener<Store> world;
  const CounterKey first = world.limit(1'000'000);
  const auto held = [&](std::int64_t cost, std::int64_t estimate) {
    auto record = world.spent(cost, world.account, world.now);
    record.outcome = events::Outcome::failed;
    record.estimate = base::Money::from_nanos(estimate);
    record.usage->certainty = meter::Certainty::at_least;
    record.holds = {{first.limit, first.label, estimate, cost, estimate - cost}};
    return record;
  };
  const auto released = held(3, 20), settled = held(5, 30), corrected_before = held(0, 40);
  REQUIRE(world.flush({released, settled, corrected_before}).has_value());
  const auto correct = [&](const events::UsageRecord& item, std::int64_t cost, events::Holds holds) {
    quota::Correction made{.item = item.id, .reason = "known", .record = world.exchange(cost, {})};
    made.verdict = cost == 0 ? quota::Verdict::released : quota::Verdict::settled;
    made.record.outcome = events::Outcome::corrected;
    made.record.holds = std::move(holds);
    REQUIRE(world.on.store->correct(made).has_value());
  };
  correct(corrected_before, 9, {{first.limit, first.label, 0, 9, -40}});

  const catalog::Limit limit = world.wanted();
  const CounterKey counter{limit.id, {tests::today.ms}};
  CHECK(world.open(limit) == CounterState{.amount = 1'000'000, .spent = 3 + 5 + 9, .unresolved = 17 + 25});
  CHECK(world.on.store->open_items({})->size() == 2);  // the opening is none itself
  const auto item = *world.on.store->item(settled.id);
  REQUIRE(item.record.holds.size() == 2);
  CHECK(item.record.holds[1] == events::Hold{.limit = limit.id, .label = counter.label, .spent = 5, .unresolved = 25});
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});

  correct(released, 0, {{first.limit, first.label, 0, 0, -17}, {counter.limit, counter.label, 0, 0, -17}});
  correct(settled, 6, {{first.limit, first.label, 0, 6, -25}, {counter.limit, counter.label, 0, 6, -25}});
  CHECK(world.state(counter) == CounterState{.amount = 1'000'000, .spent = 23});
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
}

TEST_CASE_TEMPLATE("what a crash left counts on a new limit as far as another limit or the record knows it", Store,
                   EVERY_STORE) {
  Opener<Store> world;
  const CounterKey money = world.limit(1'000'000);
  catalog::Limit of_tokens = world.wanted(LimitUnit::tokens);
  REQUIRE(world.on.store->put(of_tokens).has_value());
  REQUIRE(world.grant(money, 500, 500) == 500);
  auto open = world.spent(0, world.account, world.now);
  open.usage.reset();
  open.estimate = base::Money::from_nanos(80);
  quota::mark_crashed(open);
  open.holds = {{of_tokens.id, money.label, 700, 0, 700}};
  REQUIRE(
      world.on.store->recover(world.now, {.incarnation = 1, .records = std::span(&open, 1), .doubt = "the power went"})
          .has_value());
  CHECK(world.open(world.wanted()).unresolved == 80 + 500);  // of the lease that nobody can account for, too
  CHECK(world.open(world.wanted(LimitUnit::tokens)).unresolved == 700);
  const CounterState requests = world.open(world.wanted(LimitUnit::requests));
  CHECK(requests.spent == 0);
  CHECK(requests.unresolved == 1);
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
}

TEST_CASE_TEMPLATE("what a crash left counts in the window that it was leased in, whenever it was found", Store,
                   EVERY_STORE) {
  Opener<Store> world;
  const catalog::Limit limit = world.wanted();
  world.open(limit);
  const CounterKey counter{limit.id, base::window_at(limit.window, world.now).label};
  REQUIRE(world.grant(counter, 500, 500) == 500);
  const base::WallTime tomorrow{world.now.ms + 86'400'000};
  REQUIRE(world.on.store->recover(tomorrow, {.incarnation = 1, .records = {}, .doubt = "the power went"}).has_value());
  const auto items = world.on.store->open_items({});
  REQUIRE(items.has_value());
  REQUIRE(items->size() == 1);
  quota::Correction settled{.item = items->front().record.id,
                            .verdict = quota::Verdict::settled,
                            .reason = "known",
                            .record = world.exchange(0, {})};
  settled.record.outcome = events::Outcome::corrected;
  settled.record.holds = {{counter.limit, counter.label, 0, 300, -500}};
  REQUIRE(world.on.store->correct(settled).has_value());
  // The clock is put back. What the limit has of the crash does not stand in for what it has missed.
  REQUIRE(world.on.store->remove(limit.id, world.now).has_value());
  REQUIRE(world.flush({world.spent(7, world.account, world.now)}).has_value());
  CHECK(world.open(limit).spent == 300 + 7);
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
}

TEST_CASE_TEMPLATE("an opening above a threshold is a crossing", Store, EVERY_STORE) {
  Opener<Store> world;
  REQUIRE(world.flush({world.spent(85, world.account, world.now)}).has_value());
  catalog::Limit limit = world.wanted();
  limit.amount = 100;
  limit.thresholds = {{.percent = 80, .action = catalog::ThresholdAction::warn},
                      {.percent = 90, .action = catalog::ThresholdAction::warn}};
  CHECK(world.open(limit).spent == 85);
  const auto events = world.on.store->limit_events({});
  REQUIRE(events.has_value());
  REQUIRE(events->size() == 1);
  CHECK(events->front().threshold.percent == 80);
  CHECK(events->front().spent == 85);
}

TEST_CASE_TEMPLATE("so is one of a limit whose exchanges have all said that they count on it", Store, EVERY_STORE) {
  Opener<Store> world;
  catalog::Limit limit = world.wanted();
  limit.amount = 100;
  limit.thresholds = {{.percent = 80, .action = catalog::ThresholdAction::warn}};
  auto counted = world.spent(85, world.account, world.now);
  counted.holds = {{limit.id, base::window_at(limit.window, world.now).label, 0, 85, 0}};
  REQUIRE(world.flush({counted}).has_value());  // it took the limit on before that was in force
  CHECK(world.open(limit).spent == 85);
  REQUIRE(world.on.store->limit_events({})->size() == 1);
  REQUIRE(world.on.store->remove(limit.id, world.now).has_value());
  CHECK(world.open(limit).spent == 85);
  CHECK(world.on.store->limit_events({})->size() == 1);
}

TEST_CASE_TEMPLATE("what is added up ahead is what there is, whatever comes between", Store, EVERY_STORE) {
  Opener<Store> world;
  const auto some = [&](std::int64_t cost) {
    std::vector<events::UsageRecord> records;
    for (int i = 0; i < 300; ++i) records.push_back(world.spent(cost, world.account, world.now));
    REQUIRE(world.flush(records).has_value());
  };
  some(1);
  some(1);
  auto held = world.spent(0, world.account, world.now);
  held.estimate = base::Money::from_nanos(50);
  const CounterKey first = world.limit(1'000'000);
  held.holds = {{first.limit, first.label, 50, 0, 50}};
  REQUIRE(world.flush({held}).has_value());
  some(1);
  const catalog::Limit limit = world.wanted();
  REQUIRE(world.on.store->look_ahead({.opened = {limit}}, world.now).has_value());
  some(10);
  quota::Correction made{.item = held.id, .reason = {}, .record = world.exchange(7, {})};
  made.record.outcome = events::Outcome::corrected;
  made.record.holds = {{first.limit, first.label, 0, 7, -50}};
  REQUIRE(world.on.store->correct(made).has_value());
  auto named = world.spent(4, world.account, world.now);
  named.holds = {{limit.id, first.label, 9, 4, 0}};  // was under way, and has taken it on
  REQUIRE(world.flush({named}).has_value());
  REQUIRE(world.on.store->open(limit, world.now).has_value());
  CHECK(world.state_of(limit) == CounterState{.amount = 1'000'000, .spent = 900 + 3'000 + 7 + 4});
  CHECK(world.wrong() == std::vector<quota::Discrepancy>{});
}

TEST_CASE_TEMPLATE("a limit on nobody is not opened", Store, EVERY_STORE) {
  Opener<Store> world;
  catalog::Limit limit = world.wanted();
  limit.subject = world.template id<base::AccountId>();
  const auto refused = world.on.store->open(limit, world.now);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().type == base::ErrorType::conflict);
  CHECK(world.on.store->load()->limits.empty());
  CHECK(world.records().empty());
}

TEST_CASE_TEMPLATE("limits that open together each find their own, and one takes another's place", Store, EVERY_STORE) {
  Opener<Store> world;
  const base::WallTime today = world.now;
  auto crashed = world.spent(0, world.child, today);
  crashed.usage.reset();
  crashed.estimate = base::Money::from_nanos(40);
  crashed.outcome = events::Outcome::failed;
  const auto old = world.wanted();
  REQUIRE(world.on.store->put(old).has_value());
  crashed.holds = {{old.id, {tests::today.ms}, 40, 0, 40}};
  REQUIRE(world
              .flush({world.spent(5, world.account, today), world.spent(7, world.child, today),
                      world.spent(11, world.stranger, today), crashed})
              .has_value());
  std::vector<catalog::Limit> limits(5, world.wanted());
  limits[0].subject = world.account.id;
  limits[1].subject = world.child.id;
  limits[2].subject = world.stranger.id;
  limits[3].subject = world.childs_key.id;
  limits[4].unit = LimitUnit::input_tokens;
  for (catalog::Limit& limit : limits) limit.id = world.template id<base::LimitId>();
  REQUIRE(world.on.store->look_ahead({.opened = limits}, world.now).has_value());
  const auto opened = world.on.store->apply({.removed = {old.id}, .opened = limits}, world.now);
  REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string() : opened.error().message));
  CHECK(world.state_of(limits[0]) == CounterState{.amount = 1'000'000, .spent = 12, .unresolved = 40});
  CHECK(world.state_of(limits[1]) == CounterState{.amount = 1'000'000, .spent = 7, .unresolved = 40});
  CHECK(world.state_of(limits[2]) == CounterState{.amount = 1'000'000, .spent = 11});
  CHECK(world.state_of(limits[3]) == CounterState{.amount = 1'000'000, .spent = 7, .unresolved = 40});
  CHECK(world.state_of(limits[4]) == CounterState{.amount = 1'000'000, .spent = 60});
  CHECK(world.state_of(old).amount == 0);
  CHECK(world.wrong().empty());
}

TEST_CASE_TEMPLATE("what is added up ahead for several limits is of their windows, accounts and models", Store,
                   EVERY_STORE) {
  Opener<Store> world;
  std::vector<events::UsageRecord> many;  // enough to fill a segment
  for (int i = 0; i < 100; ++i) {
    many.push_back(world.spent(1, world.account, {tests::today.ms - 1}));
    many.push_back(world.spent(1, world.child, world.now));
    many.push_back(world.spent(1, world.child, world.now, "gpt-4o"));
  }
  REQUIRE(world.flush(many).has_value());
  REQUIRE(world.flush({world.spent(50, world.child, world.now)}).has_value());
  std::vector<catalog::Limit> limits(3, world.wanted());
  limits[1].subject = world.child.id;
  limits[1].filter.model = "gpt-4o";
  limits[2].subject = world.stranger.id;
  for (catalog::Limit& limit : limits) limit.id = world.template id<base::LimitId>();
  catalog::Limit images = world.wanted();
  images.unit = catalog::Unit::named("images");
  const catalog::Changes named{.opened = {images}, .weights = {{"openai", {{.unit = "images", .weight = 2}}}}};
  REQUIRE(world.on.store->look_ahead(named, world.now).has_value());
  REQUIRE(world.on.store->apply(named, world.now).has_value());
  CHECK(world.state_of(images).spent == 2 * 201);
  REQUIRE(world.on.store->look_ahead({.opened = limits}, world.now).has_value());
  REQUIRE(world.on.store->apply({.opened = limits}, world.now).has_value());
  CHECK(world.state_of(limits[0]).spent == 250);
  CHECK(world.state_of(limits[1]).spent == 100);
  CHECK(world.state_of(limits[2]).spent == 0);
  CHECK(world.wrong().empty());
}

TEST_CASE_TEMPLATE("a limit on a named unit opens with what calls took of it, or would take now", Store, EVERY_STORE) {
  Opener<Store> world;
  const CounterKey old = [&] {
    auto limit = world.wanted();
    limit.unit = catalog::Unit::named("images");
    REQUIRE(world.on.store->put(limit).has_value());
    return CounterKey{limit.id, {tests::today.ms}};
  }();
  const base::WallTime now = world.now;
  auto counted = world.spent(1, world.account, now);  // when it was made it took 3
  counted.holds = {{old.limit, old.label, 3, 3, 0}};
  auto refused = world.spent(0, world.account, now);
  refused.outcome = events::Outcome::failed;
  refused.usage.reset();
  refused.fault = base::Source::upstream_refusal;
  auto crashed = world.spent(0, world.account, now, "gpt-4o");
  crashed.outcome = events::Outcome::failed;
  crashed.usage.reset();
  crashed.error = base::ErrorType::unavailable;
  crashed.fault = base::Source::gateway;
  const auto usd = world.limit(100);
  crashed.holds = {{usd.limit, usd.label, 9, 0, 9}};
  auto crashed_counted = crashed;
  crashed_counted.id = world.template id<base::ExchangeId>();
  crashed_counted.holds.push_back({old.limit, old.label, 4, 0, 4});
  auto elsewhere = world.spent(1, world.account, now);
  elsewhere.route = "other";
  REQUIRE(world
              .flush({counted, world.spent(1, world.account, now), world.spent(1, world.child, now, "gpt-4o"), refused,
                      crashed, crashed_counted, elsewhere})
              .has_value());
  catalog::Limit limit = world.wanted();
  limit.unit = catalog::Unit::named("images");
  const catalog::RouteWeights weights{{"openai",
                                       {{.unit = "images", .model = "gpt-4o", .weight = 50},
                                        {.unit = "images", .weight = 7},
                                        {.unit = "credits", .weight = 1}}}};
  const catalog::Changes changes{.opened = {limit}, .weights = weights};
  REQUIRE(world.on.store->look_ahead(changes, world.now).has_value());
  REQUIRE(world.on.store->apply(changes, world.now).has_value());
  CHECK(world.state_of(limit).spent == 3 + 7 + 50);
  CHECK(world.state_of(limit).unresolved == 50 + 4);
  CHECK(world.wrong().empty());
}
