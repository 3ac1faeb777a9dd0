#include "meter/price_key.h"

#include <doctest/doctest.h>

#include <string_view>

using meter::PriceFor;
using meter::PriceKey;
using meter::PriceName;

TEST_CASE("a price's name says what it is for, above which size, and how the call is served") {
  CHECK(PriceKey::parse("input_cost_per_token") == PriceKey(PriceName::input_cost_per_token));
  CHECK(PriceKey::parse("output_cost_per_token_batches") ==
        PriceKey(PriceName::output_cost_per_token, 0, PriceFor::batches));
  CHECK(PriceKey::parse("cache_read_input_token_cost_above_272k_tokens_priority") ==
        PriceKey(PriceName::cache_read_input_token_cost, 272, PriceFor::priority));
  CHECK(PriceKey::parse("cache_creation_input_token_cost_above_1hr_above_200k_tokens") ==
        PriceKey(PriceName::cache_creation_input_token_cost_above_1hr, 200));
  CHECK(PriceKey::parse("output_cost_per_second_1080p") ==
        PriceKey(PriceName::output_cost_per_second, 0, PriceFor::p1080));
  const PriceKey key(PriceName::ocr_cost_per_page, 7, PriceFor::flex);
  CHECK(key.name() == PriceName::ocr_cost_per_page);
  CHECK(key.above_thousands() == 7);
  CHECK(key.served() == PriceFor::flex);
}

TEST_CASE("a price's name is written as it was read") {
  for (const std::string_view text :
       {"input_cost_per_token", "output_cost_per_token_above_200k_tokens_flex", "cache_creation_input_token_cost",
        "cache_creation_input_token_cost_above_1hr_above_200k_tokens", "output_cost_per_video_per_second_4k",
        "search_context_cost_per_query.search_context_size_medium", "code_interpreter_cost_per_session"}) {
    CAPTURE(text);
    const auto key = PriceKey::parse(text);
    REQUIRE(key.has_value());
    CHECK(key->text() == text);
  }
}

TEST_CASE("a name that resembles a price is none") {
  for (const std::string_view text :
       {"", "input_cost_per_tokens", "input_cost_per_token_", "_flex", "input_cost_per_token_above_k_tokens",
        "input_cost_per_token_above_0k_tokens", "input_cost_per_token_above_-1k_tokens",
        "input_cost_per_token_above_1048576k_tokens", "input_cost_per_token_above_8s_interval",
        "input_cost_per_token_1080p", "output_cost_per_second_above_1k_tokens_720p", "output_cost_per_second_360p",
        "input_cost_per_token_flex_priority", "web search without a price of its own",
        "search_context_cost_per_query.search_context_size_low_flex", "search_context_cost_per_query.tiny"}) {
    CAPTURE(text);
    CHECK(!PriceKey::parse(text));
  }
}
