#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "cli/verbs.h"
#include "tests/support/temporary_folder.h"

namespace {

struct Outcome {
  int exit_code = 0;
  std::string out, err;
};

Outcome run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"metergate", "prices"});
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  CLI::App app("test", "metergate");
  std::ostringstream out, err;
  int exit_code = 0;
  cli::add_prices(app, out, err, exit_code);
  const int code = cli::run(app, static_cast<int>(argv.size()), argv.data(), out, err, exit_code);
  return {code, out.str(), err.str()};
}

std::string write(const tests::TemporaryFolder& folder, const std::string& name, const std::string& text) {
  const std::string file = folder.path() / name;
  std::ofstream(file, std::ios::binary) << text;
  return file;
}

constexpr auto book = R"({"m": {"litellm_provider": "p", "mode": "chat", "input_cost_per_token": 2.5e-06,
                                "output_cost_per_token": 1e-05}, "none": {"mode": "chat"}})";

}  // namespace

TEST_CASE("prices cost prints each line and the sum, or JSON") {
  const tests::TemporaryFolder folder;
  const std::string file = write(folder, "book.json", book);
  const std::vector<std::string> arguments{
      "cost", "--model", "m", "--usage", R"({"input_tokens": 1000, "output_tokens": 1})", "--book", file};
  CHECK(run(arguments).out ==
        "WHAT    QUANTITY  PRICE (USD)  PRICE KEY\n"
        "input       1000    0.0000025  input_cost_per_token\n"
        "output         1      0.00001  output_cost_per_token\n"
        "m: 0.00251 USD\n");
  auto as_json = arguments;
  as_json.insert(as_json.end(), {"--json", "--options", R"({"batch": true})"});
  CHECK(run(as_json).out ==
        R"({"cost_usd":"0.001255","model":"m","components":[)"
        R"({"what":"input","quantity":"1000","price_key":"input_cost_per_token / 2","price":"0.0000025"},)"
        R"({"what":"output","quantity":"1","price_key":"output_cost_per_token / 2","price":"0.00001"}]})"
        "\n");
}

TEST_CASE("prices cost has a book of its own") {
  CHECK(run({"cost", "--model", "gpt-4o-mini", "--usage", R"({"input_tokens":1,"output_tokens":1})", "--json"})
            .out.starts_with(R"({"cost_usd":"0.00000075",)"));
}

TEST_CASE("prices cost refuses what it cannot price, and says why") {
  const auto refusal = [](std::vector<std::string> rest) {
    rest.insert(rest.begin(), "cost");
    const Outcome outcome = run(std::move(rest));
    CHECK(outcome.exit_code == 1);
    CHECK(outcome.out.empty());
    return outcome.err;
  };
  CHECK(refusal({"--model", "no-such-model", "--usage", R"({"input_tokens":1})"}).find("no model 'no-such-model'") !=
        std::string::npos);
  CHECK(refusal({"--model", "gpt-4o", "--usage", "3"}).find("--usage must be a JSON object") != std::string::npos);
  CHECK(refusal({"--model", "gpt-4o", "--usage", "{"}).starts_with("metergate: --usage: "));
  CHECK(refusal({"--model", "gpt-4o", "--usage", R"({"input_tokens":1})", "--options", R"({"tier":"flex"})"})
            .find("tier") != std::string::npos);
  CHECK(refusal({"--model", "gpt-4o", "--usage", R"({"input_tokens":1})", "--book", "/nowhere"}).find("'/nowhere'") !=
        std::string::npos);
}

TEST_CASE("prices list shows models by name and provider, per million tokens") {
  const tests::TemporaryFolder folder;
  const std::string file = write(folder, "book.json", book);
  CHECK(run({"list", "--book", file}).out ==
        "MODEL  PROVIDER  MODE  INPUT/M  OUTPUT/M\n"
        "m      p         chat      2.5        10\n"
        "none             chat        -  no price\n");
  CHECK(run({"list", "--book", file, "--provider", "p", "--json"}).out ==
        R"({"models":[{"model":"m","provider":"p","mode":"chat","input_usd_per_million_tokens":"2.5",)"
        R"("output_usd_per_million_tokens":"10","priced":true}]})"
        "\n");
  CHECK(run({"list", "o", "--book", file}).out.find("none") != std::string::npos);
  CHECK(run({"list", "o", "--book", file}).out.find("chat      2.5") == std::string::npos);
}

TEST_CASE("prices check lists what a person should look at") {
  const tests::TemporaryFolder folder;
  CHECK(run({"check", write(folder, "book.json", book)}).out ==
        "none: no price above zero: calls to it are refused\n2 models, 1 with a price\n");
  const std::string odd = write(folder, "odd.json", R"({"m": {"mode": "chat", "input_cost_per_token": 0.5,
    "output_cost_per_token": 0, "cache_read_input_token_cost": 0.6, "peak_pricing": {}}})");
  CHECK(run({"check", odd}).out ==
        "m: 'peak_pricing' is no price that is known here, and is not billed\n"
        "m: either input or output costs nothing\n"
        "m: cached input costs more than input\n"
        "m: a token costs more than a cent\n"
        "1 models, 1 with a price\n");
  CHECK(run({"list", "--json", "--book", odd}).out.contains(R"("priced":true,"not_billed":["peak_pricing"])"));
  const Outcome broken = run({"check", write(folder, "broken.json", R"({"m": {"input_cost_per_token": -1}})")});
  CHECK(broken.exit_code == 1);
  CHECK(broken.err.find("m.input_cost_per_token") != std::string::npos);
}

TEST_CASE("prices diff names every price that changed") {
  const tests::TemporaryFolder folder;
  const std::string before = write(folder, "before.json", book);
  const std::string now = write(folder, "now.json", R"({"m": {"litellm_provider": "p", "mode": "chat",
    "input_cost_per_token": 3e-06, "output_cost_per_token": 1e-05, "ocr_cost_per_page": 1,
    "cost_per_dream": 3}, "new": {}})");
  CHECK(run({"diff", before, now}).out ==
        "- none\n"
        "~ m  cost_per_dream  none -> 3\n"
        "~ m  input_cost_per_token  0.0000025 -> 0.000003\n"
        "~ m  ocr_cost_per_page  none -> 1\n"
        "+ new\n"
        "1 models added, 1 removed, 1 with other prices\n");
}

TEST_CASE("prices import takes a table over whole or not at all, and the book prices with it") {
  const tests::TemporaryFolder folder;
  const std::string table = write(folder, "litellm.json", book);
  const std::string to = folder.path() / "book.json";
  CHECK(run({"import", table, "--to", to}).out == "2 models added, 0 removed, 0 with other prices\n");
  CHECK(run({"import", table, "--to", to}).out == "0 models added, 0 removed, 0 with other prices\n");
  CHECK(run({"cost", "--book", to, "--model", "m", "--usage", R"({"input_tokens":1000})"}).out.find("0.0025 USD") !=
        std::string::npos);
  const Outcome broken = run({"import", write(folder, "broken.json", "{"), "--to", to});
  CHECK(broken.exit_code == 1);
  CHECK(run({"import", write(folder, "empty.json", "{}"), "--to", to}).exit_code == 1);
  CHECK(run({"diff", table, to}).out == "0 models added, 0 removed, 0 with other prices\n");
}

TEST_CASE("prices list and cost take a date, and check says what a date brings") {
  const tests::TemporaryFolder folder;
  const std::string file = write(folder, "book.json", R"({
    "m": {"input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05, "effective": [
      {"from": "2026-12-01", "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06},
      {"from": "2027-01-01"}, {"from": "2027-02-01T12:00:00Z", "input_cost_per_token": 3e-06, "odd_cost": 1},
      {"from": "2027-03-01", "input_cost_per_token": 3e-06, "odd_cost": 1}]},
    "new": {"effective": [{"from": "2026-12-01", "input_cost_per_token": 1e-06}]},
    "plain": {"input_cost_per_token": 1e-06}})");
  CHECK(run({"list", "--book", file, "--at", "2026-11-30T23:59:59Z"}).out ==
        "MODEL  PROVIDER  MODE  INPUT/M  OUTPUT/M  FROM  UNTIL\n"
        "m                            2        10        2026-12-01\n"
        "new                          -  no price        2026-12-01\n"
        "plain                        1         -\n");
  CHECK(run({"list", "m", "--book", file, "--at", "2027-01-01", "--json"}).out ==
        R"({"models":[{"model":"m","provider":"","mode":"","from":"2027-01-01",)"
        R"("until":"2027-02-01T12:00:00.000Z","priced":false}]})"
        "\n");
  const auto cost = [&](const std::string& at) {
    const Outcome said =
        run({"cost", "--book", file, "--model", "m", "--usage", R"({"input_tokens":1000})", "--at", at});
    return said.exit_code == 0 ? said.out.substr(said.out.find("m: ")) : said.err;
  };
  CHECK(cost("2026-11-30") == "m: 0.002 USD\n");
  CHECK(cost("2026-12-01") == "m: 0.001 USD\n");
  CHECK(cost("2027-01-31").contains("no price above zero"));
  CHECK(cost("tomorrow").starts_with("metergate: --at is 'tomorrow': it must be a date or time"));
  CHECK(run({"list", "--book", file, "--at", "1"}).exit_code == 1);
  CHECK(run({"check", file}).out ==
        "m: from 2027-01-01 on: no price above zero until 2027-02-01T12:00:00.000Z: calls to it are refused\n"
        "m: from 2027-02-01T12:00:00.000Z on: 'odd_cost' is no price that is known here, and is not billed\n"
        "m: from 2027-03-01 on: the same prices as before\n"
        "m: from 2027-03-01 on: 'odd_cost' is no price that is known here, and is not billed\n"
        "new: no price above zero before 2026-12-01: calls to it are refused until then\n"
        "3 models, 3 with a price\n");
  const std::string other = write(folder, "other.json", R"({"m": {"input_cost_per_token": 2e-06,
    "output_cost_per_token": 1e-05, "effective": [{"from": "2026-12-01", "input_cost_per_token": 4e-06}]}})");
  CHECK(run({"diff", file, other})
            .out.contains("~ m  effective[2026-12-01].input_cost_per_token  0.000001 -> 0.000004\n"));
  const std::string unordered =
      write(folder, "unordered.json", R"({"m": {"effective": [{"from": "2027-01-01"}, {"from": "2026-01-01"}]}})");
  CHECK(run({"check", unordered}).err.contains("the dates must rise"));
}
