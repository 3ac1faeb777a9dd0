#include "meter/bill.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "base/json.h"
#include "meter/bill_request.h"

using meter::PriceBook;

namespace {

// Prices are round numbers of dollars per million, so that sums can be done in the head.
constexpr std::string_view rows = R"({
  "plain": {"litellm_provider": "p", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
  "cache": {"litellm_provider": "p", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
    "cache_read_input_token_cost": 1e-07, "cache_creation_input_token_cost": 1.25e-06,
    "cache_creation_input_token_cost_above_1hr": 2e-06},
  "old-cache": {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
    "input_cost_per_token_cache_hit": 1e-07},
  "free-cache": {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, "cache_read_input_token_cost": 0.0},
  "long": {"litellm_provider": "p", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
    "cache_read_input_token_cost": 1e-07, "output_cost_per_reasoning_token": 5e-06,
    "input_cost_per_token_above_128k_tokens": 2e-06, "output_cost_per_token_above_128k_tokens": 4e-06,
    "input_cost_per_token_above_256k_tokens": 3e-06},
  "long-x": {"litellm_provider": "xai", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
    "input_cost_per_token_above_128k_tokens": 2e-06, "output_cost_per_token_above_128k_tokens": 4e-06},
  "tiers": {"litellm_provider": "p", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
    "cache_read_input_token_cost": 1e-07, "output_cost_per_reasoning_token": 3e-06,
    "input_cost_per_token_flex": 5e-07, "output_cost_per_token_flex": 1e-06,
    "cache_read_input_token_cost_flex": 5e-08,
    "input_cost_per_token_priority": 4e-06, "output_cost_per_token_priority": 8e-06,
    "input_cost_per_token_above_200k_tokens": 2e-06, "output_cost_per_token_above_200k_tokens": 4e-06,
    "input_cost_per_token_above_200k_tokens_priority": 6e-06},
  "batched": {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, "cache_read_input_token_cost": 1e-07,
    "input_cost_per_token_batches": 4e-07, "output_cost_per_token_batches": 9e-07},
  "audio": {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, "input_cost_per_audio_token": 1e-05,
    "output_cost_per_audio_token": 2e-05, "cache_read_input_token_cost": 1e-07,
    "cache_read_input_audio_token_cost": 3e-07},
  "image-only": {"input_cost_per_token": 1e-06, "output_cost_per_image_token": 4e-05},
  "stepped": {"tiered_pricing": [
    {"range": [0, 1000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
    "cache_read_input_token_cost": 1e-07},
    {"range": [1000.0, 2000.0], "input_cost_per_token": 2e-06, "output_cost_per_token": 4e-06,
     "output_cost_per_reasoning_token": 8e-06}]},
  "found": {"mode": "search", "tiered_pricing": [
    {"max_results_range": [0, 25], "input_cost_per_query": 5e-03}, {"max_results_range": [26, 100],
    "input_cost_per_query": 25e-03}]},
  "claude": {"litellm_provider": "anthropic", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
    "cache_read_input_token_cost": 1e-07,
    "provider_specific_entry": {"us": 1.1, "fast": 6.0, "schema": "x"},
    "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.02,
    "search_context_size_high": 0.03}},
  "resident": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
    "regional_processing_uplift_multiplier_eu": 1.1,
    "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.02,
    "search_context_size_high": 0.03}},
  "pplx": {"litellm_provider": "perplexity", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
    "citation_cost_per_token": 3e-06, "input_cost_per_request": 0.005,
    "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.02,
    "search_context_size_high": 0.03}},
  "gemini/g": {"litellm_provider": "gemini", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
  "rerank": {"mode": "rerank", "input_cost_per_query": 0.002, "input_cost_per_token": 0.0,
    "output_cost_per_token": 0.0},
  "speech": {"mode": "audio_speech", "input_cost_per_character": 1.5e-05},
  "whisper": {"mode": "audio_transcription", "input_cost_per_second": 1e-04, "output_cost_per_second": 1e-04},
  "listen": {"mode": "audio_transcription", "input_cost_per_second": 3.333e-05, "output_cost_per_second": 0.0},
  "draw": {"mode": "image_generation", "output_cost_per_image": 0.04, "input_cost_per_image": 0.001},
  "1024-x-1024/paint": {"mode": "image_generation", "input_cost_per_pixel": 1e-08},
  "hd/1024-x-1024/paint": {"mode": "image_generation", "input_cost_per_image": 0.08},
  "azure/1024-x-1024/paint": {"mode": "image_generation", "input_cost_per_image": 0.05},
  "film": {"mode": "video_generation", "output_cost_per_second": 0.05, "output_cost_per_second_1080p": 0.08},
  "read": {"mode": "ocr", "ocr_cost_per_page": 0.004, "annotation_cost_per_page": 0.005},
  "periodic": {"input_cost_per_second": 0.0002833333333333333},
  "credits": {"mode": "ocr", "ocr_cost_per_credit": 0.015},
  "container": {"code_interpreter_cost_per_session": 0.03, "file_search_cost_per_1k_calls": 2.5},
  "free": {"input_cost_per_token": 0.0, "output_cost_per_token": 0},
  "fine": {"input_cost_per_token": 1e-12, "output_cost_per_token": 1e-12},
  "gpt-9": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
  "sample_spec": {"input_cost_per_token": "a word"}
})";

const PriceBook& book() {
  static const PriceBook parsed = [] {
    auto read = PriceBook::parse(rows);
    if (!read) FAIL(read.error().message);
    return std::move(*read);
  }();
  return parsed;
}

base::Result<meter::Bill> bill_of(std::string_view model, std::string_view usage, std::string_view options = "{}") {
  TRY(const auto usage_json, base::Json::parse(usage));
  TRY(const auto options_json, base::Json::parse(options));
  TRY(const auto quantities, meter::read_quantities(usage_json));
  TRY(const auto service, meter::read_service(options_json));
  return meter::bill(book(), {}, model, quantities, service);
}

// The cost in dollars, or what was wrong.
std::string cost(std::string_view model, std::string_view usage, std::string_view options = "{}") {
  const auto bill = bill_of(model, usage, options);
  return bill ? bill->cost.to_usd() : bill.error().message;
}

bool refused(std::string_view model, std::string_view usage, base::ErrorType type) {
  const auto bill = bill_of(model, usage);
  return !bill && bill.error().type == type;
}

}  // namespace

TEST_CASE("input and output cost their prices") {
  CHECK(cost("plain", R"({"input_tokens": 1000, "output_tokens": 500})") == "0.002");
  CHECK(cost("plain", R"({"input_tokens": 1000})") == "0.001");
  CHECK(cost("plain", R"({"input_tokens": 1000, "output_tokens": 500, "reasoning_tokens": 400})") == "0.002");
}

TEST_CASE("a cost is rounded up to the nano-dollar, once") {
  CHECK(cost("fine", R"({"input_tokens": 1000, "output_tokens": 0})") == "0.000000001");
  CHECK(cost("fine", R"({"input_tokens": 1001, "output_tokens": 0})") == "0.000000002");
  CHECK(cost("fine", R"({"input_tokens": 1, "output_tokens": 1})") == "0.000000001");
  CHECK(cost("fine", R"({"input_tokens": 0, "output_tokens": 0})") == "0");
}

TEST_CASE("cached and written tokens cost their own prices, by how long they are kept") {
  CHECK(cost("cache", R"({"input_tokens": 1000, "cached_input_tokens": 400})") == "0.00064");
  CHECK(cost("cache", R"({"input_tokens": 1000, "cache_write_tokens": 400})") == "0.0011");
  CHECK(cost("cache", R"({"input_tokens": 1000, "cache_write_tokens": 400, "cache_write_1h_tokens": 100})") ==
        "0.001175");
  CHECK(cost("cache", R"({"input_tokens": 1000, "cache_write_5m_tokens": 300, "cache_write_1h_tokens": 100})") ==
        "0.001175");
  CHECK(cost("old-cache", R"({"input_tokens": 1000, "cached_input_tokens": 400})") == "0.00064");
}

TEST_CASE("without a price of its own, what is cached or written costs what input costs") {
  CHECK(cost("plain", R"({"input_tokens": 1000, "cached_input_tokens": 400})") == "0.001");
  CHECK(cost("plain", R"({"input_tokens": 1000, "cache_write_tokens": 400, "cache_write_1h_tokens": 100})") == "0.001");
  CHECK(cost("free-cache", R"({"input_tokens": 1000, "cached_input_tokens": 400})") == "0.001");
}

TEST_CASE("more in the cache than in all loses the discount") {
  CHECK(cost("cache", R"({"input_tokens": 100, "cached_input_tokens": 400})") == "0.0004");
}

TEST_CASE("above a threshold all tokens cost its prices, and its prices only") {
  CHECK(cost("long", R"({"input_tokens": 128000, "output_tokens": 100})") == "0.1282");
  CHECK(cost("long", R"({"input_tokens": 128001, "output_tokens": 100})") == "0.256402");
  // The highest that was passed has no price for output: then the ordinary one holds.
  CHECK(cost("long", R"({"input_tokens": 256001, "output_tokens": 100})") == "0.768203");
  CHECK(cost("long", R"({"input_tokens": 128001, "cached_input_tokens": 128000})") == "0.012802");
  CHECK(cost("long-x", R"({"input_tokens": 127999})") == "0.127999");
  CHECK(cost("long-x", R"({"input_tokens": 128000})") == "0.256");
}

TEST_CASE("reasoning has a price of its own only where output has its ordinary one") {
  CHECK(cost("long", R"({"input_tokens": 0, "output_tokens": 100, "reasoning_tokens": 60})") == "0.00038");
  CHECK(cost("long", R"({"input_tokens": 128001, "output_tokens": 100, "reasoning_tokens": 60})") == "0.256402");
  CHECK(cost("tiers", R"({"output_tokens": 100, "reasoning_tokens": 60})", R"({"service_tier": "priority"})") ==
        "0.0008");
}

TEST_CASE("a service tier has its prices, and the ordinary ones where it has none") {
  constexpr std::string_view usage = R"({"input_tokens": 1000, "output_tokens": 100, "cached_input_tokens": 500})";
  CHECK(cost("tiers", usage) == "0.00075");
  CHECK(cost("tiers", usage, R"({"service_tier": "default"})") == "0.00075");
  CHECK(cost("tiers", usage, R"({"service_tier": "flex"})") == "0.000375");
  CHECK(cost("tiers", usage, R"({"service_tier": "priority"})") == "0.00285");
  CHECK(cost("tiers", usage, R"({"service_tier": "fast"})") == "0.00285");
  CHECK(cost("plain", R"({"input_tokens": 1000})", R"({"service_tier": "priority"})") == "0.001");
  // Above a threshold: its price for the tier, else its price, before the tier's ordinary price.
  CHECK(cost("tiers", R"({"input_tokens": 200001, "output_tokens": 1})", R"({"service_tier": "priority"})") ==
        "1.20001");
  CHECK(cost("tiers", R"({"input_tokens": 200001, "output_tokens": 1})", R"({"service_tier": "flex"})") == "0.400006");
  CHECK(cost("tiers", usage, R"({"service_tier": "gold"})").find("'service_tier' is 'gold'") != std::string::npos);
}

TEST_CASE("a batch costs its own prices, else half") {
  constexpr std::string_view usage = R"({"input_tokens": 1000, "output_tokens": 100, "cached_input_tokens": 500})";
  CHECK(cost("batched", usage, R"({"batch": true})") == "0.000315");
  CHECK(cost("batched", usage, R"({"service_tier": "batch"})") == "0.000315");
  CHECK(cost("cache", usage, R"({"batch": true})") == "0.000375");
  CHECK(cost("fine", R"({"input_tokens": 1, "output_tokens": 0})", R"({"batch": true})") == "0.000000001");
  CHECK(cost("cache", usage, R"({"batch": false})") == "0.00075");
}

TEST_CASE("audio and images cost their prices, else what text costs") {
  CHECK(cost("audio",
             R"({"input_tokens": 100, "audio_input_tokens": 40, "output_tokens": 10, "audio_output_tokens": 4})") ==
        "0.000552");
  CHECK(cost("plain",
             R"({"input_tokens": 100, "audio_input_tokens": 40, "output_tokens": 10, "audio_output_tokens": 4})") ==
        "0.00012");
  CHECK(cost("image-only", R"({"input_tokens": 10, "output_tokens": 100, "image_output_tokens": 90})") == "0.00401");
  CHECK(cost("plain", R"({"input_tokens": 10, "image_input_tokens": 4})") == "0.00001");
}

TEST_CASE("audio that may have come from the cache bills only what the cache left") {
  CHECK(cost("audio", R"({"input_tokens": 100, "audio_input_tokens": 80, "cached_input_tokens": 60})") == "0.000406");
  CHECK(cost("audio", R"({"input_tokens": 100, "audio_input_tokens": 80, "cached_input_tokens": 60,
                          "cached_audio_input_tokens": 50})") == "0.000326");
  CHECK(cost("audio", R"({"input_tokens": 100, "audio_input_tokens": 120})") == "0.0012");
}

TEST_CASE("tiers by size: one prices the whole call, from behind its first number to its last") {
  CHECK(cost("stepped", R"({"input_tokens": 1000, "output_tokens": 10, "cached_input_tokens": 100})") == "0.00093");
  CHECK(cost("stepped", R"({"input_tokens": 1001, "output_tokens": 10, "cached_input_tokens": 100})") == "0.002042");
  CHECK(cost("stepped", R"({"input_tokens": 5000, "output_tokens": 10, "reasoning_tokens": 5})") == "0.01006");
  CHECK(cost("found", R"({"queries": 2})", R"({"max_results": 25})") == "0.01");
  CHECK(cost("found", R"({"queries": 2})", R"({"max_results": 26})") == "0.05");
}

TEST_CASE("factors apply to all that is billed in tokens, and to nothing else") {
  constexpr std::string_view usage =
      R"({"input_tokens": 1000, "output_tokens": 500, "cached_input_tokens": 500, "web_search_calls": 1})";
  CHECK(cost("claude", usage) == "0.02155");
  CHECK(cost("claude", usage, R"({"inference_geo": "us"})") == "0.021705");
  CHECK(cost("claude", usage, R"({"speed": "fast"})") == "0.0293");
  CHECK(cost("claude", usage, R"({"speed": "fast", "inference_geo": "us"})") == "0.03023");
  CHECK(cost("claude", usage, R"({"inference_geo": "global"})") == "0.02155");
  CHECK(cost("resident", R"({"input_tokens": 1000, "output_tokens": 500})", R"({"region": "eu"})") == "0.0022");
  CHECK(cost("resident", R"({"input_tokens": 1000, "output_tokens": 500})", R"({"data_residency": "eu"})") == "0.0022");
}

TEST_CASE("web searches: each at the middle price, once a reply at OpenAI's, low at Perplexity's") {
  CHECK(cost("claude", R"({"input_tokens": 0, "web_search_calls": 3})", R"({"search_context_size": "high"})") ==
        "0.06");
  CHECK(cost("resident", R"({"input_tokens": 0, "web_search_calls": 3})") == "0.02");
  CHECK(cost("resident", R"({"input_tokens": 0, "web_search_requests": 3})", R"({"search_context_size": "high"})") ==
        "0.03");
  CHECK(cost("pplx", R"({"input_tokens": 0, "num_search_queries": 3})") == "0.03");
  CHECK(cost("gemini/g", R"({"input_tokens": 0, "web_search_calls": 2})") == "0.07");
  CHECK(cost("pplx", R"({"input_tokens": 1000, "search_queries": 3})") == "0.036");
  CHECK(refused("plain", R"({"input_tokens": 0, "web_search_calls": 2})", base::ErrorType::unknown_price));
}

TEST_CASE("requests, citations, files and sessions are billed beside the tokens") {
  CHECK(cost("pplx", R"({"input_tokens": 1000, "output_tokens": 0, "citation_tokens": 1000})") == "0.009");
  CHECK(cost("container", R"({"code_interpreter_calls": 2})") == "0.06");
  CHECK(cost("container", R"({"file_search_calls": 3})") == "0.0075");
  CHECK(cost("resident", R"({"input_tokens": 1000, "web_search_calls": 1, "file_search_calls": 3})") == "0.021");
}

TEST_CASE("other units: queries, characters, seconds, images, pixels, videos, pages") {
  CHECK(cost("rerank", R"({"search_units": 3})") == "0.006");
  CHECK(cost("rerank", R"({"input_tokens": 500, "search_units": 3})") == "0.006");
  CHECK(cost("speech", R"({"characters": 100})") == "0.0015");
  CHECK(cost("whisper", R"({"audio_seconds": 37})") == "0.0037");
  CHECK(cost("whisper", R"({"audio_seconds": 0.5})") == "0.00005");
  CHECK(cost("whisper", R"({"audio_seconds": 0.0000001})") == "0.000000001");
  CHECK(cost("listen", R"({"audio_seconds": 3})") == "0.00009999");
  CHECK(cost("periodic", R"({"audio_seconds": 3})") == "0.00085");
  CHECK(cost("draw", R"({"images": 3})") == "0.12");
  CHECK(cost("1024-x-1024/paint", R"({"images": 2})") == "0.02097152");
  CHECK(cost("paint", R"({"images": 2})", R"({"size": "1024x1024"})") == "0.02097152");
  CHECK(cost("paint", R"({"images": 2})", R"({"size": "1024x1024", "quality": "hd"})") == "0.16");
  CHECK(cost("azure/paint", R"({"images": 2})", R"({"size": "1024x1024"})") == "0.1");
  CHECK(cost("film", R"({"video_seconds": 8})") == "0.4");
  CHECK(cost("film", R"({"seconds": 8})", R"({"resolution": "1080p"})") == "0.64");
  CHECK(cost("film", R"({"video_seconds": 8})", R"({"resolution": "1080p"})") == "0.64");
  CHECK(cost("read", R"({"pages": 10})") == "0.04");
  CHECK(cost("read", R"({"pages": 10, "annotated_pages": 10})") == "0.09");
  CHECK(cost("credits", R"({"ocr_credits": 2})") == "0.03");
}

TEST_CASE("what nothing prices is refused, and never free") {
  using enum base::ErrorType;
  for (const std::string_view usage :
       {R"({"input_tokens": 1, "images": 1})", R"({"images": 1})", R"({"characters": 1})", R"({"audio_seconds": 1})",
        R"({"video_seconds": 1})", R"({"pages": 1})", R"({"search_units": 1})", R"({"citation_tokens": 1})",
        R"({"file_search_calls": 1})", R"({"code_interpreter_calls": 1})", R"({"annotated_pages": 1})"}) {
    CAPTURE(usage);
    CHECK(refused("speech", usage, unknown_price) == (usage != R"({"characters": 1})"));
  }
  CHECK(refused("speech", R"({"input_tokens": 1})", unknown_price));
  CHECK(refused("image-only", R"({"output_tokens": 1, "audio_seconds": 1, "citation_tokens": 1})", unknown_price));
  CHECK(refused("free", R"({"input_tokens": 1})", unknown_price));
  CHECK(refused("nobody", R"({"input_tokens": 1})", unknown_price));
  CHECK(refused("plain", "{}", invalid_request));
  CHECK(refused("plain", R"({"input_tokens": -1})", invalid_request));
  CHECK(refused("plain", R"({"input_tokens": 1.5})", invalid_request));
  CHECK(refused("plain", R"({"input_tokens": 1e15})", invalid_request));
  CHECK(refused("plain", R"({"inptu_tokens": 1})", invalid_request));
  CHECK(refused("claude", R"({"web_search_calls": 1, "web_search_requests": 1})", invalid_request));
  CHECK(!meter::bill(book(), {}, "plain", {.usage = {.input_tokens = -1}}, {}).has_value());
  CHECK(!meter::bill(book(), {}, "whisper", {.usage = {}, .audio_micros = -1}, {}).has_value());
}

TEST_CASE("a cost that the provider states is the cost, rounded up") {
  CHECK(cost("nobody", R"({"input_tokens": 5, "provider_cost_usd": "0.0001466250001"})") == "0.000146626");
}

TEST_CASE("names are exact but for a date and for their own provider") {
  CHECK(cost("gpt-9-2026-01-31", R"({"input_tokens": 1000})") == "0.001");
  CHECK(cost("openai/gpt-9", R"({"input_tokens": 1000})") == "0.001");
  CHECK(cost("openai/gpt-9-2026-01-31", R"({"input_tokens": 1000})") == "0.001");
  for (const std::string_view model : {"GPT-9", "gpt-9-mini", "other/gpt-9", "o/gpt-9", "/gpt-9", "g", "sample_spec"})
    CHECK(refused(model, R"({"input_tokens": 1000})", base::ErrorType::unknown_price));
}

TEST_CASE("a bill says by which prices") {
  const auto bill =
      bill_of("tiers", R"({"input_tokens": 200001, "output_tokens": 1})", R"({"service_tier": "priority"})");
  REQUIRE(bill.has_value());
  REQUIRE(bill->lines.size() == 2);
  CHECK(bill->lines[0].price_key() == "input_cost_per_token_above_200k_tokens_priority");
  CHECK(bill->lines[1].price_key() == "output_cost_per_token_above_200k_tokens");
  CHECK(bill->model == "tiers");
}

TEST_CASE("a line comes to an exact amount, with halves, parts of a unit and factors") {
  const auto price = *base::FinePrice::parse_usd("0.0000025");
  meter::BillLine line{.what = "input", .quantity = 3, .key = meter::PriceName::input_cost_per_token, .price = price};
  CHECK(line.exact_usd({}) == "0.0000075");
  line.halves = 1;
  CHECK(line.exact_usd({}) == "0.00000375");
  line.parts = 1'000'000;
  CHECK(line.exact_usd({}) == "0.00000000000375");
  line.multiplied = true;
  const meter::Factor factors[] = {{1100}, {6000}};
  CHECK(line.exact_usd(factors) == "0.00000000002475");
  line.parts = 1;
  line.quantity = 1'000'000'000'000;
  line.price = *base::FinePrice::parse_usd("10");
  CHECK(line.exact_usd({}) == "5000000000000");
  CHECK(line.exact_usd(factors) == std::nullopt);
}
