#include "gateway/settings.h"

#include <doctest/doctest.h>

#include "gateway/upstreams.h"

using gateway::Settings;

TEST_CASE("the longest prefix that ends at a segment decides the route") {
  Settings settings;
  for (const char* prefix : {"/v1", "/v1/special", "/other/"})
    settings.routes.push_back({.name = prefix, .prefix = prefix, .targets = {}, .timeouts = {}});
  struct Row {
    const char *path, *route;
  };
  for (const Row& row : {Row{"/v1", "/v1"}, Row{"/v1/", "/v1"}, Row{"/v1/chat/completions", "/v1"}, Row{"/v10", ""},
                         Row{"/v1x/chat", ""}, Row{"/v1/special", "/v1/special"}, Row{"/v1/special/x", "/v1/special"},
                         Row{"/v1/specials", "/v1"}, Row{"/other/x", "/other/"}, Row{"/other", ""}, Row{"/", ""},
                         Row{"", ""}, Row{"*", ""}, Row{"/V1/chat", ""}}) {
    CAPTURE(std::string(row.path));
    const catalog::Route* const route = settings.find_route(row.path);
    CHECK((route == nullptr ? "" : route->name) == row.route);
  }
}

TEST_CASE("an upstream is found by its name, a price by its model or the price for unknown models") {
  Settings settings;
  settings.upstreams.push_back(
      {.name = "one", .scheme = {}, .host = "h", .base_path = {}, .secret = {}, .ca_file = {}});
  CHECK(settings.find_upstream("one")->host == "h");
  CHECK(settings.find_upstream("One") == nullptr);
}

TEST_CASE("a request costs what the upstream's provider takes for its model") {
  Settings settings;
  settings.prices = std::make_shared<const meter::PriceBook>(*meter::PriceBook::parse(
      R"({"m":{"max_output_tokens":1,"input_cost_per_token":1},"azure/m":{"max_output_tokens":2},
          "groq/n":{"max_output_tokens":3},"o":{"litellm_provider":"openai","max_output_tokens":4}})"));
  const auto max_output = [&settings](std::string provider, std::string model) {
    catalog::Upstream upstream;
    upstream.provider = std::move(provider);
    meter::Request request;
    request.model = std::move(model);
    const meter::PricedModel* const row = settings.find_price(*settings.prices, upstream, request, {});
    return row == nullptr ? -1 : row->max_output_tokens;
  };
  CHECK(max_output("openai", "m") == 1);
  CHECK(max_output("azure_openai", "m") == 2);
  CHECK(max_output("openai", "n") == -1);
  CHECK(max_output("groq", "n") == 3);
  CHECK(max_output("openai", "o") == 4);
  CHECK(max_output("groq", "o") == -1);
  CHECK(max_output("nobody", "m") == 1);
  settings.unknown_model = meter::PricedModel{.name = "unknown", .max_output_tokens = 7};
  CHECK(max_output("openai", "m") == 1);
  CHECK(max_output("groq", "o") == 7);
  CHECK(max_output("azure_openai", "m") == 7);  // it has no price there
}

TEST_CASE("what is the gateway's own business of a client's fields does not go upstream") {
  const auto withheld = [](const char* name) { return gateway::is_withheld_from_upstream(net::field_name_of(name)); };
  for (const char* name : {"Authorization", "x-api-key", "X-Api-Key", "api-key", "X-Goog-Api-Key"}) {
    CAPTURE(std::string(name));
    CHECK(gateway::is_credential(net::field_name_of(name)));
    CHECK_FALSE(withheld(name));  // a route may send the client's own on
  }
  for (const char* name :
       {"Host", "Content-Length", "Expect", "Accept-Encoding", "Cookie", "X-Metergate-Stream-Cost"}) {
    CAPTURE(std::string(name));
    CHECK(withheld(name));
  }
  for (const char* name : {"Content-Type", "Accept", "User-Agent", "OpenAI-Organization", "X-Request-Id", "X-Metergate",
                           "X-Metergates", "Cookies", "X-Api-Keys", "Traceparent", ""}) {
    CAPTURE(std::string(name));
    CHECK_FALSE(withheld(name));
    CHECK_FALSE(gateway::is_credential(net::field_name_of(name)));
  }
}
