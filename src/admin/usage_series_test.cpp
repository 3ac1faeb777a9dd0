// Usage over time, how long calls took, and what the gateway says of itself.
#include "admin/world_test.h"

using admin::testing::World;
using base::Money;
using events::UsageGroup;
using events::UsageStep;

namespace {

events::UsageSum sum_of(std::string group, std::int64_t nanos) {
  events::UsageSum sum;
  sum.group = std::move(group);
  sum.requests = 1;
  sum.cost = Money::from_nanos(nanos);
  return sum;
}

}  // namespace

TEST_CASE("a series has a row for each of the largest groups, and one for the rest") {
  World world;
  world.play({{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"}});
  world.usage.sums_by_group = {sum_of(world.saved["acme"], 9), sum_of("b", 5), sum_of("c", 1)};
  const base::WallTime day{1'795'219'200'000};
  world.usage.rows = {{.group = world.saved["acme"], .points = {{day, sum_of("", 9)}}},
                      {.group = "b", .points = {}},
                      {.group = {}, .rest = true, .points = {{day, sum_of("", 1)}}}};
  world.play({{"GET /api/v1/usage/series?group=account&top=2&from=2026-11-20T05:00:00Z&to=2026-11-22T01:00:00Z",
               "",
               200,
               {R"("group":"account","step":"day","from":"2026-11-20T00:00:00.000Z","to":"2026-11-23T00:00:00.000Z")",
                R"({"group":"{acme}","rest":false,"points":[{"requests":1,"refusals":0,"input_tokens":0,)"
                R"("output_tokens":0,"unknown_usage":0,"cost":"0.000000009","at":"2026-11-21T00:00:00.000Z"}],)"
                R"("name":"Acme"},{"group":"b","rest":false,"points":[]},{"group":null,"rest":true,)"}}});
  CHECK(world.usage.asked_series.apart == std::vector{world.saved["acme"], std::string("b")});
  CHECK(world.usage.asked_series.step == UsageStep::day);
  CHECK(world.usage.asked_series.group == UsageGroup::account);
  world.usage.rows.back().points.clear();
  world.play({{"GET /api/v1/usage/series?group=account", "", 200, {}, "", {R"("rest":true)"}}});
}

TEST_CASE("a series is of the last day or month unless told, and of not too many steps") {
  World world;  // its clock stands at 2026-11-21T04:06
  world.play({
      {"GET /api/v1/usage/series?step=hour",
       "",
       200,
       {R"("from":"2026-11-20T05:00:00.000Z","to":"2026-11-21T05:00:00.000Z")"}},
      {"GET /api/v1/usage/series", "", 200, {R"("from":"2026-10-23T00:00:00.000Z","to":"2026-11-22T00:00:00.000Z")"}},
      {"GET /api/v1/usage/series?step=hour&from=2026-01-01",
       "",
       400,
       {"at most 1000", "step=day", R"("field":"from")"}},
      {"GET /api/v1/usage/series?from=2026-12-01", "", 400, {R"("field":"to")"}},
      {"GET /api/v1/usage/series?step=week", "", 400, {"must be hour or day"}},
      {"GET /api/v1/usage/series?group=day", "", 400, {"cannot be day"}},
      {"GET /api/v1/usage/series?top=51", "", 400, {R"("field":"top")"}},
      {"GET /api/v1/usage/series?group=tag:team&tag=env=x", "", 200, {R"("group":"tag:team")"}},
  });
  CHECK(world.usage.asked_series.tag_name == "team");
  CHECK(world.usage.asked_series.filter.tag == "env=x");
}

TEST_CASE("latencies are told in percentiles") {
  World world;
  events::UsageLatency chat{.group = "chat"};
  for (int us = 1; us <= 20; ++us) chat.duration.add(us);
  world.usage.latencies_by_group = {chat};
  world.play({
      {"GET /api/v1/usage/latency?group=route",
       "",
       200,
       {R"({"group":"chat","duration":{"count":20,"p50_us":10,"p90_us":18,"p99_us":20,"max_us":20},)"
        R"("first_byte":{"count":0,"p50_us":null,"p90_us":null,"p99_us":null,"max_us":null}})"}},
      {"GET /api/v1/usage/latency?group=key", "", 400, {"must be total, model, upstream or route"}},
  });
  CHECK(world.usage.asked_group == UsageGroup::route);
}

TEST_CASE("settings say how the gateway runs, and no secret") {
  World world;
  world.options.settings = {.version = "9.8.7",
                            .proxy_url = "http://127.0.0.1:8080",
                            .store = "sqlite",
                            .durability = "power",
                            .unresolved_settles_after_ms = 5,
                            .usage_keep_days = 90};
  world.options.routes = {"openai"};
  world.usage.all_from = base::WallTime{0};
  world.play({{"GET /api/v1/settings",
               "",
               200,
               {R"({"version":"9.8.7","proxy_url":"http://127.0.0.1:8080","store":"sqlite","durability":"power",)"
                R"("unresolved_settles_after_ms":5,"usage_keep_days":90,)"
                R"("usage_kept_from":"1970-01-01T00:00:00.000Z","routes":["openai"],"books":[]})"}}});
}

TEST_CASE("accounts are found by a part of their names, and those at the top by having none above") {
  World world;
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Northwind","external_id":"cus_77"})", 201, {}, "north"},
      {"POST /api/v1/accounts", R"({"name":"Search","parent":"Northwind"})", 201},
      {"GET /api/v1/accounts?parent=none", "", 200, {"Northwind"}, "", {"Search"}},
      {"GET /api/v1/accounts?search=SEAR", "", 200, {"Search"}, "", {R"("name":"Northwind")"}},
      {"GET /api/v1/accounts?search=s_7", "", 200, {"Northwind"}, "", {"Search"}},
      {"GET /api/v1/accounts?search=nobody", "", 200, {R"("data":[])"}},
  });
}
