#include "app/limiter_settings.h"

#include "app/config_world_test.h"

using namespace app;
using namespace app::testing;

TEST_CASE("limiters may call any public host and what is declared, unless the file says which") {
  const auto usual = report_of(one_upstream, environment_of({}));
  CHECK(limiter_options(usual.config).addresses.rules() == std::vector<std::string>{"https://*", "https://a.example"});
  CHECK(limiter_options(usual.config).proxy_url == "http://127.0.0.1:8080");
  const auto told =
      report_of(one_upstream +
                    "limiters: { allow: [\"https://*.openai.azure.com\", \"http://10.0.0.5:8000\"], public_url: "
                    "\"https://gate.example/\" }\n",
                environment_of({}));
  REQUIRE(told.findings.empty());
  CHECK(limiter_options(told.config).addresses.rules() ==
        std::vector<std::string>{"https://*.openai.azure.com", "http://10.0.0.5:8000", "https://a.example"});
  CHECK(limiter_options(told.config).proxy_url == "https://gate.example");
}

TEST_CASE("a limiter that names no base URL has that of the first upstream of OpenAI's, or OpenAI's own") {
  const auto environment = environment_of({{"OPENAI_API_KEY", "k"}, {"OPENAI_BASE_URL", "http://10.1.1.1:9/v1"}});
  CHECK(limiter_options(check_config(std::nullopt, environment).config).base_url == "http://10.1.1.1:9/v1");
  const auto other = environment_of({{"ANTHROPIC_API_KEY", "k"}});
  CHECK(limiter_options(check_config(std::nullopt, other).config).base_url == "https://api.openai.com/v1");
}

TEST_CASE("what limiters may call is read strictly") {
  check_findings({
      {one_upstream + "limiters: { allow: [\"*\"] }",
       "m.yaml:2: 'limiters.allow' has '*', which must be https://* (any public host), https://*.example.com (those "
       "below a name), or a host without '*', such as http://10.0.0.5:8000"},
      {one_upstream + "limiters: { allow: [] }", "m.yaml:2: 'limiters.allow' is empty"},
      {one_upstream + "limiters: { allow: https://x.example }",
       "m.yaml:2: 'limiters.allow' must be a list; begin each item with '- '"},
      {one_upstream + "limiters: { public_url: gate }",
       "m.yaml:2: 'limiters.public_url' must begin with https:// or http://"},
      {one_upstream + "limiters: { allows: [x] }",
       "m.yaml:2: 'limiters.allows' is not a known key; did you mean 'allow'?"},
  });
}
