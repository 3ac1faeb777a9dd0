#include "meter/exchange_bill.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "meter/book_provider.h"

using meter::BilledCall;
using meter::PriceBook;
using meter::Reply;
using meter::Request;
using meter::Usage;

namespace {

const PriceBook& book() {
  static const PriceBook read = PriceBook::parse(R"({
    "asked": {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
    "served": {"litellm_provider": "openai", "input_cost_per_token": 3e-6, "output_cost_per_token": 4e-6,
      "input_cost_per_token_priority": 6e-6, "output_cost_per_token_priority": 8e-6,
      "input_cost_per_token_flex": 1e-6, "output_cost_per_token_flex": 1e-6},
    "sound": {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6,
      "output_cost_per_audio_token": 1e-5},
    "a-search-m": {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6,
      "search_context_cost_per_query": {"search_context_size_medium": 0.02}},
    "claude": {"litellm_provider": "anthropic", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6,
      "provider_specific_entry": {"us": 1.1, "fast": 6.0}},
    "gemini/g": {"litellm_provider": "gemini", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6,
      "input_cost_per_token_flex": 5e-7, "output_cost_per_token_flex": 1e-6},
    "moderate": {"litellm_provider": "openai", "input_cost_per_token": 0}})")
                                    .value();
  return read;
}

Usage tokens(std::int64_t input, std::int64_t output) { return {.input_tokens = input, .output_tokens = output}; }

Reply reply_of(std::string model) {
  Reply reply;
  reply.model = std::move(model);
  reply.names_usage = true;
  return reply;
}

// "0.001 certain", "0.001 priced" or "0.001 at least".
std::string billed(const Reply& reply, const Usage& usage,
                   BilledCall call = {.book = book(), .at = {}, .provider = "openai"}) {
  if (call.asked == nullptr) call.asked = book().row("asked");
  const auto bill = meter::bill_exchange(call, reply, usage);
  return bill.cost.to_usd() + (bill.certain ? " certain" : bill.priced ? " priced" : " at least");
}

}  // namespace

TEST_CASE("the model that was served has its own price, and else the asked one's") {
  CHECK(billed(reply_of("served"), tokens(1000, 1000)) == "0.007 certain");
  CHECK(billed(reply_of("served-2026-01-01"), tokens(1000, 1000)) == "0.007 certain");
  CHECK(billed(reply_of("stranger"), tokens(1000, 1000)) == "0.003 certain");
  CHECK(billed(reply_of(""), tokens(1000, 1000)) == "0.003 certain");
  CHECK(billed(reply_of("claude"), tokens(1000, 1000)) == "0.003 certain");  // another provider's
  const auto nothing =
      meter::bill_exchange({.book = book(), .at = {}, .provider = "openai"}, reply_of("stranger"), tokens(1, 1));
  CHECK_FALSE(nothing.priced);
  CHECK(nothing.cost == base::Money::zero());
}

TEST_CASE("how it was served decides, as the reply says it") {
  Request request;
  const BilledCall call{.book = book(), .at = {}, .provider = "openai", .request = &request};
  Reply reply = reply_of("served");
  request.tier = meter::ServiceTier::priority;
  CHECK(billed(reply, tokens(1000, 1000), call) == "0.014 certain");
  reply.service_tier = "default";
  CHECK(billed(reply, tokens(1000, 1000), call) == "0.007 certain");
  reply.service_tier = "flex";
  CHECK(billed(reply, tokens(1000, 1000), call) == "0.002 certain");
  reply.service_tier = "new-tier";
  CHECK(billed(reply, tokens(1000, 1000), call) == "0.014 certain");
  reply.model = "asked";  // it has no price for that
  CHECK(billed(reply, tokens(1000, 1000), call) == "0.003 priced");

  Reply fast = reply_of("claude");
  fast.inference_geo = "us";
  fast.speed = "fast";
  CHECK(billed(fast, tokens(1000, 1000), {.book = book(), .at = {}, .provider = "anthropic"}) == "0.0198 certain");
  Reply flex = reply_of("g");
  flex.traffic_type = "ON_DEMAND_FLEX";
  CHECK(billed(flex, tokens(1000, 1000), {.book = book(), .at = {}, .provider = "gemini"}) == "0.0015 certain");
}

TEST_CASE("what a reply leaves open is at least what it says") {
  CHECK(billed(reply_of("asked"), {.output_tokens = 1000}) == "0.002 priced");
  CHECK(billed(reply_of("asked"), {.input_tokens = 1000}) == "0.001 priced");
  Request request;
  request.output_cap = 0;
  CHECK(billed(reply_of("asked"), {.input_tokens = 1000},
               {.book = book(), .at = {}, .provider = "openai", .request = &request}) == "0.001 certain");

  Reply silent = reply_of("asked");
  silent.names_usage = false;
  CHECK(billed(silent, tokens(0, 1000)) == "0.002 at least");
  Reply strange = reply_of("asked");
  strange.unknown_fields = {"thought_tokens"};
  strange.unknown_field_count = 1;
  CHECK(billed(strange, tokens(1000, 0)) == "0.001 at least");

  // Audio was asked for, and nothing says how much came.
  Request spoken;
  spoken.audio = true;
  const BilledCall call{.book = book(), .at = {}, .provider = "openai", .request = &spoken};
  CHECK(billed(reply_of("sound"), tokens(1000, 1000), call) == "0.003 priced");
  CHECK(billed(reply_of("sound"), {.input_tokens = 1000, .output_tokens = 1000, .audio_output_tokens = 1000}, call) ==
        "0.011 certain");
  CHECK(billed(reply_of("sound"), tokens(1000, 1000)) == "0.003 certain");
}

TEST_CASE("what has no price is not in the cost, and nothing is given away for it") {
  Usage usage = tokens(1000, 1000);
  usage.web_search_calls = 3;
  CHECK(billed(reply_of("asked"), usage) == "0.003 at least");
  CHECK(billed(reply_of("asked"), {.input_tokens = -5, .output_tokens = 1000}) == "0.002 at least");
  Reply reply = reply_of("asked");
  reply.other_models = {{.model = "served", .kind = "advisor", .usage = tokens(1000, 1000)}};
  CHECK(billed(reply, tokens(1000, 1000)) == "0.01 certain");
  reply.other_models.push_back({.model = "stranger", .kind = "advisor", .usage = tokens(1000, 1000)});
  CHECK(billed(reply, tokens(1000, 1000)) == "0.01 at least");
  reply.other_models = {{.model = "served", .kind = "", .usage = tokens(1'000'000'000'000, 1'000'000'000'000)}};
  CHECK(meter::bill_exchange({.book = book(), .at = {}, .provider = "openai", .asked = book().row("asked")}, reply,
                             tokens(1'000'000'000'000, 1'000'000'000'000))
            .cost == base::Money::from_nanos(10'000'000'000'000'000));
}

TEST_CASE("a stated cost counts only where it is trusted") {
  Usage usage = tokens(1000, 1000);
  usage.provider_cost = base::Money::from_nanos(7);
  CHECK(billed(reply_of("asked"), usage) == "0.003 certain");
  CHECK(billed(reply_of("asked"), usage,
               {.book = book(), .at = {}, .provider = "openai", .stated = meter::StatedCost::trusted}) ==
        "0.000000007 certain");
}

TEST_CASE("a model that searches for every answer is billed for it") {
  CHECK(billed(reply_of("a-search-m"), tokens(1000, 1000)) == "0.023 certain");
  CHECK(billed(reply_of("served"), tokens(1000, 1000)) == "0.007 certain");
}

TEST_CASE("what the provider calls free costs nothing") {
  Request request;
  request.billing = meter::Billing::zero_price_counts;
  const BilledCall moderation{
      .book = book(), .at = {}, .provider = "openai", .asked = book().row("moderate"), .request = &request};
  CHECK(billed(reply_of(""), {}, moderation) == "0 certain");
  CHECK(billed(reply_of("asked"), tokens(1000, 0),
               {.book = book(), .at = {}, .provider = "openai", .request = &request}) == "0.001 certain");
  request.billing = meter::Billing::free;
  CHECK(billed(reply_of(""), {}, {.book = book(), .at = {}, .provider = "openai", .request = &request}) == "0 certain");
}

TEST_CASE("providers have the book's names") {
  CHECK(meter::book_provider("vertex") == "vertex_ai");
  CHECK(meter::book_provider("azure_openai") == "azure");
  CHECK(meter::book_provider("nobody").empty());
}
