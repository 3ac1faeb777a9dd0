#include <fmt/format.h>

#include <algorithm>

#include "tests/conformance/stores.h"

using events::UsageFilter;
using events::UsageGroup;
using tests::Bench;

namespace {

std::vector<base::ExchangeId> ids(const std::vector<events::UsageRecord>& records) {
  std::vector<base::ExchangeId> list;
  for (const auto& record : records) list.push_back(record.id);
  return list;
}

std::string text_of(const events::UsageSum& sum) {
  return fmt::format("{}: {} requests, {} refusals, {} + {} tokens, {} unknown, {}", sum.group, sum.requests,
                     sum.refusals, sum.input_tokens, sum.output_tokens, sum.unknown_usage, sum.cost.nanos());
}

}  // namespace

TEST_CASE_TEMPLATE("a record comes back with everything that it was written with", Store, EVERY_STORE) {
  Bench<Store> bench;
  events::UsageRecord full = bench.exchange(12'500'000, {});
  full.duration_us = 1'234'567;
  full.first_byte_us = 345;
  full.route = "openai";
  full.served_model = "gpt-4o-mini-2024-07-18";
  full.stream = true;
  full.outcome = events::Outcome::failed;
  full.status = 502;
  full.error = base::ErrorType::upstream_error;
  full.fault = base::Source::network;
  full.usage = meter::Usage{.input_tokens = 1000,
                            .output_tokens = 0,
                            .cached_input_tokens = 900,
                            .reasoning_tokens = 7,
                            .audio_input_tokens = 6,
                            .audio_output_tokens = 5,
                            .certainty = meter::Certainty::at_least,
                            .cache_write_tokens = 4,
                            .cache_write_1h_tokens = 3,
                            .search_units = 2,
                            .citation_tokens = 1,
                            .provider_cost = base::Money::from_nanos(12)};
  full.estimate = base::Money::from_nanos(99'000'000);
  full.price_version = "2026-11-20";
  full.tags = "env=prod,team=search";
  full.holds = {{bench.template id<base::LimitId>(), {tests::today.ms}, 9, 3, 2},
                {bench.template id<base::LimitId>(), {tests::tomorrow.ms}, 8, 8, 0},
                {bench.template id<base::LimitId>(), {0}, 0, 0, 0, base::WindowLabel{tests::today.ms}}};

  events::UsageRecord bare;
  bare.id = bench.template id<base::ExchangeId>();
  bare.started = bench.now;
  bare.outcome = events::Outcome::refused;

  events::UsageRecord refused = bare;
  refused.id = bench.template id<base::ExchangeId>();
  refused.refused_by = events::RefusedBy{.limit = bench.template id<base::LimitId>(),
                                         .label = {tests::today.ms},
                                         .required = 5'000'000'000,
                                         .available = 3,
                                         .amount = 7,
                                         .resets_at = tests::tomorrow,
                                         .blocked_at_percent = 95};
  events::UsageRecord without_balance = bare;
  without_balance.id = bench.template id<base::ExchangeId>();
  without_balance.refused_by = events::RefusedBy{.required = 1};

  events::UsageRecord known_to_be_empty = bench.exchange(0, {});
  known_to_be_empty.usage = meter::Usage{};
  known_to_be_empty.model = std::string("with \"quotes\", 'apostrophes'; and a \0 byte", 42);

  REQUIRE(bench.flush({full, bare, refused, without_balance, known_to_be_empty}).has_value());
  CHECK(bench.records() == std::vector{known_to_be_empty, without_balance, refused, bare, full});
  for (const events::UsageRecord& record : {full, refused, without_balance})
    CHECK(*bench.on.store->record(record.id) == record);
  CHECK(*bench.on.store->record(bench.template id<base::ExchangeId>()) == std::nullopt);
}

TEST_CASE_TEMPLATE("every outcome, error and fault is kept by its name", Store, EVERY_STORE) {
  Bench<Store> bench;
  std::vector<events::UsageRecord> written;
  for (int error = 0; error <= static_cast<int>(base::ErrorType::internal); ++error) {
    auto record = bench.exchange(1, {});
    record.error = static_cast<base::ErrorType>(error);
    record.fault = static_cast<base::Source>(error % 6);
    record.outcome = static_cast<events::Outcome>(error % 4);
    written.push_back(record);
  }
  REQUIRE(bench.flush(written).has_value());
  std::ranges::reverse(written);
  CHECK(bench.records() == written);
}

TEST_CASE_TEMPLATE("records are listed newest first and turned page by page", Store, EVERY_STORE) {
  Bench<Store> bench;
  std::vector<events::UsageRecord> written;
  for (int i = 0; i < 10; ++i) {
    auto record = bench.exchange(1, {});
    // Several in one millisecond, and not in the order of their ids.
    record.started = base::WallTime{tests::today.ms + i * 7 % 10 / 3};
    written.push_back(record);
  }
  REQUIRE(bench.flush({written.begin() + 5, written.end()}).has_value());  // the order of writing does not matter
  REQUIRE(bench.flush({written.begin(), written.begin() + 5}).has_value());
  std::ranges::sort(written, std::ranges::greater{},
                    [](const events::UsageRecord& record) { return std::pair(record.started, record.id); });

  std::vector<base::ExchangeId> turned;
  UsageFilter filter;
  filter.limit = 4;
  for (auto page = bench.records(filter); !page.empty(); page = bench.records(filter)) {
    CHECK(page.size() <= 4);
    for (const auto& id : ids(page)) turned.push_back(id);
    filter.before = page.back().id;
  }
  CHECK(turned == ids(written));

  filter.before = bench.template id<base::ExchangeId>();
  CHECK(bench.on.store->records(filter).error().field == "before");
  for (const int limit : {0, -1, 1001}) {
    CAPTURE(limit);
    filter.limit = limit;
    CHECK(bench.on.store->records(filter).error().field == "limit");
  }
}

TEST_CASE_TEMPLATE("a filter keeps what fits all of it", Store, EVERY_STORE) {
  Bench<Store> bench;
  const auto other_account = bench.template id<base::AccountId>();
  const auto other_key = bench.template id<base::KeyId>();
  std::vector<events::UsageRecord> written;
  for (int i = 0; i < 16; ++i) {
    auto record = bench.exchange(1, {});
    record.started = base::WallTime{tests::today.ms + i};
    if (i % 2 == 1) record.account = other_account;
    if (i / 2 % 2 == 1) record.key = other_key;
    if (i / 4 % 2 == 1) record.model = "gpt-4o";
    record.tags = i % 3 == 0 ? "" : i % 3 == 1 ? "team=search" : "env=prod,team=ads";
    written.push_back(record);
  }
  REQUIRE(bench.flush(written).has_value());

  // Every combination of filters against a plain walk over what was written.
  for (int bits = 0; bits < 128; ++bits) {
    CAPTURE(bits);
    UsageFilter filter;
    if ((bits & 1) != 0) filter.account = other_account;
    if ((bits & 2) != 0) filter.key = other_key;
    if ((bits & 4) != 0) filter.model = "gpt-4o";
    if ((bits & 8) != 0) filter.from = written[3].started;
    if ((bits & 16) != 0) filter.to = written[13].started;
    if ((bits & 64) != 0) filter.tag = "team=ads";
    std::vector<base::ExchangeId> expected;
    for (int i = 15; i >= 0; --i) {
      const bool fits = (!filter.account || i % 2 == 1) && (!filter.key || i / 2 % 2 == 1) &&
                        (!filter.model || i / 4 % 2 == 1) && (!filter.from || i >= 3) && (!filter.to || i < 13) &&
                        (!filter.tag || i % 3 == 2);
      if (fits && ((bits & 32) == 0 || i < 9)) expected.push_back(written[static_cast<std::size_t>(i)].id);
    }
    if ((bits & 32) != 0) filter.before = written[9].id;
    CHECK(ids(bench.records(filter)) == expected);
    if ((bits & 32) == 0) {
      const auto total = bench.on.store->sums(filter, UsageGroup::total);
      REQUIRE(total->size() == 1);
      CHECK(total->front().requests == static_cast<std::int64_t>(expected.size()));
    }
  }
}

TEST_CASE_TEMPLATE("sums count exchanges, refusals, tokens and cost by group", Store, EVERY_STORE) {
  Bench<Store> bench;
  const auto write = [&](std::string model, events::Outcome outcome, std::int64_t day, std::int64_t cost,
                         std::optional<meter::Usage> usage) {
    auto record = bench.exchange(cost, {});
    record.model = std::move(model);
    record.outcome = outcome;
    record.started = base::WallTime{tests::today.ms + day * 86'400'000 - 1};
    record.usage = usage;
    if (outcome == events::Outcome::unaccounted) record.key = {};
    REQUIRE(bench.flush({record}).has_value());
  };
  const auto usage = [](std::int64_t input, std::int64_t output) {
    return meter::Usage{.input_tokens = input, .output_tokens = output};
  };
  write("small", events::Outcome::served, 0, 10, usage(100, 10));
  write("small", events::Outcome::served, 1, 20, usage(200, 20));
  write("large", events::Outcome::served, 1, 500, usage(300, 30));
  write("large", events::Outcome::failed, 1, 0, std::nullopt);
  write("large", events::Outcome::refused, 1, 0, std::nullopt);
  write("", events::Outcome::unaccounted, 1, 0, std::nullopt);
  write("free", events::Outcome::served, 1, 0, meter::Usage{.input_tokens = 7});

  const auto texts = [&](UsageGroup group) {
    const auto sums = bench.on.store->sums({}, group);
    REQUIRE(sums.has_value());
    std::vector<std::string> list;
    for (const auto& sum : *sums) list.push_back(text_of(sum));
    return list;
  };
  using Texts = std::vector<std::string>;
  CHECK(texts(UsageGroup::total) == Texts{": 5 requests, 1 refusals, 607 + 60 tokens, 2 unknown, 530"});
  CHECK(texts(UsageGroup::model) == Texts{"large: 2 requests, 1 refusals, 300 + 30 tokens, 1 unknown, 500",
                                          "small: 2 requests, 0 refusals, 300 + 30 tokens, 0 unknown, 30",
                                          ": 0 requests, 0 refusals, 0 + 0 tokens, 1 unknown, 0",
                                          "free: 1 requests, 0 refusals, 7 + 0 tokens, 0 unknown, 0"});
  CHECK(texts(UsageGroup::day) == Texts{"2026-11-20: 1 requests, 0 refusals, 100 + 10 tokens, 0 unknown, 10",
                                        "2026-11-21: 4 requests, 1 refusals, 507 + 50 tokens, 2 unknown, 520"});
  CHECK(texts(UsageGroup::account) == Texts{fmt::format("{}: 5 requests, 1 refusals, 607 + 60 tokens, 2 unknown, 530",
                                                        bench.account.id.to_string())});
  CHECK(texts(UsageGroup::key) ==
        Texts{fmt::format("{}: 5 requests, 1 refusals, 607 + 60 tokens, 1 unknown, 530", bench.key.id.to_string()),
              ": 0 requests, 0 refusals, 0 + 0 tokens, 1 unknown, 0"});
}

TEST_CASE_TEMPLATE("usage is added up by the values of a tag, over all there is", Store, EVERY_STORE) {
  Bench<Store> bench;
  std::vector<events::UsageRecord> records;
  for (int i = 0; i < 12; ++i) {
    auto record = bench.exchange(1 << i, {});
    record.started = base::WallTime{tests::today.ms + (i / 6 - 1) * 86'400'000};
    record.tags = i % 3 == 0 ? "" : i % 3 == 1 ? "env=prod,team=search" : "team=ads";
    records.push_back(record);
  }
  REQUIRE(bench.flush(records).has_value());
  const auto texts = [&](const UsageFilter& filter, std::string_view name) {
    const auto sums = bench.on.store->sums(filter, UsageGroup::tag, name);
    REQUIRE(sums.has_value());
    std::vector<std::string> list;
    for (const auto& sum : *sums)
      list.push_back(fmt::format("{}: {} cost {}", sum.group, sum.requests, sum.cost.nanos()));
    return list;
  };
  using Texts = std::vector<std::string>;
  CHECK(texts({}, "team") == Texts{"ads: 4 cost 2340", "search: 4 cost 1170", ": 4 cost 585"});
  CHECK(texts({}, "env") == Texts{": 8 cost 2925", "prod: 4 cost 1170"});
  CHECK(texts({}, "none") == Texts{": 12 cost 4095"});
  UsageFilter today;
  today.from = tests::today;
  CHECK(texts(today, "team") == Texts{"ads: 2 cost 2304", "search: 2 cost 1152", ": 2 cost 576"});
  UsageFilter of_search;
  of_search.tag = "team=search";
  CHECK(texts(of_search, "env") == Texts{"prod: 4 cost 1170"});
  const auto by_day = bench.on.store->sums(of_search, UsageGroup::day);
  REQUIRE(by_day->size() == 2);
  CHECK(by_day->back().cost.nanos() == 1152);
}

TEST_CASE_TEMPLATE("the total of nothing is zero; of nothing there are no groups", Store, EVERY_STORE) {
  Bench<Store> bench;
  CHECK(bench.records().empty());
  const auto total = bench.on.store->sums({}, UsageGroup::total);
  REQUIRE(total->size() == 1);
  CHECK(text_of(total->front()) == ": 0 requests, 0 refusals, 0 + 0 tokens, 0 unknown, 0");
  for (const UsageGroup group : {UsageGroup::account, UsageGroup::key, UsageGroup::model, UsageGroup::day})
    CHECK(bench.on.store->sums({}, group)->empty());
}

namespace {

constexpr std::int64_t hour_ms = 3'600'000;

// Four calls on two days, by two routes, some with a tag; and one that was refused.
template <class Store>
std::vector<events::UsageRecord> calls_of_two_days(Bench<Store>& bench) {
  std::vector<events::UsageRecord> written;
  const auto add = [&](std::int64_t hours, std::string route, std::string tags, std::int64_t nanos) {
    events::UsageRecord record = bench.exchange(nanos, {});
    record.started = base::WallTime{tests::today.ms + hours * hour_ms + 5};
    record.route = std::move(route);
    record.tags = std::move(tags);
    written.push_back(record);
  };
  add(0, "chat", "team=a", 1);
  add(0, "chat", "team=b", 20);
  add(1, "images", "", 300);
  add(30, "chat", "team=a", 4'000);
  events::UsageRecord refused = written[0];
  refused.id = bench.template id<base::ExchangeId>();
  refused.outcome = events::Outcome::refused;
  refused.error = base::ErrorType::limit_reached;
  refused.cost = {};
  written.push_back(refused);
  return written;
}

}  // namespace

TEST_CASE_TEMPLATE("usage over time comes to what was booked, to the nano-dollar", Store, EVERY_STORE) {
  Bench<Store> bench;
  REQUIRE(bench.flush(calls_of_two_days(bench)).has_value());

  const auto series = [&](events::UsageStep step, UsageGroup group, std::vector<std::string> apart) {
    events::SeriesQuery query;
    query.step = step;
    query.group = group;
    query.tag_name = "team";
    query.apart = std::move(apart);
    query.filter.from = base::WallTime{tests::today.ms + 1};
    query.filter.to = base::WallTime{tests::today.ms + 31 * hour_ms};
    const auto rows = bench.on.store->series(query);
    REQUIRE(rows.has_value());
    std::string text;
    base::Money sum;
    for (const events::UsageRow& row : *rows)
      for (const auto& [at, point] : row.points) {
        text += fmt::format("{}+{}h {}: {}+{}; ", row.rest ? "*" : row.group, (at.ms - tests::today.ms) / hour_ms,
                            point.cost.nanos(), point.requests, point.refusals);
        sum = sum + point.cost;
      }
    if (group != UsageGroup::reason) CHECK(sum == base::Money::from_nanos(4'321));
    return text;
  };
  using events::UsageStep;
  CHECK(series(UsageStep::hour, UsageGroup::total, {""}) == "+0h 21: 2+1; +1h 300: 1+0; +30h 4000: 1+0; ");
  CHECK(series(UsageStep::day, UsageGroup::total, {""}) == "+0h 321: 3+1; +24h 4000: 1+0; ");
  CHECK(series(UsageStep::hour, UsageGroup::route, {"images", "chat"}) ==
        "images+1h 300: 1+0; chat+0h 21: 2+1; chat+30h 4000: 1+0; ");
  CHECK(series(UsageStep::day, UsageGroup::route, {"chat"}) == "chat+0h 21: 2+1; chat+24h 4000: 1+0; *+0h 300: 1+0; ");
  CHECK(series(UsageStep::day, UsageGroup::tag, {"a"}) == "a+0h 1: 1+1; a+24h 4000: 1+0; *+0h 320: 2+0; ");
  CHECK(series(UsageStep::day, UsageGroup::model, {"gpt-4o-mini"}) ==
        "gpt-4o-mini+0h 321: 3+1; gpt-4o-mini+24h 4000: 1+0; ");
  CHECK(series(UsageStep::hour, UsageGroup::reason, {"limit_reached"}) == "limit_reached+0h 0: 0+1; ");
}

TEST_CASE_TEMPLATE("usage is summed by route, and what was refused by its reason", Store, EVERY_STORE) {
  Bench<Store> bench;
  REQUIRE(bench.flush(calls_of_two_days(bench)).has_value());
  const auto reasons = bench.on.store->sums({}, UsageGroup::reason);
  REQUIRE(reasons->size() == 1);
  CHECK(text_of((*reasons)[0]).starts_with("limit_reached: 0 requests, 1 refusals"));
  CHECK(text_of((*bench.on.store->sums({}, UsageGroup::route))[0]).starts_with("chat: 3 requests, 1 refusals"));
}

TEST_CASE_TEMPLATE("how long calls took is told of those that were admitted", Store, EVERY_STORE) {
  Bench<Store> bench;
  std::vector<events::UsageRecord> written;
  for (int i = 1; i <= 100; ++i) {
    written.push_back(bench.exchange(1, {}));
    written.back().duration_us = i * 1'000;
    written.back().first_byte_us = i <= 10 ? i : 0;
    written.back().route = "chat";
  }
  written.push_back(bench.exchange(0, {}));
  written.back().outcome = events::Outcome::refused;
  written.back().duration_us = 1'000'000'000;
  REQUIRE(bench.flush(written).has_value());
  const auto found = bench.on.store->latencies({}, UsageGroup::route);
  REQUIRE(found->size() == 1);
  const events::UsageLatency& chat = found->front();
  CHECK(chat.group == "chat");
  CHECK(chat.duration.count() == 100);
  for (const int percent : {1, 50, 90, 99, 100}) {
    const std::int64_t us = chat.duration.percentile_us(10 * percent);
    CHECK(us >= percent * 1'000);
    CHECK(us <= percent * 1'000 + percent * 1'000 / 16);
  }
  CHECK(chat.first_byte.count() == 10);
  CHECK(chat.first_byte.percentile_us(500) == 5);
  CHECK(events::LatencyHistogram().percentile_us(500) == 0);
}

TEST_CASE_TEMPLATE("each record is heard of once, in the order of writing, wherever one begins to listen", Store,
                   EVERY_STORE) {
  Bench<Store> bench;
  const auto heard = [&](events::FeedPosition& at, std::size_t most) {
    const auto found = bench.on.store->written_after(at, most);
    REQUIRE(found.has_value());
    std::vector<base::ExchangeId> list;
    for (const auto& [position, record] : *found) {
      CHECK(at < position);
      at = position;
      list.push_back(record.id);
    }
    return list;
  };
  events::FeedPosition at;
  CHECK(*bench.on.store->end_of_feed() == at);
  std::vector<base::ExchangeId> written;
  for (int flush = 0; flush < 7; ++flush) {
    std::vector<events::UsageRecord> records;
    for (int i = 0; i < 5; ++i) {
      records.push_back(bench.exchange(1, {}));
      records.back().started.ms -= 1'000 * flush;  // what took longer is written later
      written.push_back(records.back().id);
    }
    records.push_back(records.front());  // known already, so it is not written
    REQUIRE(bench.flush(records).has_value());
  }
  std::vector<base::ExchangeId> all;
  for (auto some = heard(at, 3); !some.empty(); some = heard(at, 3)) all.insert(all.end(), some.begin(), some.end());
  CHECK(all == written);
  CHECK(*bench.on.store->end_of_feed() == at);
  const auto late = bench.exchange(1, {});
  REQUIRE(bench.flush({late}).has_value());
  CHECK(heard(at, 100) == std::vector{late.id});
  CHECK(heard(at, 100).empty());
}
