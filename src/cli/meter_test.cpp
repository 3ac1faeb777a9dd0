#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>
#include <string>

#include "cli/verbs.h"
#include "tests/support/temporary_folder.h"

namespace {

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

Outcome meter(std::vector<std::string> files) {
  std::ostringstream out;
  std::ostringstream err;
  CLI::App app("Metergate", "metergate");
  Outcome outcome;
  cli::add_meter(app, out, err, outcome.code);
  std::vector<const char*> arguments{"metergate", "meter"};
  for (const std::string& file : files) arguments.push_back(file.c_str());
  outcome.code = cli::run(app, static_cast<int>(arguments.size()), arguments.data(), out, err, outcome.code);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

std::string written(const tests::TemporaryFolder& folder, const std::string& name, const std::string& text) {
  const auto path = folder.path() / name;
  std::ofstream(path) << text;
  return path.string();
}

}  // namespace

TEST_CASE("meter prints what each recorded exchange used and cost, a line each") {
  const tests::TemporaryFolder folder;
  const std::string chat = written(folder, "chat.json",
                                   R"({"request":{"method":"POST",
      "url":"https://api.openai.com/v1/chat/completions",
      "body":"{\"model\":\"gpt-4o\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"},
      "response":{"status":200,"headers":{},"body":"{\"model\":\"gpt-4o-2024-08-06\",)"
                                   R"(\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":2,\"total_tokens\":10,)"
                                   R"(\"prompt_tokens_details\":{\"cached_tokens\":0}}}"}})");
  const std::string stated = written(folder, "stated.json", R"({"request":{"method":"POST",
      "url":"https://openrouter.ai/api/v1/chat/completions","body":null},"response":{"status":200,"headers":{},
      "body":"ZGF0YTogeyJ1c2FnZSI6eyJwcm9tcHRfdG9rZW5zIjoxLCJjb3N0IjoxZS0xMH19Cgo=","body_base64":true}})");
  const Outcome outcome = meter({chat, stated});
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  std::istringstream lines(outcome.out);
  std::string line;
  REQUIRE(std::getline(lines, line));
  auto metered = boost::json::parse(line).as_object();
  CHECK(metered.at("file").as_string() == chat);
  CHECK(metered.at("provider").as_string() == "openai");
  CHECK(metered.at("endpoint").as_string() == "chat.completions");
  CHECK(metered.at("model").as_string() == "gpt-4o-2024-08-06");
  CHECK(metered.at("usage").at("input_tokens") == 8);
  CHECK(metered.at("usage").at("uncached_input_tokens") == 8);
  CHECK(metered.at("usage").at("cached_input_tokens") == 0);
  CHECK(metered.at("usage").at("reasoning_tokens").is_null());
  CHECK(metered.at("usage").at("total_tokens") == 10);
  CHECK(metered.at("certainty").as_string() == "exact");
  CHECK(metered.at("cost_usd").as_string() == "0.00004");  // 8 × 2.5 + 2 × 10 dollars a million
  CHECK(metered.at("estimate_usd").is_string());
  CHECK(metered.at("book").is_string());
  REQUIRE(std::getline(lines, line));
  metered = boost::json::parse(line).as_object();
  CHECK(metered.at("provider").as_string() == "openrouter");
  CHECK(metered.at("usage").at("provider_cost_usd").as_string() == "0.0000000001");
  CHECK(metered.at("cost_usd").as_string() == "0.000000001");
  CHECK(metered.at("estimate_usd").is_null());
  CHECK(metered.at("book").is_null());
}

TEST_CASE("meter names what it cannot read, and goes on") {
  const tests::TemporaryFolder folder;
  const std::string none = (folder.path() / "none.json").string();
  const std::string broken =
      written(folder, "broken.json", R"({"request":{"url":"nowhere"},"response":{"status":200}})");
  const std::string silent = written(folder, "silent.json", R"({"request":{"method":"POST",
      "url":"https://api.openai.com/v1/moderations"},"response":{"status":200,"body":"{}"}})");
  const Outcome outcome = meter({none, broken, silent});
  CHECK(outcome.code == 1);
  CHECK(outcome.err == none + ": cannot be read\n" + broken + ": 'nowhere' is not a URL with a scheme and a host\n");
  const auto metered = boost::json::parse(outcome.out).as_object();
  CHECK(metered.at("certainty").as_string() == "unknown");
  CHECK(metered.at("cost_usd").is_null());
  CHECK(metered.at("usage").at("usage_present") == false);
}
