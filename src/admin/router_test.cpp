#include <filesystem>
#include <fstream>

#include "admin/world_test.h"

using namespace admin;
using namespace admin::testing;

TEST_CASE("health and readiness need no key and say what is wrong") {
  World world;
  world.trust = Trust::network;
  world.play({
      {"GET /healthz", "", 200, {R"({"status":"ok"})"}},
      {"GET /readyz", "", 200, {R"({"status":"ready"})"}},
      {"GET /metrics", "", 404, {"no metrics are kept here"}},
  });
  world.options.ready = [] { return base::Status(base::fail(base::ErrorType::internal, "the store does not answer")); };
  world.play({{"GET /readyz", "", 503, {R"("type":"internal")", "the store does not answer"}}});
}

TEST_CASE("metrics are Prometheus text") {
  World world;
  world.trust = Trust::network;
  world.options.metrics = [] { return "metergate_exchanges_total 7\n"; };
  const Response reply = world.send("GET /metrics");
  CHECK(reply.status == 200);
  CHECK(reply.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(reply.body == "metergate_exchanges_total 7\n");
}

TEST_CASE("what does not exist is not found, and a wrong method is answered with the right ones") {
  World world;
  world.play({
      {"GET /", "", 404, {R"("type":"not_found")", "there is nothing at /"}},
      {"GET /api/v1/acounts", "", 404, {"there is nothing at /api/v1/acounts"}},
      {"GET /api/v1/accounts/", "", 404, {"there is nothing at"}},
      {"GET /api/v1/accounts/a/b", "", 404, {"there is nothing at"}},
      {"POST /api/v1/accounts/a/b/suspend", "", 404, {"there is nothing at"}},
      {"PUT /api/v1/limits/x", "", 405, {"PUT is not for /api/v1/limits/x; it takes GET, PATCH, DELETE"}},
      {"POST /healthz", "", 405, {"it takes GET"}},
      {"get /healthz", "", 405, {}},
  });
  const Response reply = world.send("DELETE /api/v1/accounts");
  REQUIRE(reply.headers.size() == 1);
  CHECK(reply.headers[0] == std::pair<std::string, std::string>("Allow", "POST, GET"));
}

TEST_CASE("what a refusal quotes may be cut within a character, and is UTF-8 all the same") {
  World world;
  std::string letters;
  while (letters.size() < 128) letters += "𝐓";
  for (const std::string_view before : {"", "a", "ab", "abc"}) {
    const Response reply = world.send(fmt::format("GET /api/v1/accounts/{}{}", before, letters));
    CAPTURE(before);
    CHECK(reply.status == 404);
    CHECK(base::Json::parse(reply.body));
  }
}

TEST_CASE("what would be ignored is refused") {
  World world;
  world.play({
      {"GET /api/v1/accounts", "{}", 400, {"GET takes no body"}},
      {"DELETE /api/v1/limits/x", "{}", 400, {"DELETE takes no body"}},
      {"PUT /api/v1/upstreams/openai/secret?force=1", R"({"secret":"sk"})", 400, {"'force' is not a parameter"}},
      {"POST /api/v1/accounts?name=a", R"({"name":"a"})", 400, {"'name' is not a parameter of this request"}},
      {"GET /healthz?verbose=1", "", 400, {"'verbose' is not a parameter of this request"}},
      {"GET /api/v1/keys?acount=a", "", 400, {"'acount' is not a parameter", "did you mean 'account'?"}},
      {"GET /api/v1/keys?account=a&account=b", "", 400, {"the parameter 'account' is given twice; keep one"}},
      {"GET /api/v1/keys?account=", "", 400, {"the parameter 'account' is empty"}},
      {"GET /api/v1/keys?limit=0", "", 400, {"the parameter 'limit' must be a whole number from 1 to 1000"}},
      {"GET /api/v1/keys?limit=1001", "", 400, {R"("field":"limit")"}},
      {"GET /api/v1/keys?limit=1x", "", 400, {R"("field":"limit")"}},
      {"GET /api/v1/keys?cursor=x", "", 400, {"must be the 'next' of an earlier page"}},
      {"POST /api/v1/accounts", "{", 400, {R"("type":"invalid_request")"}},
      {"POST /api/v1/accounts", "[]", 400, {"the body must be a JSON object"}},
      {"POST /api/v1/accounts", "", 400, {"'name' is missing", R"("field":"name")"}},
      {"POST /api/v1/accounts", R"({"name":"a","name":"b"})", 400, {"'name' is given twice"}},
  });
}

TEST_CASE("the API wants an admin key and tells a data key from a stranger") {
  World world;
  world.play({
      {"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
      {"POST /api/v1/keys", R"({"name":"data","account":"Acme"})", 201, {}, "data"},
      {"POST /api/v1/keys", R"({"name":"root","role":"admin"})", 201, {R"("account":null)"}, "root"},
      {"POST /api/v1/keys", R"({"name":"brief","role":"admin","expires":"2026-11-21T04:06:01Z"})", 201, {}, "brief"},
  });
  world.trust = Trust::network;
  struct Case {
    std::string credential;
    int status;
    std::string detail;
  };
  const auto secret = [&](const char* name) { return world.saved.at(std::string(name) + "_secret"); };
  const auto check = [&](const Case& one) {
    world.credential = one.credential;
    world.play({{"GET /api/v1/accounts", "", one.status, {one.detail}}});
  };
  check({"", 401, "send an admin key or a session's token as 'Authorization: Bearer KEY' or 'X-Admin-Key: KEY'"});
  check({"letmein", 401, "this key is not known here"});
  check({secret("root").substr(0, 40), 401, "this key is mistyped or cut off: its checksum does not fit"});
  check({secret("data"), 403, "this is a data key, which calls the proxy; the control plane takes an admin key"});
  check({secret("root"), 200, "Acme"});
  check({secret("brief"), 200, "Acme"});
  world.clock.advance_ms(1000);
  check({secret("brief"), 401, "this admin key has expired"});
  check({"from the environment", 401, "not known"});
  world.options.environment_admin_key_hash = base::sha256("from the environment");
  check({"from the environment", 200, "Acme"});
  check({"from the environment ", 401, "not known"});
  check({secret("root"), 200, "Acme"});
  world.play({{"POST /api/v1/keys/{root}/revoke", "", 200, {R"("status":"revoked")"}}});
  check({secret("root"), 401, "this admin key was revoked"});
}

TEST_CASE("without a key, no path of the API can be told from another") {
  World world;
  world.trust = Trust::network;
  for (const char* call : {"POST /api/v1/accounts",
                           "GET /api/v1/accounts",
                           "GET /api/v1/accounts/a",
                           "POST /api/v1/accounts/a/suspend",
                           "POST /api/v1/accounts/a/activate",
                           "POST /api/v1/keys",
                           "GET /api/v1/keys",
                           "GET /api/v1/keys/a",
                           "POST /api/v1/keys/a/revoke",
                           "POST /api/v1/limits",
                           "GET /api/v1/limits",
                           "GET /api/v1/limits/a",
                           "PATCH /api/v1/limits/a",
                           "DELETE /api/v1/limits/a",
                           "GET /api/v1/upstreams",
                           "PUT /api/v1/upstreams/a/secret",
                           "DELETE /api/v1/upstreams/a/secret",
                           "GET /api/v1/usage",
                           "GET /api/v1/usage/records",
                           "GET /api/v1/usage/records/a",
                           "GET /api/v1/usage/series",
                           "GET /api/v1/usage/latency",
                           "GET /api/v1/usage/export",
                           "GET /api/v1/usage/stream",
                           "GET /api/v1/unresolved/sum",
                           "GET /api/v1/settings",
                           "GET /api/v1/prices",
                           "GET /api/v1/prices/a/b",
                           "GET /api/v1/nothing",
                           "PUT /api/v1/limits"}) {
    CAPTURE(call);
    const Response reply = world.send(call);
    CHECK(reply.status == 401);
    CHECK(std::ranges::find(reply.headers,
                            std::pair<std::string, std::string>("WWW-Authenticate", "Bearer realm=\"metergate\"")) !=
          reply.headers.end());
  }
}

TEST_CASE("api/openapi.yaml names the routes and methods that there are") {
  std::ifstream file(std::filesystem::path(METERGATE_ROOT) / "api/openapi.yaml");
  REQUIRE(file.is_open());
  std::map<std::string, std::string> documented;  // path to methods, as Allow lists them
  std::string path;
  for (std::string line; std::getline(file, line) && line != "components:";) {
    if (line.starts_with("  /")) path = line.substr(2, line.size() - 3);
    for (const std::string method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
      std::string key = "    " + method + ":";
      for (char& c : key) c = static_cast<char>(std::tolower(c));
      if (line == key) documented[path] += (documented[path].empty() ? "" : ", ") + method;
    }
  }
  CHECK(documented.size() == 62);
  World world;
  for (const auto& [documented_path, methods] : documented) {
    CAPTURE(documented_path);
    const Response reply = world.send("OPTIONS " + documented_path);
    CHECK(reply.status == 405);
    CHECK(reply.headers.back().second == methods);
  }
}
