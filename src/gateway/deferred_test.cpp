// Responses in the background: their money is held until their end is fetched, by whoever began them.
#include <doctest/doctest.h>

#include "gateway/deferred_world_test.h"

using namespace gateway;
using namespace gateway::testing;

TEST_CASE("a response in the background holds its worst case until its end is fetched, and is settled once") {
  DeferredWorld world;
  const catalog::Limit usd = world.limit(1'000'000);
  const catalog::Limit calls = world.limit(10, catalog::LimitUnit::requests);
  const catalog::Limit tokens = world.limit(10'000, catalog::LimitUnit::tokens);
  world.open();
  world.answers_status("queued");
  const Reply begun = world.begin();
  CHECK(begun.status() == 200);
  CHECK(begun.body.contains(R"("status":"queued")"));
  CHECK(begun.field("X-Request-Cost").empty());
  REQUIRE(world.items().size() == 1);
  const quota::UnresolvedItem item = world.items().front();
  CHECK(item.record.outcome == events::Outcome::deferred);
  CHECK(quota::cause_of(item.record) == quota::UnresolvedCause::deferred);
  const std::int64_t held = world.state(usd).unresolved;
  CHECK(held == item.record.estimate.nanos());
  CHECK(held > 100 * 2'000);
  CHECK(world.state(calls).spent == 1);

  world.answers_status("in_progress");
  CHECK(world.fetch().status() == 200);
  CHECK(world.upstream.requests.back().line == "GET /api/responses/resp_1");
  CHECK(*world.upstream.requests.back().find("Authorization") == "Bearer upstream-secret");
  CHECK(world.state(usd).unresolved == held);

  for (int i = 0; i < 3; ++i) {
    world.answers_end();
    CHECK(world.fetch().body.contains("completed"));
    CHECK(world.state(usd).unresolved == 0);
    CHECK(world.state(usd).spent == cost_of_end);
    CHECK(world.state(tokens).spent == 30);
    CHECK(world.state(tokens).unresolved == 0);
    CHECK(world.state(calls).spent == 1);
  }
  CHECK(world.items().empty());
  std::vector<events::UsageRecord> corrections;
  for (const events::UsageRecord& record : world.records())
    if (record.outcome == events::Outcome::corrected) corrections.push_back(record);
  REQUIRE(corrections.size() == 1);
  CHECK(corrections.front().cost == base::Money::from_nanos(cost_of_end));
  CHECK(corrections.front().usage->output_tokens == 20);
}

TEST_CASE("what is held for a response in the background is not there for other calls") {
  DeferredWorld world;
  world.limit(600'000);
  world.open();
  world.answers_status("queued");
  CHECK(world.begin().status() == 200);
  CHECK(world.begin().status() == 402);
  CHECK(world.upstream.requests.size() == 1);
  world.answers_end();
  CHECK(world.fetch().status() == 200);
  world.answers(R"({"id":"resp_2","model":"m","status":"queued"})");
  CHECK(world.begin().status() == 200);
}

TEST_CASE("the end is settled even where it is fetched before the call's own record is flushed") {
  DeferredWorld world;
  const catalog::Limit usd = world.limit(1'000'000);
  world.open();
  world.answers_status("queued");
  world.answers_end();
  CHECK(world.begin().status() == 200);
  CHECK(world.fetch().status() == 200);
  CHECK(world.state(usd).spent == cost_of_end);
  CHECK(world.state(usd).unresolved == 0);
}

TEST_CASE("a response without a limit has its cost booked all the same") {
  DeferredWorld world;
  world.open();
  world.answers_status("queued");
  world.answers_end();
  CHECK(world.begin().status() == 200);
  CHECK(world.fetch().status() == 200);
  base::Money sum;
  for (const events::UsageRecord& record : world.records()) sum = sum + record.cost;
  CHECK(sum == base::Money::from_nanos(cost_of_end));
}

TEST_CASE("nobody but the account that began a response can fetch, cancel or delete it") {
  DeferredWorld world;
  const catalog::Limit usd = world.limit(1'000'000);
  world.open_with_neighbour();
  world.answers_status("queued");
  CHECK(world.begin().status() == 200);
  for (const char* line :
       {"GET /v1/responses/resp_1", "POST /v1/responses/resp_1/cancel", "DELETE /v1/responses/resp_1",
        "GET /v1/responses/resp_1/input_items", "GET /v1/responses/resp_1/", "GET /v1/responses/resp%5f1"}) {
    CAPTURE(line);
    const Reply reply = world.send(line, {}, world.neighbour);
    CHECK(reply.status() == 404);
    CHECK(reply.error("code") == "not_found");
  }
  CHECK(world.upstream.requests.size() == 1);
  CHECK(world.send("GET /v1/responses/resp_2").status() == 404);
  world.answers_end();
  CHECK(world.fetch().status() == 200);
}

TEST_CASE("what a response was asked is shown to its account, for nothing, and ends nothing") {
  DeferredWorld world;
  const catalog::Limit usd = world.limit(1'000'000);
  world.open();
  world.answers_status("queued");
  CHECK(world.begin().status() == 200);
  const std::int64_t held = (world.items(), world.state(usd).unresolved);
  world.answers(R"({"object":"list","data":[{"id":"msg_0"}],"has_more":false})");
  const Reply reply = world.send("GET /v1/responses/resp_1/input_items?order=asc");
  CHECK(reply.body.contains("msg_0"));
  CHECK(world.upstream.requests.back().line == "GET /api/responses/resp_1/input_items?order=asc");
  CHECK((world.items(), world.state(usd).unresolved) == held);
  CHECK(world.send("POST /v1/responses/resp_1/input_items").status() == 404);
}

TEST_CASE("a cancelled response is settled at what it used, and stays held where it does not say") {
  for (const bool says : {true, false}) {
    CAPTURE(says);
    DeferredWorld world;
    const catalog::Limit usd = world.limit(1'000'000);
    world.open();
    world.answers_status("queued");
    CHECK(world.begin().status() == 200);
    const std::int64_t held = (world.items(), world.state(usd).unresolved);
    if (says) {
      world.answers_end("cancelled");
    } else {
      world.answers_status("cancelled");
    }
    CHECK(world.send("POST /v1/responses/resp_1/cancel").status() == 200);
    CHECK(world.upstream.requests.back().line == "POST /api/responses/resp_1/cancel");
    CHECK(world.state(usd).spent == (says ? cost_of_end : 0));
    CHECK(world.state(usd).unresolved == (says ? 0 : held));
  }
}

TEST_CASE("an end that is not this work's own, or no success, settles nothing") {
  DeferredWorld world;
  const catalog::Limit usd = world.limit(1'000'000);
  world.open();
  world.answers_status("queued");
  CHECK(world.begin().status() == 200);
  const std::int64_t held = (world.items(), world.state(usd).unresolved);
  constexpr std::string_view usage = R"("usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2})";
  world.answers(fmt::format(R"({{"id":"resp_2","model":"m","status":"completed",{}}})", usage));
  world.answers(fmt::format(R"({{"id":"resp_1","model":"m","status":"completed",{}}})", usage), "404 Not Found");
  world.answers(fmt::format(R"({{"id":"resp_1","model":"m","status":"in_progress",{}}})", usage));
  world.answers(fmt::format(R"({{"id":"resp_1","model":"m","status":"resting",{}}})", usage));
  for (int i = 0; i < 4; ++i) {
    (void)world.fetch();
    CHECK(world.state(usd).unresolved == held);
    CHECK(world.state(usd).spent == 0);
  }
  world.answers_end();
  CHECK(world.fetch().status() == 200);
  CHECK(world.state(usd).spent == cost_of_end);
}

TEST_CASE("a response is deleted when its cost is known, and not before") {
  DeferredWorld world;
  world.limit(1'000'000);
  world.open();
  world.answers_status("queued");
  CHECK(world.begin().status() == 200);
  const Reply refused = world.send("DELETE /v1/responses/resp_1");
  CHECK(refused.status() == 400);
  CHECK(refused.error("message").contains("then delete it"));
  world.answers_end();
  CHECK(world.fetch().status() == 200);
  world.answers(R"({"id":"resp_1","object":"response","deleted":true})");
  CHECK(world.send("DELETE /v1/responses/resp_1").status() == 200);
  CHECK(world.fetch().status() == 404);
}

TEST_CASE("a response in the background that is done at once is settled by its reply, and can be fetched") {
  DeferredWorld world;
  const catalog::Limit usd = world.limit(1'000'000);
  world.open();
  world.answers_end();
  const Reply done = world.begin();
  CHECK(done.field("X-Request-Cost") == "0.00005");
  CHECK(world.items().empty());
  world.answers_end();
  CHECK(world.fetch().status() == 200);
  CHECK(world.state(usd).spent == cost_of_end);
}

TEST_CASE("what is not known to have ended is held, whatever its usage says, and can be fetched if it has a name") {
  constexpr std::string_view nothing = R"("usage":{"input_tokens":0,"output_tokens":0,"total_tokens":0})";
  for (const bool named : {true, false})
    for (const std::string_view status : {"queued", "resting"}) {
      CAPTURE(named);
      CAPTURE(status);
      DeferredWorld world;
      const catalog::Limit usd = world.limit(1'000'000);
      world.open();
      world.answers(
          fmt::format(R"({{{}"model":"m","status":"{}",{}}})", named ? R"("id":"resp_1",)" : "", status, nothing));
      CHECK(world.begin().status() == 200);
      REQUIRE(world.items().size() == 1);
      const quota::UnresolvedItem item = world.items().front();
      CHECK(item.record.outcome == events::Outcome::deferred);
      CHECK(world.state(usd).unresolved == item.record.estimate.nanos());
      world.answers_end();
      CHECK(world.fetch().status() == (named ? 200 : 404));
      CHECK(world.state(usd).spent == (named ? cost_of_end : 0));
    }
}

TEST_CASE("a response that nobody could write down goes on, and its client is told so") {
  DeferredWorld world;
  const catalog::Limit usd = world.limit(1'000'000);
  world.open();
  REQUIRE(world.store
              .keep_deferred({.upstream = "up",
                              .object = "resp_1",
                              .exchange = base::ExchangeId::create({1}, world.random),
                              .account = base::AccountId::create({1}, world.random),
                              .key = {},
                              .begun = world.clock.wall_now()})
              .has_value());
  world.answers_status("queued");
  const Reply refused = world.begin();
  CHECK(refused.status() == 409);
  CHECK(refused.field("x-should-retry") == "false");
  CHECK(refused.error("message").contains("'resp_1' goes on and cannot be fetched here"));
  REQUIRE(world.items().size() == 1);
  CHECK(world.state(usd).unresolved == world.items().front().record.estimate.nanos());
  CHECK(world.fetch().status() == 404);
}
