// Calls of an API that speaks no dialect: what each costs by its rule, and what becomes of it.
#include <doctest/doctest.h>

#include "gateway/world_test.h"

using namespace gateway;
using namespace gateway::testing;
using catalog::CallRule;
using net::Task;

namespace {

class ApiWorld : public World {
 public:
  ApiWorld() {
    settings.routes.front().calls = {
        {.name = "search", .method = "POST", .path = "/search", .meter = CallRule::Meter::flat, .price = usd("0.005")},
        {.name = "credits",
         .method = "POST",
         .path = "/extract",
         .meter = CallRule::Meter::reported,
         .report = {.header = {},
                    .member = "usage.credits",
                    .price = *base::Price::parse_usd("0.008", 1'000'000'000),
                    .most = 10'000'000'000}},
        {.name = "stated",
         .method = "POST",
         .path = "/stated",
         .meter = CallRule::Meter::reported,
         .report = {.header = "x-cost",
                    .member = {},
                    .price = *base::Price::parse_usd("1", 1'000'000'000),
                    .most = 500'000'000}},
        {.name = "items", .method = {}, .path = "/items/*", .meter = CallRule::Meter::requests},
    };
  }
  static base::Money usd(std::string_view text) { return *base::Money::parse_usd(text); }

  std::string request(std::string_view line, std::string_view body = {}, std::string_view fields = {}) const {
    return fmt::format("{} HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {}\r\n{}{}\r\n{}", line, secret, fields,
                       body.empty() ? std::string() : fmt::format("Content-Length: {}\r\n", body.size()), body);
  }
};

Task<void> ask_it(ApiWorld& world, Reply& reply, std::string request) {
  reply = co_await ask(world, std::move(request));
}

Reply reply_to(ApiWorld& world, const std::string& request) {
  Reply reply;
  world.run(ask_it(world, reply, request));
  return reply;
}

}  // namespace

TEST_CASE("a call with a price takes it before it leaves, and costs it") {
  ApiWorld world;
  const catalog::Limit limit = world.limit(12'000'000);
  world.open();
  for (int i = 0; i < 2; ++i) world.answers(R"({"results":[]})");
  const Reply reply = reply_to(world, world.request("POST /v1/search?q=1", R"({"query":"x"})"));
  CHECK(reply.status() == 200);
  CHECK(reply.body == R"({"results":[]})");
  CHECK(reply.field("X-Request-Cost") == "0.005");
  CHECK(world.upstream.requests.front().line == "POST /api/search?q=1");
  CHECK(world.upstream.requests.front().body == R"({"query":"x"})");
  CHECK(*world.upstream.requests.front().find("authorization") == "Bearer upstream-secret");
  CHECK(reply_to(world, world.request("POST /v1/search", "{}")).status() == 200);
  const Reply refused = reply_to(world, world.request("POST /v1/search", "{}"));
  CHECK(refused.status() == 402);
  CHECK(refused.error("required") == "0.005");
  CHECK(world.upstream.requests.size() == 2);
  const auto records = world.records();
  REQUIRE(records.size() == 3);
  CHECK(records.front().model == "search");
  CHECK(world.state(limit).spent == 10'000'000);
}

TEST_CASE("what became of a call decides whether its price is owed") {
  struct Row {
    const char* status;
    std::int64_t spent;
    std::int64_t unresolved;
  };
  for (const Row& row : {Row{"201 Created", 5'000'000, 0}, Row{"302 Found", 5'000'000, 0}, Row{"400 Bad Request", 0, 0},
                         Row{"429 Too Many Requests", 0, 0}, Row{"500 Internal Server Error", 0, 5'000'000}}) {
    CAPTURE(row.status);
    ApiWorld world;
    const catalog::Limit limit = world.limit(1'000'000'000);
    world.open();
    world.answers("{}", row.status);
    CHECK(reply_to(world, world.request("POST /v1/search", "{}")).status() == std::stoi(row.status));
    (void)world.records();
    CHECK(world.state(limit).spent == row.spent);
    CHECK(world.state(limit).unresolved == row.unresolved);
  }
}

TEST_CASE("a call that reports its cost holds the most that it may report, and costs what it said") {
  struct Row {
    const char* body;
    std::int64_t spent;
    std::int64_t unresolved;
  };
  for (const Row& row : {Row{R"({"usage":{"credits":3}})", 24'000'000, 0}, Row{R"({"usage":{"credits":0}})", 0, 0},
                         Row{R"({"usage":{"credits":0.0000001}})", 1, 0},     // rounded up
                         Row{R"({"usage":{"credits":20}})", 160'000'000, 0},  // an overrun
                         Row{R"({"usage":{}})", 0, 80'000'000}, Row{"no JSON", 0, 80'000'000}}) {
    CAPTURE(row.body);
    ApiWorld world;
    const catalog::Limit limit = world.limit(1'000'000'000);
    world.open();
    world.answers(row.body);
    const Reply reply = reply_to(world, world.request("POST /v1/extract", "{}"));
    CHECK(reply.body == row.body);
    CHECK(reply.field("X-Estimated-Cost") == "0.08");
    (void)world.records();
    CHECK(world.state(limit).spent == row.spent);
    CHECK(world.state(limit).unresolved == row.unresolved);
    CHECK(world.worker->stats().overruns.value() == (row.spent > 80'000'000 ? 1 : 0));
  }
}

TEST_CASE("the prefix of a route is the root of its upstream") {
  ApiWorld world;
  world.settings.upstreams.front().base_path.clear();
  world.settings.routes.front().calls.push_back(
      {.name = "root", .method = {}, .path = "/", .meter = CallRule::Meter::requests});
  world.open();
  for (const auto& [asked, sent] : {std::pair("GET /v1", "GET /"), std::pair("GET /v1?a=b", "GET /?a=b")}) {
    world.answers("{}");
    CHECK(reply_to(world, world.request(asked)).status() == 200);
    CHECK(world.upstream.requests.back().line == sent);
  }
}

TEST_CASE("a refusal that reports a cost costs it, and one that reports none costs nothing") {
  ApiWorld world;
  const catalog::Limit limit = world.limit(1'000'000'000);
  world.open();
  world.answers(R"({"usage":{"credits":2}})", "422 Unprocessable Entity");
  CHECK(reply_to(world, world.request("POST /v1/extract", "{}")).status() == 422);
  world.answers(R"({"error":"no"})", "422 Unprocessable Entity");
  CHECK(reply_to(world, world.request("POST /v1/extract", "{}")).status() == 422);
  world.upstream.replies.push_back({{"HTTP/1.1 404 Not Found\r\nX-Cost: 0.1\r\nContent-Length: 2\r\n\r\nno"}});
  CHECK(reply_to(world, world.request("POST /v1/stated", "{}")).field("X-Request-Cost") == "0.1");
  world.upstream.replies.push_back({{"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"}});
  CHECK(reply_to(world, world.request("POST /v1/stated", "{}")).field("X-Request-Cost") == "0");
  (void)world.records();
  CHECK(world.state(limit).spent == 116'000'000);
  CHECK(world.state(limit).unresolved == 0);
}

TEST_CASE("a cost in a header is known with the head") {
  ApiWorld world;
  const catalog::Limit limit = world.limit(1'000'000'000);
  world.open();
  world.upstream.replies.push_back({{"HTTP/1.1 200 OK\r\nX-Cost: 0.25\r\nContent-Length: 2\r\n\r\nok"}});
  CHECK(reply_to(world, world.request("POST /v1/stated", "{}")).field("X-Request-Cost") == "0.25");
  world.upstream.replies.push_back({{"HTTP/1.1 200 OK\r\nX-Cost: much\r\nContent-Length: 2\r\n\r\nok"}});
  CHECK(reply_to(world, world.request("POST /v1/stated", "{}")).field("X-Request-Cost").empty());
  (void)world.records();
  CHECK(world.state(limit).spent == 250'000'000);
  CHECK(world.state(limit).unresolved == 500'000'000);
}

TEST_CASE("a call that only counts costs nothing, and takes its units") {
  ApiWorld world;
  world.settings.routes.front().weights = {{.unit = "rows", .model = "items", .weight = 7}};
  const catalog::Limit requests = world.limit(10, catalog::LimitUnit::requests);
  const catalog::Limit rows = world.limit(20, catalog::Unit::named("rows"));
  world.open();
  for (int i = 0; i < 3; ++i) world.answers("[]");
  CHECK(reply_to(world, world.request("GET /v1/items/5")).status() == 200);
  CHECK(reply_to(world, world.request("DELETE /v1/items/5")).status() == 200);
  CHECK(reply_to(world, world.request("GET /v1/items/5")).status() == 402);
  (void)world.records();
  CHECK(world.state(requests).spent == 2);
  CHECK(world.state(rows).spent == 14);
}

TEST_CASE("what no rule names is refused, in whatever spelling, and no spelling gets past a rule") {
  ApiWorld world;
  const catalog::Limit limit = world.limit(1'000'000'000);
  world.open();
  for (const char* line : {"GET /v1/search", "POST /v1/searches", "POST /v1", "POST /v1/", "GET /v1/items",
                           "GET /v1/items/1/2", "GET /v1/items/a%2Fb/c"})
    CHECK(reply_to(world, world.request(line)).status() == 404);
  for (const char* line : {"POST /v1//search", "POST /v1/x/../search", "POST /v1/%2e%2e/search", "POST /v1/./search",
                           "POST /v1/search%", "GET /v1/items/.."})
    CHECK(reply_to(world, world.request(line)).status() == 400);
  CHECK(world.upstream.requests.empty());
  for (const char* line : {"POST /v1/Search", "POST /v1/search/", "POST /v1/%73earch"}) {
    world.answers("{}");
    CHECK(reply_to(world, world.request(line, "{}")).field("X-Request-Cost") == "0.005");
  }
  (void)world.records();
  CHECK(world.state(limit).spent == 15'000'000);
}

TEST_CASE("a body that is not here whole streams through, and its call is not sent twice") {
  ApiWorld world;
  const catalog::Limit limit = world.limit(1'000'000'000);
  world.open();
  const std::string large(300'000, 'x');  // NOLINT(bugprone-string-constructor): as long as it has to be
  world.answers("{}");
  CHECK(reply_to(world, world.request("POST /v1/search", large)).status() == 200);
  CHECK(world.upstream.requests.front().body == large);
  CHECK(*world.upstream.requests.front().find("content-length") == "300000");

  world.answers("{}");
  const std::string chunked = fmt::format(
      "POST /v1/search HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n"
      "493e0\r\n{}\r\n0\r\n\r\n",
      world.secret, large);
  CHECK(reply_to(world, chunked).status() == 200);
  CHECK(world.upstream.requests.back().body == large);

  // The upstream breaks off: nobody knows what it did.
  CHECK(reply_to(world, world.request("POST /v1/search", large)).status() == 502);
  CHECK(world.upstream.requests.size() == 3);
  (void)world.records();
  CHECK(world.state(limit).spent == 10'000'000);
  CHECK(world.state(limit).unresolved == 5'000'000);
}

TEST_CASE("a body larger than the route takes is refused") {
  ApiWorld world;
  world.settings.routes.front().max_body_bytes = 100'000;
  const catalog::Limit limit = world.limit(1'000'000'000);
  world.open();
  const std::string large(300'000, 'x');  // NOLINT(bugprone-string-constructor): as long as it has to be
  CHECK(reply_to(world, world.request("POST /v1/search", large)).status() == 413);
  CHECK(world.upstream.requests.empty());
  const std::string chunked = fmt::format(
      "POST /v1/search HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n"
      "493e0\r\n{}\r\n0\r\n\r\n",
      world.secret, large);
  CHECK(reply_to(world, chunked).status() == 413);
  (void)world.records();
  CHECK(world.state(limit).spent == 0);
}

TEST_CASE("an upstream gets its key where it wants it, and the client's own does not go there") {
  using Place = catalog::Credential::Place;
  ApiWorld world;
  world.settings.upstreams.front().credential = {.place = Place::query, .name = "api_key"};
  world.settings.upstreams.front().secret = "a b/c";
  world.open();
  world.answers("{}");
  (void)reply_to(world, world.request("GET /v1/items/1?api_key=mine&x=1&api_key"));
  CHECK(world.upstream.requests.front().line == "GET /api/items/1?x=1&api_key=a%20b%2Fc");
  CHECK(world.upstream.requests.front().find("authorization") == nullptr);

  ApiWorld other;
  other.settings.upstreams.front().credential = {.place = Place::header, .name = "X-Token"};
  other.open();
  other.answers("{}");
  (void)reply_to(other, other.request("GET /v1/items/1", {}, "x-token: mine\r\n"));
  CHECK(*other.upstream.requests.front().find("x-token") == "upstream-secret");
  CHECK(other.upstream.requests.front().find("authorization") == nullptr);
}

TEST_CASE("a route may send the client's own credentials on, and then our key has a field of its own") {
  ApiWorld world;
  world.settings.routes.front().client_credentials = true;
  world.open();
  const Reply missing = reply_to(world, world.request("GET /v1/items/1"));
  CHECK(missing.status() == 401);
  CHECK(missing.error("message").contains("X-Metergate-Key"));
  world.answers("{}");
  const std::string own =
      fmt::format("GET /v1/items/1 HTTP/1.1\r\nHost: g\r\nX-Metergate-Key: {}\r\nAuthorization: Bearer sk-own\r\n\r\n",
                  world.secret);
  CHECK(reply_to(world, own).status() == 200);
  CHECK(*world.upstream.requests.front().find("authorization") == "Bearer sk-own");
  CHECK(world.upstream.requests.front().find("x-metergate-key") == nullptr);
}

TEST_CASE("what a refusal quotes of a header is UTF-8, whatever stood there") {
  ApiWorld world;
  world.open();
  const Reply reply = reply_to(world, world.request("GET /v1/items/1", {}, "X-Metergate-Nothing: \xff\r\n"));
  CHECK(reply.status() == 400);
  CHECK(base::Json::parse(reply.body));
  CHECK(reply.error("message").contains("'X-Metergate-Nothing: \uFFFD'"));
}

TEST_CASE("fields that only a dialect can honour are refused") {
  ApiWorld world;
  world.open();
  CHECK(reply_to(world, world.request("GET /v1/items/1", {}, "X-Metergate-Stream-Cost: comment\r\n")).status() == 400);
  CHECK(reply_to(world,
                 world.request("GET /v1/items/1", {}, "X-Metergate-Quote: 0195b1c0-7a2e-7c31-9d55-3f1a4be2c701\r\n"))
            .status() == 400);
}
