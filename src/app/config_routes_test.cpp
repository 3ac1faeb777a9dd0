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
  {
    Folder folder;
    folder.write("m.yaml", routes("upstreams: [ { name: a }, { name: a, order: 2, models: { m: n1, \"*\": o1 } } ]"));
    const auto config = load_config("m.yaml", environment_of({}));
    REQUIRE(config.has_value());
    const catalog::Target& other = config->routes[0].targets.at(1);
    CHECK(config->routes[0].targets[0].model_for("m") == "m");
    CHECK(other.model_for("m") == "n1");
    CHECK(other.model_for("x") == "o1");
  }
  check_findings({
      {routes("upstream: a, upstreams: [ { name: b } ]"),
       "m.yaml:2: 'routes[0].upstreams' stands beside 'upstream'; list all of them here, or name one there"},
      {routes("upstreams: []"), "m.yaml:2: 'routes[0].upstreams' is empty"},
      {routes("upstreams: [ { weight: 1 } ]"), "m.yaml:2: 'routes[0].upstreams[0].name' is missing"},
      {routes("upstreams: [ { name: a }, { name: a } ]"),
       "m.yaml:2: 'routes[0].upstreams[1].name' 'a' is listed already; with other 'models' it may be"},
      {routes("upstreams: [ { name: a, models: {} } ]"), "m.yaml:2: 'routes[0].upstreams[0].models' is empty"},
      {routes("upstreams: [ { name: a, models: { m: n1 } } ], calls: [ { name: c, path: /c, meter: requests } ]"),
       "m.yaml:2: 'routes[0].calls' name no model: leave 'models' out of 'upstreams'"},
      {routes("upstreams: [ { name: c } ]"),
       "m.yaml:2: 'routes[0].upstreams[0].name' names 'c', which is not under "
       "'upstreams'; did you mean 'a'?"},
      {routes("upstreams: [ { name: a, wait: 1 } ]"), "m.yaml:2: 'routes[0].upstreams[0].wait' is not a known key"},
      {routes("upstreams: [ { name: a, weight: 0 } ]"),
       "m.yaml:2: 'routes[0].upstreams[0].weight' must be between 1 and 1000, not 0"},
  });
}

TEST_CASE("a route names the calls of an API without a dialect, and how each is metered") {
  const auto report = [](std::string_view calls) {
    return report_of(
        "upstreams: { a: { url: \"https://a.example\", provider: other } }\n"
        "routes: [ { name: r, prefix: /a, upstream: a, calls: " +
            std::string(calls) + " } ]",
        environment_of({}));
  };
  const auto good = report(R"([
    { name: search, method: POST, path: /search, meter: flat, price: "0.005" },
    { name: extract, method: POST, path: /extract, meter: reported,
      report: { pointer: /usage/credits, unit_price: "0.008", most: 10 } },
    { name: stated, path: /stated, meter: reported, report: { header: X-Cost, most: "0.5" } },
    { name: rest, path: /**, meter: requests } ])");
  for (const Finding& finding : good.findings) MESSAGE(finding.to_string());
  REQUIRE(good.findings.empty());
  const auto& calls = good.config.routes[0].calls;
  REQUIRE(calls.size() == 4);
  using Meter = catalog::CallRule::Meter;
  CHECK(calls[0] == catalog::CallRule{.name = "search",
                                      .method = "POST",
                                      .path = "/search",
                                      .meter = Meter::flat,
                                      .price = base::Money::from_nanos(5'000'000)});
  CHECK(calls[1].report == catalog::Report{.header = {},
                                           .member = "usage.credits",
                                           .price = *base::Price::parse_usd("0.008", 1'000'000'000),
                                           .most = 10'000'000'000});
  CHECK(calls[2].report == catalog::Report{.header = "X-Cost",
                                           .member = {},
                                           .price = *base::Price::parse_usd("1", 1'000'000'000),
                                           .most = 500'000'000});
  CHECK(calls[3].meter == Meter::requests);

  struct Wrong {
    const char* call;
    const char* finding;
  };
  for (const Wrong& row : {
           Wrong{"{ path: /a, meter: requests }", "calls[0].name' is missing"},
           Wrong{"{ name: a, meter: requests }", "calls[0].path' is missing"},
           Wrong{"{ name: a, path: /a }", "calls[0].meter' is missing"},
           Wrong{"{ name: a, path: /a, meter: flat }", "USD for one call"},
           Wrong{"{ name: a, path: /a, meter: flat, price: 0 }", "above zero"},
           Wrong{"{ name: a, path: /a, meter: flat, price: \"0.0000000001\" }", "at most 9 decimals"},
           Wrong{"{ name: a, path: /a, meter: requests, price: 1 }", "no use but with meter: flat"},
           Wrong{"{ name: a, path: /A, meter: requests }", "plain path in small letters"},
           Wrong{"{ name: a, path: a, meter: requests }", "plain path"},
           Wrong{"{ name: a, path: /a/, meter: requests }", "plain path"},
           Wrong{"{ name: a, path: /**/a, meter: requests }", "before its end"},
           Wrong{"{ name: a, path: /a, method: post, meter: requests }", "calls[0].method"},
           Wrong{"{ name: a, path: /a, meter: reported }", "where the reply says what it cost"},
           Wrong{"{ name: a, path: /a, meter: requests, report: { header: x, most: 1 } }", "no use but"},
           Wrong{"{ name: a, path: /a, meter: reported, report: { most: 1 } }", "one of them"},
           Wrong{"{ name: a, path: /a, meter: reported, report: { header: x, pointer: /a, most: 1 } }", "one of them"},
           Wrong{"{ name: a, path: /a, meter: reported, report: { pointer: a/b, most: 1 } }", "JSON pointer"},
           Wrong{"{ name: a, path: /a, meter: reported, report: { header: x } }", "which it reserves"},
           Wrong{"{ name: a, path: /a, meter: reported, report: { header: x, most: 0 } }", "above zero"},
           Wrong{"{ name: a, path: /a, meter: reported, report: { header: x, most: 1, unit_price: 0 } }", "above zero"},
       }) {
    CAPTURE(std::string(row.call));
    const auto found = report("[ " + std::string(row.call) + " ]").findings;
    REQUIRE(found.size() == 1);
    CHECK(found.front().message.contains(row.finding));
  }
  const auto twice = report("[ { name: a, path: /**, meter: requests }, { name: b, path: /b, meter: requests } ]");
  REQUIRE(twice.findings.size() == 1);
  CHECK(twice.findings.front().message.contains("'a' takes these calls already"));
}

TEST_CASE("an upstream without a dialect needs rules, and any upstream says where its key goes") {
  check_findings({
      {"upstreams: { a: { url: \"https://a.example\", provider: other } }\n"
       "routes: [ { name: r, prefix: /a, upstream: a } ]",
       "m.yaml:2: 'routes[0].calls' is missing: the upstream 'a' speaks no LLM dialect, so say which calls may be made "
       "and how each is metered"},
      {"upstreams: { a: { url: \"https://a.example\", credential: { in: header } } }",
       "m.yaml:1: 'upstreams.a.credential.name' is missing; it names the field or the parameter"},
      {"upstreams: { a: { url: \"https://a.example\", credential: { in: bearer, name: x } } }",
       "m.yaml:1: 'upstreams.a.credential.name' has no use here; only a header or a query parameter has a name"},
      {"upstreams: { a: { url: \"https://a.example\", credential: { in: header, name: Host } } }",
       "m.yaml:1: 'upstreams.a.credential.name' is a field that the gateway writes itself"},
  });
  const auto config = report_of(one_upstream + "routes: [ { name: r, prefix: /v1, upstream: a, credentials: client } ]",
                                environment_of({}));
  CHECK(config.findings.empty());
  CHECK(config.config.routes[0].client_credentials);
}

TEST_CASE("an upstream's provider is what the file says, else whose host it is, else OpenAI's dialect") {
  const auto upstream = [](std::string_view members) {
    const auto report = report_of("upstreams: { a: { " + std::string(members) + " } }", environment_of({}));
    REQUIRE(report.findings.empty());
    return report.config.upstreams.at(0);
  };
  using Place = catalog::Credential::Place;
  CHECK(upstream("url: http://localhost:8000/v1").provider == "openai");
  CHECK(upstream("url: https://api.mistral.ai/v1").provider == "mistral");
  CHECK(upstream("url: http://localhost:8000, provider: ollama").provider == "ollama");
  const auto anthropic = upstream("url: https://api.anthropic.com");
  CHECK(anthropic.provider == "anthropic");
  CHECK(anthropic.credential == catalog::Credential{Place::header, "x-api-key", ""});
  CHECK(upstream("url: https://api.anthropic.com, credential: { in: bearer }").credential == catalog::Credential{});
  CHECK(upstream("url: https://bedrock-runtime.us-east-1.amazonaws.com").credential ==
        catalog::Credential{Place::aws, "", "us-east-1"});
  CHECK(upstream("url: http://localhost:1, provider: bedrock, credential: { in: aws_sigv4, region: eu-west-1 }")
            .credential == catalog::Credential{Place::aws, "", "eu-west-1"});
  CHECK(upstream("url: https://x.openai.azure.com, deployments: { ours: gpt-4o }").deployments.at("ours") == "gpt-4o");

  const auto wrong = report_of("upstreams: { a: { url: \"http://a\", provider: opnai } }", environment_of({}));
  REQUIRE(wrong.findings.size() == 1);
  CHECK(wrong.findings[0].message.contains("did you mean 'openai'?"));
  check_findings({
      {"upstreams: { a: { url: \"http://a\", provider: bedrock, credential: { in: aws_sigv4 } } }",
       "m.yaml:1: 'upstreams.a.credential.region' is missing or no name of a region: it is part of the signature, such "
       "as us-east-1"},
      {"upstreams: { a: { url: \"http://a\", credential: { in: bearer, region: x } } }",
       "m.yaml:1: 'upstreams.a.credential.region' has no use here; only a signature of AWS has a region"},
  });
}

TEST_CASE("an upstream alone is found where the clients of its provider look for it") {
  const auto prefix = [](std::string_view members) {
    const auto report = report_of("upstreams: { a: { " + std::string(members) + " } }", environment_of({}));
    return report.config.routes.at(0).prefix;
  };
  CHECK(prefix("url: http://localhost:8000/v1") == "/v1");
  CHECK(prefix("url: https://api.anthropic.com") == "/anthropic");
  CHECK(prefix("url: https://x.openai.azure.com") == "/azure");
}
