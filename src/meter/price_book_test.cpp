#include "meter/price_book.h"

#include <doctest/doctest.h>

#include <algorithm>

using base::Money;
using base::Price;
using meter::Audio;
using meter::ModelPrice;
using meter::PriceBook;
using meter::ServiceTier;
using meter::Usage;

namespace {

// Prices whose decimal digits tell them apart in a sum: per million tokens in a book of one model.
const PriceBook& book() {
  static const PriceBook book = PriceBook::parse(R"({"version": "2026-01-01", "models": {
    "plain":  {"input": "2", "output": "10", "max_output_tokens": 100},
    "cached": {"input": "2", "output": "10", "cached_input": "0.5", "cache_write": "2.5", "max_output_tokens": 100,
               "flex": {"input": "1", "output": "5", "cached_input": "0.25"},
               "priority": {"input": "4", "output": "20"}},
    "audio":  {"input": 2, "output": 10, "audio_input": "40", "audio_output": "80", "max_output_tokens": 100},
    "long":   {"input": "2", "output": "10", "cached_input": "0.5", "max_output_tokens": 100,
               "priority": {"input": "5", "output": "12"},
               "long_context": {"above_input_tokens": 1000, "input": "4", "output": "15", "cached_input": "1"}},
    "sliver": {"input": "0.000000000001", "output": "0.0004", "max_output_tokens": 100, "max_input_tokens": 7}
  }})")
                                    .value();
  return book;
}

const ModelPrice& model(std::string_view name) {
  const ModelPrice* found = book().find(name);
  REQUIRE(found != nullptr);
  return *found;
}

Usage tokens(std::int64_t input, std::int64_t output) { return Usage{.input_tokens = input, .output_tokens = output}; }
Usage with_cache(Usage usage, std::int64_t cached, std::int64_t written = 0) {
  usage.cached_input_tokens = cached;
  usage.cache_write_tokens = written;
  return usage;
}
Usage with_audio(Usage usage, std::int64_t input, std::int64_t output) {
  usage.audio_input_tokens = input;
  usage.audio_output_tokens = output;
  return usage;
}

constexpr auto standard = ServiceTier::standard;

}  // namespace

TEST_CASE("a usage costs the sum of its classes") {
  struct Row {
    const char* why;
    const char* model;
    Usage usage;
    ServiceTier tier;
    std::int64_t nanos;  // a token at $1 per million costs 1000
  };
  for (const Row& row : {
           Row{"text", "plain", tokens(100, 10), standard, 200'000 + 100'000},
           Row{"nothing used", "plain", tokens(0, 0), standard, 0},
           Row{"no price for cached input: the input price", "plain", with_cache(tokens(100, 0), 40), standard,
               200'000},
           Row{"cached input", "cached", with_cache(tokens(100, 0), 40), standard, 120'000 + 20'000},
           Row{"cache write", "cached", with_cache(tokens(100, 0), 40, 50), standard, 20'000 + 20'000 + 125'000},
           Row{"flex", "cached", with_cache(tokens(100, 10), 40), ServiceTier::flex, 60'000 + 10'000 + 50'000},
           Row{"priority, whose cache has no price", "cached", with_cache(tokens(100, 10), 40), ServiceTier::priority,
               400'000 + 200'000},
           Row{"flex where there is none: standard", "plain", tokens(100, 0), ServiceTier::flex, 200'000},
           Row{"audio in and out", "audio", with_audio(tokens(100, 10), 60, 4), standard,
               80'000 + 2'400'000 + 60'000 + 320'000},
           Row{"at the threshold", "long", tokens(1000, 10), standard, 2'000'000 + 100'000},
           Row{"above it, all tokens", "long", with_cache(tokens(1001, 10), 1), standard, 4'000'000 + 1'000 + 150'000},
           Row{"above it at priority: the dearer of each", "long", tokens(1001, 10), ServiceTier::priority,
               5'005'000 + 150'000},
           Row{"rounded once, upward", "sliver", tokens(1, 3), standard, 2},
       }) {
    CAPTURE(row.why);
    const auto cost = model(row.model).cost(row.usage, row.tier);
    REQUIRE(cost.has_value());
    CHECK(cost->nanos() == row.nanos);
  }
}

TEST_CASE("what is unknown or has no price has no cost") {
  Usage no_input = tokens(1, 1);
  no_input.input_tokens.reset();
  Usage no_output = tokens(1, 1);
  no_output.output_tokens.reset();
  struct Row {
    const char* why;
    const char* model;
    Usage usage;
    ServiceTier tier = standard;
  };
  for (const Row& row : {
           Row{"input is unknown", "plain", no_input},
           Row{"output is unknown", "plain", no_output},
           Row{"audio input without a price", "plain", with_audio(tokens(10, 10), 1, 0)},
           Row{"audio output without a price", "plain", with_audio(tokens(10, 10), 0, 1)},
           Row{"an audio model's usage that does not say how much was audio", "audio", tokens(10, 10)},
           Row{"priority without a price", "plain", tokens(10, 10), ServiceTier::priority},
           Row{"a negative count", "plain", tokens(-1, 10)},
           Row{"a count that nobody means", "plain", tokens(INT64_MAX, 10)},
       }) {
    CAPTURE(row.why);
    CHECK_FALSE(model(row.model).cost(row.usage, row.tier).has_value());
  }
}

TEST_CASE("a contradictory usage never costs less than its classes or its total") {
  struct Row {
    const char* why;
    const char* model;
    Usage usage;
    std::int64_t nanos;
  };
  for (const Row& row : {
           Row{"more cached than input", "cached", with_cache(tokens(100, 0), 150), 300'000},
           Row{"cached and written are the same tokens", "cached", with_cache(tokens(100, 0), 100, 100), 450'000},
           Row{"more audio than input", "audio", with_audio(tokens(10, 0), 20, 0), 800'000},
           Row{"more audio than output", "audio", with_audio(tokens(0, 10), 0, 20), 1'600'000},
       }) {
    CAPTURE(row.why);
    CHECK(model(row.model).cost(row.usage, standard)->nanos() == row.nanos);
  }
}

TEST_CASE("the worst cost takes the dearest class that may apply") {
  struct Row {
    const char* why;
    const char* model;
    std::int64_t input;
    std::int64_t output;
    ServiceTier tier;
    Audio audio;
    std::int64_t nanos;
  };
  for (const Row& row : {
           Row{"text", "plain", 100, 10, standard, Audio::possible, 300'000},
           Row{"all input written to the cache", "cached", 100, 10, standard, Audio::none, 350'000},
           Row{"priority", "cached", 100, 10, ServiceTier::priority, Audio::none, 600'000},
           Row{"audio", "audio", 100, 10, standard, Audio::possible, 4'800'000},
           Row{"no audio in it", "audio", 100, 10, standard, Audio::none, 300'000},
           Row{"above the threshold", "long", 1001, 10, standard, Audio::none, 4'154'000},
           Row{"a tier without a price", "plain", 1, 1, ServiceTier::priority, Audio::none, INT64_MAX},
       }) {
    CAPTURE(row.why);
    CHECK(model(row.model).worst_cost(row.input, row.output, row.tier, row.audio).nanos() == row.nanos);
  }
}

TEST_CASE("the affordable output is the largest that the money pays for") {
  for (const auto& [name, price] : book().models()) {
    for (const std::int64_t input : {0, 1, 7, 999, 1000, 1001}) {
      for (const std::int64_t nanos :
           std::initializer_list<std::int64_t>{0, 1, 1'999, 200'000, 1'234'567, 9'000'000'000}) {
        CAPTURE(name);
        CAPTURE(input);
        CAPTURE(nanos);
        const Money money = Money::from_nanos(nanos);
        const std::int64_t output = price.affordable_output(money, input, standard);
        if (output < 0) {
          CHECK(price.worst_cost(input, 0, standard) > money);
        } else {
          CHECK(price.worst_cost(input, output, standard) <= money);
          CHECK(price.worst_cost(input, output + 1, standard) > money);
        }
      }
    }
  }
  CHECK(model("plain").affordable_output(Money::from_nanos(-1), 0, standard) == -1);
  CHECK(model("plain").affordable_output(Money::max(), 0, ServiceTier::priority) == -1);
}

TEST_CASE("a model is found by its exact name or without its date") {
  const auto dated = PriceBook::parse(R"({"version": "1", "models": {
    "gpt-4o": {"input": 1, "output": 1, "max_output_tokens": 1},
    "gpt-4o-2024-05-13": {"input": 2, "output": 2, "max_output_tokens": 1},
    "claude": {"input": 1, "output": 1, "max_output_tokens": 1},
    "gpt-4": {"input": 1, "output": 1, "max_output_tokens": 1}}})")
                         .value();
  struct Row {
    const char* asked;
    const char* found;  // nullptr: none
  };
  for (const Row& row : {
           Row{"gpt-4o", "gpt-4o"},
           Row{"gpt-4o-2024-05-13", "gpt-4o-2024-05-13"},
           Row{"gpt-4o-2024-08-06", "gpt-4o"},
           Row{"gpt-4-0613", "gpt-4"},
           Row{"claude-20241022", "claude"},
           Row{"claude@20240620", "claude"},
           Row{"claude@2024-06-20", "claude"},
           Row{"gpt-4o-mini", nullptr},
           Row{"GPT-4o", nullptr},
           Row{"openai/gpt-4o", nullptr},
           Row{"gpt-4-1399", nullptr},  // no day of a month: a size or a version
           Row{"gpt-4o-2024-13-01", nullptr},
           Row{"gpt-4o-1924-08-06", nullptr},
           Row{"gpt-4@0613", nullptr},
           Row{"gpt-4o-2024-08-06-2024-08-06", nullptr},
           Row{"-0613", nullptr},
           Row{"", nullptr},
       }) {
    CAPTURE(row.asked);
    const ModelPrice* found = dated.find(row.asked);
    CHECK((found == nullptr ? "none" : found->model) == (row.found == nullptr ? "none" : row.found));
  }
}

TEST_CASE("a book that is not certain is refused with the place of the mistake") {
  struct Row {
    const char* models;
    const char* field;
    const char* says;
  };
  for (const Row& row : {
           Row{R"({"m": {"output": 1, "max_output_tokens": 1}})", "models.m.input", "missing"},
           Row{R"({"m": {"input": 1, "max_output_tokens": 1}})", "models.m.output", "missing"},
           Row{R"({"m": {"input": 1, "output": 1}})", "models.m.max_output_tokens", "1 or more"},
           Row{R"({"m": {"input": 1, "output": 1, "max_output_tokens": 0}})", "models.m.max_output_tokens",
               "1 or more"},
           Row{R"({"m": {"input": 1, "output": 1, "max_output_tokens": 1, "cachd_input": 1}})", "models.m.cachd_input",
               "did you mean 'cached_input'"},
           Row{R"({"m": {"input": "-1", "output": 1, "max_output_tokens": 1}})", "models.m.input", "negative"},
           Row{R"({"m": {"input": "cheap", "output": 1, "max_output_tokens": 1}})", "models.m.input", "not an amount"},
           Row{R"({"m": {"input": "1e-13", "output": 1, "max_output_tokens": 1}})", "models.m.input", "finer"},
           Row{R"({"m": {"input": 1, "output": 1, "max_output_tokens": 1, "flex": {"input": 1}}})",
               "models.m.flex.output", "missing"},
           Row{R"({"m": {"input": 1, "output": 1, "max_output_tokens": 1, "long_context": {"input": 1, "output": 1}}})",
               "models.m.long_context.above_input_tokens", "1 or more"},
           Row{R"({"m": 3})", "models.m", "object"},
           Row{R"([])", "models", "object"},
       }) {
    CAPTURE(row.models);
    const auto parsed = PriceBook::parse(std::string(R"({"version": "1", "models": )") + row.models + "}");
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().field == row.field);
    CHECK(parsed.error().message.find(row.says) != std::string::npos);
  }
  CHECK_FALSE(PriceBook::parse(R"({"models": {}})").has_value());
  CHECK_FALSE(PriceBook::parse(R"({"version": "1", "models": {}, "model": {}})").has_value());
  CHECK_FALSE(PriceBook::parse("").has_value());
}

TEST_CASE("the built-in book holds OpenAI's chat models with their dated prices") {
  const PriceBook& built_in = PriceBook::built_in();
  CHECK(built_in.version() == "2026-07-24");
  CHECK(built_in.models().size() >= 80);
  const ModelPrice* gpt = built_in.find("gpt-4o");
  REQUIRE(gpt != nullptr);
  CHECK(gpt->standard.input == *Price::parse_usd("2.5e-06"));
  CHECK(gpt->standard.output == *Price::parse_usd("1e-05"));
  CHECK(gpt->standard.cached_input == *Price::parse_usd("1.25e-06"));
  CHECK(gpt->max_output_tokens == 16'384);
  // A search fee is no token price, so a model that always searches has no price at all.
  CHECK(std::ranges::none_of(built_in.models(), [](const auto& entry) { return entry.first.contains("-search-"); }));
  // From traffic/price_examples.json (decimal arithmetic): cache writes and long prompts are not billed as plain input.
  CHECK(built_in.find("gpt-5.6")->standard.cache_write == *Price::parse_usd("6.25e-06"));
  CHECK(built_in.find("gpt-5.4")->long_context->above_input_tokens == 272'000);
}

TEST_CASE("the tier that was served decides, and an unknown one is the dearest") {
  struct Row {
    const char* name;
    ServiceTier tier;
  };
  for (const Row& row : {Row{"default", standard}, Row{"auto", standard}, Row{"scale", standard},
                         Row{"on_demand", standard}, Row{"flex", ServiceTier::flex},
                         Row{"priority", ServiceTier::priority}, Row{"ultrafast", ServiceTier::priority}}) {
    CAPTURE(row.name);
    CHECK(meter::service_tier_from(row.name) == row.tier);
  }
  CHECK_FALSE(meter::known_service_tier("ultrafast").has_value());
}
