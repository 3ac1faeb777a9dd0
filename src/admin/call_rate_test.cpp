// How often one may call, and changes of what was read.
#include "admin/call_rate.h"

#include "admin/world_test.h"

using admin::Api;
using admin::CallRate;
using admin::Response;
using admin::testing::World;

namespace {

std::string header(const Response& response, const std::string& name) {
  for (const auto& [one, value] : response.headers)
    if (one == name) return value;
  return {};
}

}  // namespace

TEST_CASE("a caller may call so often in any minute, and others do not notice") {
  CallRate rate(60);
  base::Instant now{1'000'000};
  for (int i = 0; i < 60; ++i) CHECK(rate.refuse_s("a", now) == std::nullopt);
  CHECK(rate.refuse_s("a", now) == 1);
  CHECK(rate.refuse_s("b", now) == std::nullopt);
  now = now.plus_ms(2'000);
  CHECK(rate.refuse_s("a", now) == std::nullopt);
  CHECK(rate.refuse_s("a", now) == std::nullopt);
  CHECK(rate.refuse_s("a", now) == 1);
  now = now.plus_ms(60'000);
  for (int i = 0; i < 60; ++i) CHECK(rate.refuse_s("a", now) == std::nullopt);
  CHECK(rate.refuse_s("a", now).has_value());
  CHECK(CallRate(0).refuse_s("a", now) == std::nullopt);
}

TEST_CASE("who calls too often is told when to come back, and nothing is done") {
  World world;
  world.options.calls_a_minute = 2;
  Api api(world.services());
  const auto ask = [&](std::string address, admin::Trust trust) {
    admin::Request request;
    request.method = "GET";
    request.path = "/healthz";
    request.address = std::move(address);
    request.trust = trust;
    return api.handle(request);
  };
  for (int i = 0; i < 2; ++i) CHECK(ask("192.0.2.1", admin::Trust::network).status == 200);
  const Response refused = ask("192.0.2.1", admin::Trust::network);
  CHECK(refused.status == 429);
  CHECK(header(refused, "Retry-After") == "30");
  CHECK(refused.body.contains("control.calls_per_minute"));
  CHECK(ask("192.0.2.2", admin::Trust::network).status == 200);
  for (int i = 0; i < 5; ++i) CHECK(ask("", admin::Trust::local).status == 200);
}

TEST_CASE("what somebody else has changed meanwhile is not changed by who has not seen it") {
  World world;
  world.play({{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
              {"POST /api/v1/limits", R"({"account":"Acme","amount":"1","unit":"usd","window":"day"})", 201, {}, "l"}});
  const std::string tag = header(world.send("GET /api/v1/limits/{l}"), "ETag");
  CHECK(tag.size() == 34);
  CHECK(header(world.send("GET /api/v1/limits"), "ETag") == "");
  world.if_match = tag;
  world.play({{"PATCH /api/v1/limits/{l}", R"({"amount":"2"})", 200}});
  world.play({{"PATCH /api/v1/limits/{l}", R"({"amount":"3"})", 412, {R"("field":"If-Match")"}},
              {"DELETE /api/v1/limits/{l}", "", 412},
              {"GET /api/v1/limits/{l}", "", 200, {R"("amount":"2")"}}});
  world.if_match = "\"other\", " + header(world.send("GET /api/v1/limits/{l}"), "ETag");
  world.play({{"PATCH /api/v1/limits/{l}", R"({"amount":"4"})", 200}});
  world.if_match = "*";
  world.play({{"PATCH /api/v1/limits/{l}", R"({"amount":"5"})", 200}});
  world.play({{"POST /api/v1/accounts", R"({"name":"Other"})", 412, {"nothing here has an ETag"}}});
}
