// Which limits an exchange meets, and what those that are only counted do to it.
#include <doctest/doctest.h>

#include <algorithm>

#include "gateway/world_test.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;

namespace {

std::string question(std::string_view model) {
  return fmt::format(R"({{"model":"{}","messages":[{{"role":"user","content":"hi"}}],"max_tokens":10}})", model);
}
const std::string answer = R"({"choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}})";

catalog::Limit& filtered(World& world, std::string model, std::string route) {
  catalog::Limit& limit = world.limit(1'000, catalog::LimitUnit::requests);
  limit.filter = {.model = std::move(model), .route = std::move(route)};
  return limit;
}

void open_with_models(World& world) {
  world.settings.prices = test_prices({"gpt-4o", "gpt-4o-mini", "o1"});
  world.open();
}

Task<void> call(World& world, std::string_view model) {
  world.answers(answer);
  CHECK((co_await ask(world, world.call(question(model)))).status() == 200);
}

Task<void> meet_some(World& world) {
  co_await call(world, "gpt-4o");
  co_await call(world, "gpt-4o-mini");
  co_await call(world, "gpt-4o-mini");
  co_await call(world, "o1");
  const auto records = world.records();
  REQUIRE(records.size() == 4);
  for (const events::UsageRecord& record : records) {
    CAPTURE(record.model);
    CHECK(record.holds.size() == (record.model == "gpt-4o-mini" ? 4 : 3));
  }
  const std::int64_t counts[] = {4, 3, 2, 1, 4, 0};
  for (std::size_t i = 0; i < world.limits.size(); ++i) {
    CAPTURE(i);
    CHECK(world.state(world.limits[i]).spent == counts[i]);
  }
}

Task<void> in_scope(World& world, int status, std::string_view said) {
  world.answers(answer);
  const Reply reply = co_await ask(world, world.call(question("gpt-4o")));
  CAPTURE(said);
  CHECK(reply.status() == status);
  CHECK(reply.body.contains(said));
  CHECK(world.upstream.requests.size() == (status == 200 ? 1 : 0));
  CHECK(world.records().size() == 1);
  CHECK(world.state(world.limits[0]).spent == (status == 200 ? 1 : 0));
}

Task<void> tagged(World& world) {
  for (const char* field :
       {"X-Metergate-Tags: team=search , batch=7\r\n", "x-metergate-tags: env=prod,team=search\r\n", ""}) {
    world.answers(answer);
    CHECK((co_await ask(world, world.call(question("o1"), field))).status() == 200);
  }
  for (const auto& request : world.upstream.requests) CHECK(request.find("x-metergate-tags") == nullptr);
  const auto records = world.records();
  REQUIRE(records.size() == 3);
  std::vector<std::string> tags;
  for (const auto& record : records) tags.push_back(record.tags);
  std::ranges::sort(tags);
  CHECK(tags == std::vector<std::string>{"batch=7,env=prod,team=search", "env=prod", "env=prod,team=search"});
  CHECK(world.state(world.limits[0]).spent == 2);
  CHECK(world.state(world.limits[1]).spent == 0);
}

Task<void> badly_tagged(World& world) {
  for (const char* field : {"X-Metergate-Tags: team\r\n", "X-Metergate-Tags: env=test\r\n",
                            "X-Metergate-Tags: a=1\r\nX-Metergate-Tags: b=1\r\n"}) {
    CAPTURE(field);
    const Reply refused = co_await ask(world, world.call(question("o1"), field));
    CHECK(refused.status() == 400);
    CHECK(refused.error("type") == "invalid_request");
    CHECK(refused.error("param") == "X-Metergate-Tags");
  }
  CHECK(world.upstream.requests.empty());
}

Task<void> refuse_one_model(World& world) {
  const Reply refused = co_await ask(world, world.call(question("gpt-4o")));
  CHECK(refused.status() == 402);
  CHECK(refused.error("type") == "limit_reached");
  co_await call(world, "o1");
  CHECK(world.upstream.requests.size() == 1);
}

Task<void> shadowed(World& world) {
  world.answers(answer);
  const Reply reply = co_await ask(world, world.call(question("o1")));
  CHECK(reply.status() == 200);
  CHECK(reply.field("X-Output-Clamped").empty());
  CHECK(reply.field("X-Budget-Remaining").empty());  // nobody's budget
  (void)world.records();
  CHECK(world.state(world.limits[0]) == quota::CounterState{.amount = 0, .spent = 30'000});
}

Task<void> lazily(World& world) {
  world.answers(answer);
  const Reply first = co_await ask(world, world.call(question("o1")));
  CHECK(first.status() == 200);
  CHECK(first.field("X-Output-Clamped").empty());  // its worst case does not fit, and need not
  CHECK(first.field("X-Budget-Remaining") == "0");
  const Reply second = co_await ask(world, world.call(question("o1")));
  CHECK(second.status() == 429);
  CHECK(second.error("type") == "limit_reached");
  CHECK(second.error("available") == "0");
  (void)world.records();
  CHECK(world.state(world.limits[0]).spent == 30'000);
  CHECK(world.upstream.requests.size() == 1);
}

Task<void> warned_and_blocked(World& world) {
  world.answers(answer);
  const Reply first = co_await ask(world, world.call(question("o1")));
  CHECK(first.field("X-Budget-Warning") == "3% of 0.001 usd per day is spent");  // with what it cost itself
  const Reply second = co_await ask(world, world.call(question("o1")));
  CHECK(second.status() == 402);
  CHECK(second.error("type") == "limit_reached");
  CHECK(second.error("available") == "0");
  CHECK(second.error("message") ==
        "the limit 'the limit' is blocked: 2% of 0.001 usd per day is spent; it resets at 2026-11-22T00:00:00.000Z");
  (void)world.records();
  const auto events = *world.store.limit_events({});
  REQUIRE(events.size() == 3);
  CHECK(events[0].threshold.percent == 3);
  CHECK(world.upstream.requests.size() == 1);
}

Task<void> streamed_warning(World& world) {
  world.streams({"data: {\"choices\":[{}]}\n\n",
                 "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":5}}\n\n",
                 "data: [DONE]\n\n"});
  const std::string body =
      R"({"model":"o1","stream":true,"messages":[{"role":"user","content":"hi"}],"max_tokens":10})";
  const Reply reply = co_await ask(world, world.call(body, "TE: trailers\r\n"));
  CHECK(reply.field("Trailer").contains("X-Budget-Warning"));
  CHECK(reply.field("X-Budget-Warning") == "2% of 0.001 usd per day is spent");
}

Task<void> weighed(World& world) {
  co_await call(world, "gpt-4o");       // 5 images and 1 credit
  co_await call(world, "gpt-4o-mini");  // 2 images and 1 credit
  const Reply refused = co_await ask(world, world.call(question("gpt-4o")));
  CHECK(refused.status() == 402);
  CHECK(refused.error("message").contains("5 images"));
  world.answers(R"({"error":{"message":"no"}})", "400 Bad Request");
  CHECK((co_await ask(world, world.call(question("gpt-4o-mini")))).status() == 400);
  co_await call(world, "gpt-4o-mini");
  (void)world.records();
  const std::int64_t spent[] = {9, 3, 4, 0};
  for (std::size_t i = 0; i < world.limits.size(); ++i) {
    CAPTURE(i);
    CHECK(world.state(world.limits[i]).spent == spent[i]);
    CHECK(world.state(world.limits[i]).unresolved == 0);
  }
  for (const events::UsageRecord& record : world.records())
    if (record.status == 200) CHECK(record.holds.size() == (record.model == "gpt-4o" ? 2 : 3));
}

Task<void> not_weighed(World& world) {
  co_await call(world, "gpt-4o");
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records.front().holds.empty());
}

}  // namespace

TEST_CASE("a limit with a filter counts the calls of its models on its route, and no other") {
  World world;
  world.limit(1'000, catalog::LimitUnit::requests);
  filtered(world, "gpt-4o*", "");
  filtered(world, "GPT-4o-mini", "route");
  filtered(world, "o?", "");
  filtered(world, "", "route");
  filtered(world, "*", "another");
  open_with_models(world);
  world.run(meet_some(world));
}

TEST_CASE("a key that is for some models, routes or addresses makes no other call") {
  struct Row {
    catalog::KeyScope scope;
    int status;
    std::string said;
  };
  for (const Row& row : {Row{{.models = {"gpt-4o*"}}, 200, ""},
                         Row{{.models = {"o?"}}, 403, "the key allows the models o?; this asks for 'gpt-4o'"},
                         Row{{.routes = {"route"}}, 200, ""},
                         Row{{.routes = {"another"}}, 403, "the key is for the routes another; this is 'route'"},
                         Row{{.addresses = {"127.0.0.0/8"}}, 200, ""},
                         Row{{.addresses = {"10.0.0.0/8", "::1"}}, 403, "the key does not work from 127.0.0.1"}}) {
    World scoped;
    scoped.limit(1'000, catalog::LimitUnit::requests);
    scoped.key_scope = row.scope;
    open_with_models(scoped);
    scoped.run(in_scope(scoped, row.status, row.said));
  }
}

TEST_CASE("a call's tags choose its limits, stand in its record and stay here") {
  World world;
  world.limit(1'000, catalog::LimitUnit::requests).filter = {.tag = "team=search"};
  world.limit(1'000, catalog::LimitUnit::requests).filter = {.tag = "team=ads"};
  world.key_tags = "env=prod";
  open_with_models(world);
  world.run(tagged(world));
}

TEST_CASE("what is no list of tags, or says another thing than the key, is refused") {
  World world;
  world.limit(1'000, catalog::LimitUnit::requests);
  world.key_tags = "env=prod";
  open_with_models(world);
  world.run(badly_tagged(world));
}

TEST_CASE("a model whose limit is used up is refused, and another one goes on") {
  World world;
  world.limit(0, catalog::LimitUnit::requests).filter.model = "gpt-*";
  open_with_models(world);
  world.run(refuse_one_model(world));
}

TEST_CASE("a limit in shadow refuses nothing, shortens nothing, and counts") {
  World world;
  world.limit(0).mode = catalog::LimitMode::shadow;
  open_with_models(world);
  world.run(shadowed(world));
}

TEST_CASE("a lazy limit lets a call go whose worst case does not fit, and refuses once its amount is spent") {
  World world;
  catalog::Limit& limit = world.limit(10'000);
  limit.admission = catalog::LimitAdmission::lazy;
  limit.refusal_status = 429;
  open_with_models(world);
  world.run(lazily(world));
}

TEST_CASE("a reply warns of the highest threshold that is crossed, and a threshold that blocks refuses the next call") {
  World world;
  catalog::Limit& limit = world.limit(1'000'000);
  limit.thresholds = {{1, catalog::ThresholdAction::warn},
                      {2, catalog::ThresholdAction::block},
                      {3, catalog::ThresholdAction::warn},
                      {90, catalog::ThresholdAction::warn}};
  REQUIRE(world.store.put(limit).has_value());
  open_with_models(world);
  world.run(warned_and_blocked(world));
}

TEST_CASE("a stream's warning comes as a trailer, when its cost is known") {
  World world;
  world.limit(1'000'000).thresholds = {{2, catalog::ThresholdAction::warn}, {90, catalog::ThresholdAction::warn}};
  open_with_models(world);
  world.run(streamed_warning(world));
}

TEST_CASE("a limit on a named unit counts what its route gives each call, and is not met by calls without a weight") {
  World world;
  world.settings.routes[0].weights = {{.unit = "images", .model = "gpt-4o", .weight = 5},
                                      {.unit = "images", .weight = 2},
                                      {.unit = "credits", .weight = 1}};
  world.limit(9, catalog::Unit::named("images"));
  world.limit(100, catalog::Unit::named("credits"));
  catalog::Limit& shadow = world.limit(1, catalog::Unit::named("images"));
  shadow.mode = catalog::LimitMode::shadow;
  shadow.filter.model = "*mini";
  world.limit(1, catalog::Unit::named("videos"));
  open_with_models(world);
  world.run(weighed(world));
}

TEST_CASE("a limit on a unit that no route has any more counts no call and refuses none") {
  World world;
  world.limit(0, catalog::Unit::named("videos"));
  open_with_models(world);
  world.run(not_weighed(world));
}
