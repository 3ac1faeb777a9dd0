#include "meter/price_book.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>
#include <string>
#include <string_view>

using meter::PriceBook;

namespace {

std::string error_of(std::string_view json) {
  const auto book = PriceBook::parse(json);
  return book ? "none" : book.error().message;
}

base::FinePrice price_of(const PriceBook& book, std::string_view model, std::string_view key) {
  const auto* row = book.find(model);
  REQUIRE(row != nullptr);
  const auto name = meter::PriceKey::parse(key);
  REQUIRE(name.has_value());
  const auto* const found = row->prices.find(*name);
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace

TEST_CASE("prices are read from the text of their numbers") {
  const auto book = PriceBook::parse(R"({"m": {"input_cost_per_token": 2.5e-06, "output_cost_per_token": 0.00001,
    "input_cost_per_pixel": 1.9531250001E-8, "output_cost_per_image": "0.04", "ocr_cost_per_page": null,
    "input_cost_per_second": 0.0002833333333333333}})");
  REQUIRE(book.has_value());
  CHECK(price_of(*book, "m", "input_cost_per_token") ==
        base::FinePrice::from(base::Price::from_attos(2'500'000'000'000)));
  CHECK(price_of(*book, "m", "output_cost_per_token") ==
        base::FinePrice::from(base::Price::from_attos(10'000'000'000'000)));
  CHECK(price_of(*book, "m", "input_cost_per_pixel") == base::FinePrice::from(base::Price::from_attos(19'531'250'001)));
  CHECK(price_of(*book, "m", "output_cost_per_image") ==
        base::FinePrice::from(base::Price::from_attos(40'000'000'000'000'000)));
  CHECK(price_of(*book, "m", "input_cost_per_second").to_usd() == "0.0002833333333333333");
  CHECK(!book->find("m")->prices.contains(meter::PriceName::ocr_cost_per_page));
}

TEST_CASE("a range of tokens begins behind its first number, one of results with it") {
  const auto book = PriceBook::parse(R"({"m": {"tiered_pricing": [{"range": [0, 1000.0]}, {"range": [1000.0, 2000]}]},
    "s": {"tiered_pricing": [{"max_results_range": [0, 25]}, {"max_results_range": [26, 100]}]}})");
  REQUIRE(book.has_value());
  CHECK(book->find("m")->tiers[1].above == 1000);
  CHECK(book->find("m")->tiers[1].up_to == 2000);
  CHECK(book->find("s")->tiers[1].above == 25);
}

TEST_CASE("what cannot be a price is refused by its path, and no book comes of it") {
  CHECK(error_of(R"({"m": {"input_cost_per_token": "cheap"}})").starts_with("m.input_cost_per_token: 'cheap'"));
  CHECK(error_of(R"({"m": {"input_cost_per_token": -1e-06}})").find("negative price") != std::string::npos);
  CHECK(error_of(R"({"m": {"input_cost_per_token": 1e-25}})").find("finer") != std::string::npos);
  CHECK(error_of(R"({"m": 3})") == "'m' must be an object of prices");
  CHECK(error_of(R"({"m": {"tiered_pricing": [{"input_cost_per_token": 1e-06}]}})").find("'range'") !=
        std::string::npos);
  CHECK(error_of(R"({"m": {"tiered_pricing": [{"range": [0, 10]}, {"range": [5, 20]}]}})").find("must rise") !=
        std::string::npos);
  CHECK(error_of(R"({"m": {"provider_specific_entry": {"us": 1.00001}}})").find("three digits") != std::string::npos);
  CHECK(error_of(R"({"m": {"regional_processing_uplift_multiplier_eu": 0}})").find("above 0") != std::string::npos);
  CHECK(error_of("[]") == "a price book is an object of models");
  CHECK(error_of(R"({"m": {}, "m": {}})") == "'m' is given twice; keep one");
  CHECK(error_of(R"({"m": {"mode": "chat", "mode": "chat"}})") == "'m.mode' is given twice; keep one");
  CHECK(error_of(R"({"m": {"source": nothing}})").starts_with("not valid JSON"));
  CHECK(error_of(R"({"m": {}} {})").starts_with("not valid JSON"));
}

TEST_CASE("fields that are no prices are left alone, and costs that are not understood are named") {
  const auto book = PriceBook::parse(R"({"m": {"supports_vision": true, "source": "https://example.com",
    "max_tokens": 8192, "max_input_tokens": 128000.0, "max_output_tokens": "many", "off_peak_pricing": {"from": 3},
    "input_cost_per_thought": 2, "tiered_pricing": [{"range": [0, 9], "input_cost_per_thought": 1}],
    "input_cost_per_token": 1e-06}})");
  REQUIRE(book.has_value());
  const auto& row = *book->find("m");
  CHECK(row.max_input_tokens == 128'000);
  CHECK(row.max_output_tokens == 0);
  REQUIRE(row.not_billed.size() == 3);
  CHECK(row.not_billed[0].name == "input_cost_per_thought");
  CHECK(row.not_billed[0].price->to_usd() == "2");
  CHECK(row.not_billed[1] == meter::FieldNotBilled{"off_peak_pricing", std::nullopt});
  CHECK(row.not_billed[2].name == "tiered_pricing[0].input_cost_per_thought");
  CHECK(row.prices.size() == 1);
}

TEST_CASE("the built-in book has a price for nearly all of its models") {
  const PriceBook book = PriceBook::built_in();
  CHECK(book.version() == "2026-07-24");
  std::size_t priced = 0;
  std::set<std::string, std::less<>> not_billed;
  for (const auto& row : book.models()) {
    priced += row.has_a_price() ? 1 : 0;
    for (const auto& field : row.not_billed) not_billed.insert(field.name);
  }
  CHECK(priced > 2700);
  // What is new in a newer table stands here until somebody knows whether and how it is billed.
  CHECK(not_billed == std::set<std::string, std::less<>>{
                          "cache_creation_input_audio_token_cost", "input_cost_per_video_per_second_above_15s_interval",
                          "input_cost_per_video_per_second_above_8s_interval", "input_dbu_cost_per_token",
                          "output_cost_per_character", "output_cost_per_character_above_128k_tokens",
                          "output_dbu_cost_per_token"});
  const auto& gpt = *book.find("openai", "gpt-4o");
  CHECK(price_of(book, "gpt-4o", "input_cost_per_token").to_usd() == "0.0000025");
  CHECK(price_of(book, "gpt-4o", "output_cost_per_token").to_usd() == "0.00001");
  CHECK(gpt.max_output_tokens == 16'384);
  CHECK(gpt.max_input_tokens == 128'000);
}

TEST_CASE("a book says its version, and a table without one is known by its bytes") {
  CHECK(PriceBook::parse(R"({"version": "v7", "models": {"m": {}}})")->version() == "v7");
  const auto bare = PriceBook::parse(R"({"m": {}})");
  // printf '%s' '{"m": {}}' | sha256sum
  CHECK(bare->version() == "sha256:856eefc88f4e");
  CHECK(bare->row("m") != nullptr);
  CHECK(PriceBook::parse(R"({"m":  {}})")->version() != bare->version());
  CHECK(error_of(R"({"models": {}})") == "'version' is missing: every usage record names it");
  CHECK(error_of(R"({"version": "1"})") == "'models' is missing: it has the prices by model");
  CHECK(error_of(R"({"version": "1", "models": []})") == "'models' must be an object of prices by model");
  CHECK(error_of(R"({"version": {}, "models": {}})").starts_with("'version' must be a text"));
  CHECK(error_of(R"({"version": "1", "models": {}, "m": {}})").starts_with("'m' stands beside"));
  CHECK(error_of(R"({"version": "1", "models": {}, "models": {}})") == "'models' is given twice; keep one");
  CHECK(error_of("") != "none");
}

TEST_CASE("a model is found by its exact name or without its date, at its provider") {
  const auto book = PriceBook::parse(R"({"gpt-4o": {}, "gpt-4o-2024-05-13": {}, "claude": {}, "gpt-4": {},
    "azure/gpt-4o": {"litellm_provider": "azure"}, "azure/gpt-5": {"litellm_provider": "azure"},
    "o1": {"litellm_provider": "openai"}, "gemini-2": {"litellm_provider": "vertex_ai-language-models"},
    "a-b": {"litellm_provider": "a"}})");
  REQUIRE(book.has_value());
  struct Row {
    const char* provider;
    const char* asked;
    const char* found;
  };
  for (const Row& row : {
           Row{"openai", "gpt-4o", "gpt-4o"},
           Row{"openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"},
           Row{"openai", "gpt-4o-2024-08-06", "gpt-4o"},
           Row{"openai", "gpt-4-0613", "gpt-4"},
           Row{"", "claude-20241022", "claude"},
           Row{"", "claude@20240620", "claude"},
           Row{"", "claude@2024-06-20", "claude"},
           Row{"azure", "gpt-4o", "azure/gpt-4o"},
           Row{"azure", "gpt-4o-2024-08-06", "azure/gpt-4o"},
           Row{"azure", "gpt-5", "azure/gpt-5"},
           Row{"openai", "gpt-5", "none"},
           Row{"openai", "o1-2024-12-17", "o1"},
           Row{"azure", "o1", "none"},
           Row{"", "o1", "none"},
           Row{"vertex_ai", "gemini-2", "gemini-2"},
           Row{"vertex_a", "gemini-2", "none"},
           Row{"openai", "gpt-4o-mini", "none"},
           Row{"openai", "GPT-4o", "none"},
           Row{"openai", "openai/gpt-4o", "none"},
           Row{"openai", "gpt-4-1399", "none"},  // no day of a month: a size or a version
           Row{"openai", "gpt-4o-2024-13-01", "none"},
           Row{"openai", "gpt-4o-1924-08-06", "none"},
           Row{"openai", "gpt-4@0613", "none"},
           Row{"openai", "gpt-4o-2024-08-06-2024-08-06", "none"},
           Row{"openai", "-0613", "none"},
           Row{"openai", "", "none"},
       }) {
    CAPTURE(row.provider);
    CAPTURE(row.asked);
    const auto* found = book->find(row.provider, row.asked);
    CHECK((found == nullptr ? "none" : found->name) == row.found);
  }
  CHECK(book->find("o1")->name == "o1");  // whoever serves it
  CHECK(book->find("azure/gpt-4o-2024-08-06")->name == "azure/gpt-4o");
  CHECK(book->find("openai/o1")->name == "o1");
  CHECK(book->find("azure/o1") == nullptr);
}

TEST_CASE("an own row stands for its model with any provider, and for its snapshots of the same price") {
  auto listed = PriceBook::parse(R"({"version": "1", "models": {
    "m": {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "input_cost_per_token_priority": 2e-6},
    "m-2024-08-06": {"litellm_provider": "openai", "input_cost_per_token": 1e-6},
    "m-2024-05-13": {"litellm_provider": "openai", "input_cost_per_token": 2e-6},
    "azure/m": {"litellm_provider": "azure", "input_cost_per_token": 3e-6},
    "azure/m-2024-08-06": {"litellm_provider": "azure", "input_cost_per_token": 3e-6},
    "1024-x-1024/m": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_image": 0.1},
    "gateway/openai/m": {"litellm_provider": "gateway", "input_cost_per_token": 4e-6},
    "other-m": {"litellm_provider": "openai", "input_cost_per_token": 5e-6}}})");
  REQUIRE(listed.has_value());
  const PriceBook book = std::move(*listed).with({{.name = "m", .max_output_tokens = 7}}, "2");
  CHECK(book.version() == "2");
  for (const std::string_view provider : {"openai", "azure", "groq"}) {
    CAPTURE(provider);
    CHECK(book.find(provider, "m")->max_output_tokens == 7);
    CHECK(book.find(provider, "m-2024-08-06")->max_output_tokens == 7);
  }
  CHECK(book.row("1024-x-1024/m") == nullptr);
  CHECK(book.find("openai", "m-2024-05-13")->name == "m-2024-05-13");
  CHECK(book.find("gateway", "openai/m")->name == "gateway/openai/m");
  CHECK(book.find("openai", "other-m")->name == "other-m");
  CHECK(book.models().size() == 4);
}

namespace {

constexpr std::string_view dated = R"({"m": {"input_cost_per_token": 1, "output_cost_per_token": 9,
  "max_output_tokens": 7, "litellm_provider": "openai", "effective": [
    {"from": "2026-12-01", "input_cost_per_token": 2, "max_output_tokens": 8, "provider_specific_entry": {"us": 1.1}},
    {"from": "2027-01-01T08:00:00+02:00", "tiered_pricing": [{"range": [0, 10], "input_cost_per_token": 3}]}]},
  "plain": {"input_cost_per_token": 1}})";

constexpr std::int64_t december = 1'796'083'200'000;        // 2026-12-01T00:00:00Z
constexpr std::int64_t january_at_six = 1'798'783'200'000;  // 2027-01-01T06:00:00Z

std::string effective_error(std::string_view successors) {
  return error_of(fmt::format(R"({{"m": {{"input_cost_per_token": 1, "effective": {}}}}})", successors));
}

}  // namespace

TEST_CASE("a row's successors hold from their moment on, whole") {
  const auto book = PriceBook::parse(dated);
  REQUIRE(book.has_value());
  const meter::PricedModel* const row = book->find("openai", "m-2026-01-02");
  REQUIRE(row != nullptr);
  CHECK(&row->at({0}) == row);
  CHECK(&row->at({december - 1}) == row);
  const meter::PricedModel& second = row->at({december});
  CHECK(&row->at({january_at_six - 1}) == &second);
  const meter::PricedModel& third = row->at({january_at_six});
  CHECK(&row->at({INT64_MAX}) == &third);

  CHECK(second.prices.find(meter::PriceName::input_cost_per_token)->to_usd() == "2");
  CHECK(!second.prices.contains(meter::PriceName::output_cost_per_token));  // nothing is left of the row's
  CHECK(second.factor("us").has_value());
  CHECK(second.max_output_tokens == 8);
  CHECK(third.prices.begin() == third.prices.end());
  REQUIRE(third.tiers.size() == 1);
  CHECK(third.max_output_tokens == 7);
  CHECK(third.provider == "openai");
  CHECK(third.name == "m");
  const meter::PricedModel& plain = *book->find("plain");
  CHECK(&plain.at({december}) == &plain);
}

TEST_CASE("later prices are read strictly") {
  CHECK(effective_error("{}") == "'m.effective' must be a list of later prices, each with its 'from'");
  CHECK(effective_error("[3]") == "'m.effective[0]' must be an object of prices");
  CHECK(effective_error("[{}]") == "'m.effective[0].from' is missing: it is the date from which on these prices hold");
  CHECK(
      effective_error(R"([{"from": "2026-13-01"}])").starts_with("'m.effective[0].from' is '2026-13-01': it must be"));
  CHECK(effective_error(R"([{"from": 20261201}])").starts_with("'m.effective[0].from' is '20261201'"));
  CHECK(effective_error(R"([{"from": "2026-12-01", "from": "2026-12-02"}])").ends_with("is given twice; keep one"));
  const std::string unordered = effective_error(R"([{"from": "2026-12-02"}, {"from": "2026-12-01"}])");
  CHECK(unordered ==
        "'m.effective[1].from' is 2026-12-01T00:00:00.000Z, which is not after the one before it: the dates must rise");
  CHECK(effective_error(R"([{"from": "2026-12-01"}, {"from": "2026-12-01T00:00:00Z"}])").ends_with("must rise"));
  for (const std::string_view field : {R"("mode": "chat")", R"("litellm_provider": "p")", R"("effective": [])",
                                       R"("until": "2027-01-01")", R"("input_price": 1)", R"("supports_vision": true)"})
    CHECK(effective_error(fmt::format(R"([{{"from": "2026-12-01", {}}}])", field)).contains("is not known here"));
  CHECK(effective_error(R"([{"from": "2026-12-01", "input_cost_per_token": -1}])")
            .starts_with("m.effective[0].input_cost_per_token: "));
  CHECK(effective_error(R"([{"from": "2026-12-01", "max_output_tokens": "many"}])").contains("must be a whole number"));
  CHECK(error_of(R"({"m": {"effective_date": "2026-12-01"}})") ==
        "'m.effective_date' is not known: later prices stand in 'effective'");
}

TEST_CASE("a snapshot that will cost something else than its model keeps its row beside an operator's own") {
  const auto with_own = [](std::string_view snapshot) {
    auto book = PriceBook::parse(fmt::format(
        R"({{"m": {{"input_cost_per_token": 1, "effective": [{{"from": "2026-12-01", "input_cost_per_token": 2}}]}},
             "m-2026-01-02": {{"input_cost_per_token": 1{}}}}})",
        snapshot));
    REQUIRE(book.has_value());
    return std::move(*book).with({meter::PricedModel{.name = "m"}}, "own").row("m-2026-01-02") != nullptr;
  };
  CHECK(with_own(""));
  CHECK(with_own(R"(, "effective": [{"from": "2026-12-02", "input_cost_per_token": 2}])"));
  CHECK_FALSE(with_own(R"(, "effective": [{"from": "2026-12-01", "input_cost_per_token": 2}])"));
}
