// A key asks what is left for it.
#include <doctest/doctest.h>

#include "gateway/world_test.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;

namespace {

std::string asking(const World& world, std::string_view method = "GET", std::string_view secret = {}) {
  return fmt::format("{} /v1/budget HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\n\r\n", method,
                     secret.empty() ? world.secret : secret);
}
const std::string answer = R"({"choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}})";

Task<void> ask_for_numbers(World& world) {
  world.answers(answer);
  const std::string body = R"({"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"max_tokens":10})";
  CHECK((co_await ask(world, world.call(body))).status() == 200);
  const Reply reply = co_await ask(world, asking(world));
  CHECK(reply.status() == 200);
  CHECK(reply.field("Content-Type") == "application/json");
  CHECK(reply.field("Cache-Control") == "no-store");
  const auto json = base::Json::parse(reply.body).value();
  CHECK(json.find("account")->text() == world.account.id.to_string());
  const auto limits = json.find("limits")->items();
  REQUIRE(limits.size() == 2);
  const auto of = [&](std::size_t i, std::string_view name) {
    const base::Json* const value = limits[i].find(name);
    return value == nullptr ? "null" : value->text();
  };
  CHECK(of(0, "id") == world.limits[0].id.to_string());
  CHECK(of(0, "unit") == "usd");
  CHECK(of(0, "amount") == "0.001");
  CHECK(of(0, "spent") == "0.00003");
  CHECK(of(0, "available") == "0.00097");
  CHECK(of(0, "reserved") == "0");
  CHECK(of(0, "unresolved") == "0");
  CHECK(of(0, "resets_at") == "2026-11-22T00:00:00.000Z");
  CHECK(of(1, "unit") == "requests");
  CHECK(of(1, "model") == "o1*");
  CHECK(of(1, "spent") == "0");
  CHECK(world.upstream.requests.size() == 1);
  CHECK(world.records().size() == 1);  // asking is no call
}

Task<void> ask_wrongly(World& world) {
  CHECK((co_await ask(world, asking(world, "GET", "mg_live_none"))).status() == 401);
  CHECK((co_await ask(world, asking(world, "PATCH"))).status() == 404);
  const Reply with_body =
      co_await ask(world, fmt::format("GET /v1/budget HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\n"
                                      "Content-Length: 2\r\n\r\n{{}}",
                                      world.secret));
  CHECK(with_body.status() == 400);
}

}  // namespace

TEST_CASE("a key is told its limits with the five numbers, and pays nothing for it") {
  World world;
  world.limit(1'000'000);
  world.limit(9, catalog::LimitUnit::requests).filter.model = "o1*";
  world.settings.prices = test_prices({"gpt-4o"});
  world.open();
  world.run(ask_for_numbers(world));
}

TEST_CASE("who is nobody is told nothing, and what is no question is refused") {
  World world;
  world.open();
  world.run(ask_wrongly(world));
}
