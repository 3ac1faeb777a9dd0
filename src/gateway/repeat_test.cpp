// Calls with an Idempotency-Key: one is sent, and the others get what it got.
#include <doctest/doctest.h>

#include "gateway/world_test.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;

namespace {

std::string question(std::string_view more = "") {
  return fmt::format(R"({{"model":"gpt-4o","messages":[{{"role":"user","content":"hi"}}],"max_tokens":10{}}})", more);
}
const std::string answer = R"({"choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}})";
constexpr std::string_view with_key = "Idempotency-Key: one\r\n";

void open(World& world, catalog::Idempotency idempotency = {}, std::int64_t limit = 1'000'000'000) {
  world.settings.prices = test_prices({"gpt-4o"});
  world.settings.routes[0].idempotency = idempotency;
  world.limit(limit);
  world.open();
}

Task<void> replayed(World& world) {
  world.upstream.replies.push_back(
      {{fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Upstream: yes\r\nSet-Cookie: a=b\r\n"
                    "X-Request-Id: theirs\r\nContent-Length: {}\r\n\r\n{}",
                    answer.size(), answer)}});
  const Reply first = co_await ask(world, world.call(question(), with_key));
  CHECK(first.status() == 200);
  CHECK(first.field("Idempotent-Replayed").empty());
  for (int i = 0; i < 2; ++i) {
    const Reply again = co_await ask(world, world.call(question(), with_key));
    CHECK(again.status() == 200);
    CHECK(again.body == first.body);
    CHECK(again.field("Content-Type") == "application/json");
    CHECK(again.field("X-Upstream") == "yes");
    CHECK(again.field("Set-Cookie").empty());
    CHECK(again.field("Idempotent-Replayed") == "true");
    CHECK(again.field("X-Original-Request-Id") == first.field("X-Request-Id"));
    CHECK(again.field("X-Request-Id") != first.field("X-Request-Id"));
    CHECK(again.field("X-Request-Cost") == "0");
  }
  CHECK(world.upstream.requests.size() == 1);
  for (const auto& [name, value] : world.upstream.requests[0].fields) CHECK(name != "Idempotency-Key");
  const auto records = world.records();
  REQUIRE(records.size() == 3);  // each call is one; those that were not sent cost nothing and hold nothing
  for (const events::UsageRecord& record : records) {
    const bool sent = record.id.to_string() == first.field("X-Request-Id");
    CHECK(record.outcome == events::Outcome::served);
    CHECK(record.upstream.empty() == !sent);
    CHECK(record.cost.is_zero() == !sent);
    CHECK(record.holds.empty() == !sent);
  }
  CHECK(world.state(world.limits[0]).spent == 30'000);
}

Task<void> streamed(World& world) {
  world.streams({"data: {\"choices\":[{}]}\n\n",
                 "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":5}}\n\n",
                 "data: [DONE]\n\n"});
  const std::string body = question(R"(,"stream":true)");
  const Reply first = co_await ask(world, world.call(body, with_key));
  CHECK(first.body == "data: {\"choices\":[{}]}\n\ndata: [DONE]\n\n");
  const Reply again = co_await ask(world, world.call(body, with_key));
  CHECK(again.body == first.body);
  CHECK(again.field("Content-Type") == "text/event-stream");
  CHECK(world.upstream.requests.size() == 1);
}

Task<void> mismatched(World& world) {
  world.answers(answer);
  CHECK((co_await ask(world, world.call(question(), with_key))).status() == 200);
  const Reply other = co_await ask(world, world.call(question(R"(,"n":2)"), with_key));
  CHECK(other.status() == 422);
  CHECK(other.error("type") == "idempotency_mismatch");
  CHECK(other.error("param") == "Idempotency-Key");
  CHECK(other.field("x-should-retry") == "false");
  world.answers(answer);
  CHECK((co_await ask(world, world.call(question(), "Idempotency-Key: two\r\n"))).status() == 200);
  world.answers(answer);
  CHECK((co_await ask(world, world.call(question()))).status() == 200);
  CHECK(world.upstream.requests.size() == 3);
}

Task<void> freed_by(World& world, std::string status) {
  world.answers(R"({"error":{"message":"no"}})", status);
  CHECK((co_await ask(world, world.call(question(), with_key))).status() >= 400);
  world.answers(answer);
  const Reply again = co_await ask(world, world.call(question(), with_key));
  CHECK(again.status() == 200);
  CHECK(again.field("Idempotent-Replayed").empty());
  CHECK(world.upstream.requests.size() == 2);
}

Task<void> refused_by_a_limit(World& world) {
  CHECK((co_await ask(world, world.call(question(), with_key))).status() == 402);
  CHECK((co_await ask(world, world.call(question(), with_key))).status() == 402);
  // Nothing was sent, so another request may take the key.
  CHECK((co_await ask(world, world.call(question(R"(,"n":2)"), with_key))).status() == 402);
}

Task<void> lost(World& world) {
  world.upstream.replies.push_back({{}, Scripted::Then::close});
  CHECK((co_await ask(world, world.call(question(), with_key))).status() == 502);
  const Reply again = co_await ask(world, world.call(question(), with_key));
  CHECK(again.status() == 409);
  CHECK(again.error("type") == "outcome_unknown");
  CHECK(again.field("x-should-retry") == "false");
  CHECK(world.upstream.requests.size() == 1);
}

Task<void> broken_stream(World& world) {
  world.streams({"data: {\"choices\":[{}]}\n\n"}, Scripted::Then::close);
  const std::string body = question(R"(,"stream":true)");
  const Reply first = co_await ask(world, world.call(body, with_key));
  CHECK(first.body.contains("upstream_error"));
  const Reply again = co_await ask(world, world.call(body, with_key));
  CHECK(again.status() == 409);
  CHECK(again.error("type") == "outcome_unknown");
  CHECK(world.upstream.requests.size() == 1);
}

Task<void> too_large(World& world) {
  world.answers(answer);
  CHECK((co_await ask(world, world.call(question(), with_key))).body == answer);
  const Reply again = co_await ask(world, world.call(question(), with_key));
  CHECK(again.status() == 409);
  CHECK(again.error("type") == "reply_not_kept");
  CHECK(again.field("x-should-retry") == "false");
  CHECK(world.upstream.requests.size() == 1);
}

Task<void> expired(World& world) {
  world.answers(answer);
  CHECK((co_await ask(world, world.call(question(), with_key))).status() == 200);
  world.pass(60'000);
  world.answers(answer);
  const Reply again = co_await ask(world, world.call(question(), with_key));
  CHECK(again.field("Idempotent-Replayed").empty());
  CHECK(world.upstream.requests.size() == 2);
}

Task<void> malformed(World& world) {
  for (const std::string& fields : {std::string("Idempotency-Key: \r\n"), std::string("Idempotency-Key: a b\r\n"),
                                    "Idempotency-Key: " + std::string(256, 'a') + "\r\n",
                                    std::string("Idempotency-Key: a\r\nIdempotency-Key: b\r\n")}) {
    CAPTURE(fields);
    const Reply reply = co_await ask(world, world.call(question(), fields));
    CHECK(reply.status() == 400);
    CHECK(reply.error("param") == "Idempotency-Key");
  }
  CHECK(world.upstream.requests.empty());
}

Task<void> of_no_interest(World& world) {
  for (int i = 0; i < 2; ++i) {
    world.answers(answer);
    CHECK((co_await ask(world, world.call(question(), with_key))).status() == 200);
  }
  REQUIRE(world.upstream.requests.size() == 2);
  bool passed = false;
  for (const auto& [name, value] : world.upstream.requests[0].fields)
    passed = passed || (name == "Idempotency-Key" && value == "one");
  CHECK(passed);
}

}  // namespace

TEST_CASE("a repeated call gets the first reply, costs nothing and reaches nobody") {
  World world;
  open(world);
  world.run(replayed(world));
}

TEST_CASE("a repeated stream gets the bytes that the first client got") {
  World world;
  open(world);
  world.run(streamed(world));
}

TEST_CASE("a key stands for one request, and each key for its own") {
  World world;
  open(world);
  world.run(mismatched(world));
}

TEST_CASE("a call that the upstream refused may be sent again") {
  for (const char* status : {"400 Bad Request", "429 Too Many Requests", "503 Service Unavailable"}) {
    World world;
    open(world);
    world.run(freed_by(world, status));
  }
}

TEST_CASE("a call that was refused here leaves its key free") {
  World world;
  open(world, {}, 0);
  world.run(refused_by_a_limit(world));
}

TEST_CASE("a call of which nobody knows what became of it is never sent again") {
  World world;
  open(world);
  world.run(lost(world));
}

TEST_CASE("a stream that broke off is never sent again") {
  World world;
  open(world);
  world.run(broken_stream(world));
}

TEST_CASE("a reply larger than the bound reaches its client, and is said not to be kept to the next") {
  World world;
  open(world, {.max_reply_bytes = 64});
  world.run(too_large(world));
}

TEST_CASE("after its time a key stands for nothing") {
  World world;
  open(world, {.ttl_ms = 60'000});
  world.run(expired(world));
}

TEST_CASE("a key that is none is refused by its field") {
  World world;
  open(world);
  world.run(malformed(world));
}

TEST_CASE("where the route does not ask for it an Idempotency-Key is the upstream's business") {
  World world;
  open(world);
  world.settings.routes[0].idempotency.reset();
  world.run(of_no_interest(world));
}
