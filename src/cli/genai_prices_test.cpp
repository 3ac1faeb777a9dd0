#include "cli/genai_prices.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "meter/bill.h"

namespace {

// One of each kind: a plain price, thresholds, dates, clauses, and what has no place here.
constexpr std::string_view sample = R"([
  {"id": "anthropic", "name": "A", "api_pattern": "a", "models": [
    {"id": "claude-x", "match": {"or": [{"starts_with": "claude-x"}, {"equals": "claude-x-latest"},
      {"contains": "v2"}]}, "context_window": 200000,
      "prices": {"input_mtok": 0.8, "output_mtok": 4, "cache_read_mtok": 0.08, "cache_write_mtok": 1,
      "cache_write_1h_mtok": 1.6, "web_searches_kcount": 10}},
    {"id": "claude-y", "match": {"equals": "claude-y"}, "prices": [
      {"prices": {"input_mtok": {"base": 3, "tiers": [{"start": 200000, "price": 6}]}, "output_mtok": 15}},
      {"constraint": {"start_date": "2026-03-13"}, "prices": {"input_mtok": 3, "output_mtok": 15}},
      {"constraint": {"start_date": "2026-12-01"}, "prices": {"input_mtok": 2, "output_mtok": 10}}]}]},
  {"id": "google", "name": "G", "api_pattern": "g", "fallback_model_providers": ["anthropic"], "models": [
    {"id": "gemini-z", "match": {"regex": "z$"}, "prices": {"input_mtok": 1e-1, "output_mtok": 0.4,
     "input_video_mtok": 7}},
    {"id": "twin", "match": {"equals": "gemini-z"}, "prices": {"input_mtok": 9}}]},
  {"id": "deepseek", "name": "D", "api_pattern": "d", "models": [
    {"id": "night", "match": {"equals": "night"}, "prices": [{"prices": {"input_mtok": 1}},
      {"constraint": {"start_time": "16:30:00Z", "end_time": "00:30:00Z"}, "prices": {"input_mtok": 0.5}}]},
    {"id": "odd", "match": {"equals": "odd"}, "prices": {"input_mtok": {"base": 1,
      "tiers": [{"start": 1500, "price": 2}]}}},
    {"id": "back", "match": {"equals": "back"}, "prices": [{"prices": {"input_mtok": 1}},
      {"constraint": {"start_date": "2026-02-01"}, "prices": {"input_mtok": 2}},
      {"constraint": {"start_date": "2026-01-01"}, "prices": {"input_mtok": 3}}]},
    {"id": "batched", "match": {"equals": "batched"}, "prices": {"input_mtok": 1}, "price_variants": []}]}])";

meter::PriceBook book_of(const cli::ImportedPrices& imported) {
  auto book = meter::PriceBook::parse(imported.book);
  if (!book) FAIL(book.error().message);
  return std::move(*book);
}

std::string cost(const meter::PriceBook& book, std::string_view model, const meter::Usage& usage, std::int64_t at = 0) {
  const auto bill = meter::bill(book, {at}, model, {.usage = usage}, {});
  return bill ? bill->cost.to_usd() : bill.error().message;
}

}  // namespace

TEST_CASE("genai-prices' models become rows with the same prices") {
  const auto imported = cli::import_genai_prices(sample);
  REQUIRE(imported.has_value());
  const meter::PriceBook book = book_of(*imported);
  CHECK(book.version().starts_with("genai-prices:"));
  const meter::Usage used{.input_tokens = 1'000'000, .output_tokens = 1'000'000};
  CHECK(cost(book, "anthropic/claude-x", used) == "4.8");
  CHECK(cost(book, "anthropic/claude-x-latest", used) == "4.8");
  CHECK(cost(book, "anthropic/claude-x",
             {.input_tokens = 1'000'000,
              .output_tokens = 0,
              .cached_input_tokens = 500'000,
              .cache_write_tokens = 500'000,
              .cache_write_1h_tokens = 250'000,
              .web_search_calls = 2}) == "0.71");
  CHECK(book.row("anthropic/claude-x")->max_input_tokens == 200'000);
  CHECK(cost(book, "gemini/gemini-z", used) == "0.5");
  CHECK(book_of(*cli::import_genai_prices(
                    R"([{"id": "a", "models": [{"id": "m", "prices": {"input_mtok": 0.08333333333333334}}]}])"))
            .row("a/m")
            ->prices.find(meter::PriceName::input_cost_per_token)
            ->to_usd() == "0.00000008333333333333334");
  CHECK(cost(book, "vertex_ai/gemini-z", used) == "0.5");
  CHECK(cost(book, "gemini/twin", {.input_tokens = 1'000'000, .output_tokens = 0}) == "9");
  CHECK(book.find("anthropic", "claude-x-20260101") != nullptr);
}

TEST_CASE("genai-prices' thresholds and dates hold as they do there") {
  const meter::PriceBook book = book_of(*cli::import_genai_prices(sample));
  constexpr std::int64_t march = 1'773'360'000'000;     // 2026-03-13
  constexpr std::int64_t december = 1'796'083'200'000;  // 2026-12-01
  const meter::Usage small{.input_tokens = 200'000, .output_tokens = 1'000'000};
  const meter::Usage large{.input_tokens = 200'001, .output_tokens = 1'000'000};
  CHECK(cost(book, "anthropic/claude-y", small, march - 1) == "15.6");
  CHECK(cost(book, "anthropic/claude-y", large, march - 1) == "16.200006");
  CHECK(cost(book, "anthropic/claude-y", large, march) == "15.600003");
  CHECK(cost(book, "anthropic/claude-y", small, december) == "10.4");
}

TEST_CASE("what genai-prices say and a book cannot is named, and what cannot be whole is left out") {
  const auto imported = cli::import_genai_prices(sample);
  REQUIRE(imported.has_value());
  const auto left = [&imported](std::string_view text) {
    return std::ranges::any_of(imported->left, [text](const std::string& line) { return line.starts_with(text); });
  };
  CHECK(left("anthropic/claude-x: names that begin with 'claude-x'"));
  CHECK(left("anthropic/claude-x: names by a clause that is looser"));
  CHECK(left("google/gemini-z: 'input_video_mtok' is no price that is known here"));
  CHECK(left("google/gemini-z: names by a clause that is looser"));
  CHECK(left("google/twin: the name 'gemini-z', which is of google/gemini-z"));
  CHECK(left("google: models that it serves of other providers"));
  CHECK(left("deepseek/night: the model, for a price by the time of day"));
  CHECK(left("deepseek/odd: the model, for 'input_mtok' changes at 1500 tokens"));
  CHECK(left("deepseek/back: the model, for prices whose dates do not rise"));
  CHECK(left("deepseek/batched: its price_variants"));
  CHECK(imported->left.size() == 10);
  const meter::PriceBook book = book_of(*imported);
  for (const std::string_view gone : {"deepseek/night", "deepseek/odd", "deepseek/back"})
    CHECK(book.row(gone) == nullptr);
}

TEST_CASE("a file that only resembles genai-prices' is refused") {
  CHECK_FALSE(cli::is_genai_prices("{}"));
  CHECK(cli::is_genai_prices(" \n["));
  for (const std::string_view text :
       {"[", "[3]", R"([{"id": "a"}])", R"([{"id": "a", "models": {}}])", R"([{"id": "a", "models": [{"id": "m"}]}])",
        R"([{"id": "a", "models": [{"prices": {}}]}])"}) {
    CAPTURE(text);
    CHECK_FALSE(cli::import_genai_prices(text).has_value());
  }
  // A model that is not understood is left out, and said to be.
  for (const std::string_view prices :
       {"3", R"({"input_mtok": "1"})", R"({"input_mtok": -1})", R"({"input_mtok": {"base": 1}})",
        R"({"input_mtok": {"tiers": []}})", R"({"input_mtok": {"base": 1, "tiers": [{"price": 2}]}})",
        R"({"input_mtok": {"base": 1, "tiers": [{"start": 1000}]}})", R"([{}])", R"([3])",
        R"([{"prices": {}}, {"constraint": {"start_date": "soon"}, "prices": {}}])"}) {
    CAPTURE(prices);
    const auto imported =
        cli::import_genai_prices(fmt::format(R"([{{"id": "a", "models": [{{"id": "m", "prices": {}}}]}}])", prices));
    REQUIRE(imported.has_value());
    REQUIRE(imported->left.size() == 1);
    CHECK(imported->left[0].starts_with("a/m: the model, for "));
  }
}
