// What the configuration says of routes.
#include <fmt/format.h>

#include "app/config_world_test.h"

using namespace app;
using namespace app::testing;

TEST_CASE("a route keeps replies if it says so, and says for how long") {
  const auto config = [](std::string_view idempotency) {
    const Folder folder;
    std::ofstream("m.yaml") << one_upstream
                            << "routes: [ { name: r, prefix: /v1, upstream: a, idempotency: " << idempotency << " } ]";
    return load_config("m.yaml", environment_of({}));
  };
  CHECK_FALSE(catalog::Route{}.idempotency.has_value());
  CHECK(config("{}")->routes[0].idempotency == catalog::Idempotency{});
  CHECK(config("{ ttl: 1s }")->routes[0].idempotency->ttl_ms == 1'000);
  for (const char* wrong : {"{ ttl: 10 }", "{ ttl: forever }", "{ ttl: 0s }", "{ max_reply_bytes: 0 }",
                            "{ max_wait_ms: -1 }", "{ max_body: 1 }"}) {
    CAPTURE(wrong);
    const auto refused = config(wrong);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.contains("idempotency."));
  }
}

TEST_CASE("a route gives calls weights of named units, each of which can count") {
  const auto report = [](std::string_view units) {
    return report_of(
        one_upstream + "routes: [ { name: r, prefix: /v1, upstream: a, units: " + std::string(units) + " } ]",
        environment_of({}));
  };
  const auto good = report("[ { unit: images, model: dall-e-3*, weight: 5 }, { unit: images, weight: 1 } ]");
  CHECK(good.findings.empty());
  CHECK(good.config.routes[0].weights ==
        std::vector<catalog::UnitWeight>{{.unit = "images", .model = "dall-e-3*", .weight = 5},
                                         {.unit = "images", .weight = 1}});
  struct Wrong {
    const char* units;
    const char* finding;
  };
  for (const Wrong& row :
       {Wrong{"[ { unit: tokens, weight: 1 } ]", "'tokens', which is counted without a weight"},
        Wrong{"[ { unit: Images, weight: 1 } ]", "small letters"}, Wrong{"[ { unit: images } ]", "weight' is missing"},
        Wrong{"[ { weight: 1 } ]", "unit' is missing"}, Wrong{"[ { unit: images, weight: 0 } ]", "units[0].weight"},
        Wrong{"[ { unit: images, weight: 1000000001 } ]", "units[0].weight"},
        Wrong{"[ { unit: images, weight: 1, model: 'a[b]' } ]", "units[0].model"},
        Wrong{"[ { unit: a, weight: 1 }, { unit: a, weight: 2, model: x } ]", "never counts"},
        Wrong{"[ { unit: a, weight: 1, model: x }, { unit: a, weight: 2, model: x } ]", "never counts"},
        Wrong{"[ { unit: a, weight: 1, modle: x } ]", "did you mean 'model'"}, Wrong{"{ images: 5 }", "units"}}) {
    CAPTURE(row.units);
    const auto found = report(row.units).findings;
    REQUIRE(found.size() == 1);
    CHECK(found.front().message.contains(row.finding));
  }
}

TEST_CASE("a route has a name, a prefix and an upstream, each its own") {
  check_findings({
      {"upstreams: { a: { url: \"http://a\" }, b: { url: \"http://b\" } }",
       "m.yaml:1: 'routes' is missing; with several upstreams, say which path leads to which"},
      {one_upstream + "routes: []", "m.yaml:2: 'routes' is empty"},
      {one_upstream + "routes: { a: b }", "m.yaml:2: 'routes' must be a list; begin each item with '- '"},
      {one_upstream + "routes:\n  - { name: r, prefix: /v1 }", "m.yaml:3: 'routes[0].upstream' is missing"},
      {one_upstream + "routes:\n  - { name: r, prefix: /v1, upstream: aa }",
       "m.yaml:3: 'routes[0].upstream' names 'aa', which is not under 'upstreams'; did you mean 'a'?"},
      {one_upstream + "routes:\n  - { name: r, prefix: /v1/, upstream: a }",
       "m.yaml:3: 'routes[0].prefix' must begin with '/' and not end with one, such as /v1"},
      {one_upstream + "routes:\n  - { name: r, prefix: /v1, upstream: a }\n  - { name: s, prefix: /v1, upstream: a }",
       "m.yaml:4: 'routes[1].prefix' /v1 is owned by another route"},
      {one_upstream + "routes:\n  - { name: r, prefix: /v1, upstream: a }\n  - { name: r, prefix: /v2, upstream: a }",
       "m.yaml:4: 'routes[1].name' 'r' is taken by another route"},
      {one_upstream + "routes:\n  - { name: r, prefix: /v1, upstream: a, timeouts: { idle_ms: 0 } }",
       "m.yaml:3: 'routes[0].timeouts.idle_ms' must be between 1 and 86400000, not 0"},
  });
}

TEST_CASE("a route may have several upstreams, with an order and a share") {
  const std::string two =
      "upstreams: { a: { url: \"http://a\", circuit: { failures: 2, cooldown_ms: 3 } }, "
      "b: { url: \"http://b\" } }\n";
  const auto routes = [&](std::string_view upstreams) {
    return two + fmt::format("routes: [ {{ name: r, prefix: /v1, {} }} ]", upstreams);
  };
  {
    Folder folder;
    folder.write("m.yaml", routes("upstreams: [ { name: a }, { name: b, order: 2, weight: 7 } ]"));
    const auto config = load_config("m.yaml", environment_of({}));
    REQUIRE(config.has_value());
    CHECK(config->routes[0].targets ==
          std::vector<catalog::Target>{{.upstream = "a"}, {.upstream = "b", .order = 2, .weight = 7}});
    CHECK(config->find_upstream("a")->circuit == catalog::CircuitPolicy{2, 3});
    CHECK(config->find_upstream("b")->circuit == catalog::CircuitPolicy{});
  }
  check_findings({
      {routes("upstream: a, upstreams: [ { name: b } ]"),
       "m.yaml:2: 'routes[0].upstreams' stands beside 'upstream'; list all of them here, or name one there"},
      {routes("upstreams: []"), "m.yaml:2: 'routes[0].upstreams' is empty"},
      {routes("upstreams: [ { weight: 1 } ]"), "m.yaml:2: 'routes[0].upstreams[0].name' is missing"},
      {routes("upstreams: [ { name: a }, { name: a } ]"),
       "m.yaml:2: 'routes[0].upstreams[1].name' 'a' is listed already"},
      {routes("upstreams: [ { name: c } ]"),
       "m.yaml:2: 'routes[0].upstreams[0].name' names 'c', which is not under "
       "'upstreams'; did you mean 'a'?"},
      {routes("upstreams: [ { name: a, wait: 1 } ]"), "m.yaml:2: 'routes[0].upstreams[0].wait' is not a known key"},
      {routes("upstreams: [ { name: a, weight: 0 } ]"),
       "m.yaml:2: 'routes[0].upstreams[0].weight' must be between 1 and 1000, not 0"},
  });
}
