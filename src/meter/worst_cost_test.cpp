#include "meter/worst_cost.h"

#include <doctest/doctest.h>

#include <string>

using meter::PriceBook;
using meter::Request;

namespace {

// Dollars a token that are easy to add up: input 1, cached 0.1, write 2, write for an hour 3, output 5, …
PriceBook book_of(std::string_view members,
                  std::string_view sizes = R"("max_input_tokens":1000,"max_output_tokens":100,)") {
  auto book = PriceBook::parse(R"({"m":{"litellm_provider":"p",)" + std::string(sizes) + std::string(members) + "}}");
  REQUIRE(book.has_value());
  return std::move(*book);
}

Request request_of(std::int64_t input) {
  Request request;
  request.model = "m";
  request.input_bound = input;
  return request;
}

std::string cost(std::string_view members, const Request& request, std::int64_t output = 0) {
  const PriceBook book = book_of(members);
  const auto worst = meter::worst_cost(*book.find("m"), request, output);
  return worst ? worst->to_usd() : "refused: " + worst.error().field;
}

constexpr std::string_view plain = R"("input_cost_per_token":1e-6,"output_cost_per_token":5e-6)";

}  // namespace

TEST_CASE("a line of a batch costs the prices of batches where there are some") {
  const std::string batches =
      std::string(plain) + R"(,"input_cost_per_token_batches":5e-7,"output_cost_per_token_batches":2e-6)";
  Request request = request_of(10);
  CHECK(cost(batches, request, 2) == "0.00002");
  request.delivery = meter::Delivery::batch;
  CHECK(cost(batches, request, 2) == "0.000009");
  CHECK(cost(plain, request, 2) == "0.00002");  // half of it is billed; bounded by the whole
}

TEST_CASE("every token costs what its dearest class does") {
  const std::string classes = std::string(plain) +
                              R"(,"cache_read_input_token_cost":1e-7,"cache_creation_input_token_cost":2e-6,)"
                              R"("cache_creation_input_token_cost_above_1hr":3e-6,"input_cost_per_audio_token":7e-6,)"
                              R"("output_cost_per_audio_token":9e-6,"output_cost_per_reasoning_token":6e-6,)"
                              R"("input_cost_per_image_token":4e-6)";
  Request request = request_of(10);
  CHECK(cost(plain, request, 2) == "0.00002");
  CHECK(cost(classes, request, 2) == "0.000032");  // 10 written, 2 of reasoning
  request.cache_writes = meter::CacheWrites::none;
  CHECK(cost(classes, request, 2) == "0.000022");
  request.cache_writes = meter::CacheWrites::minutes;
  CHECK(cost(classes, request, 2) == "0.000032");
  request.cache_writes = meter::CacheWrites::hour;
  CHECK(cost(classes, request, 2) == "0.000042");
  request.image_input = true;
  CHECK(cost(classes, request, 2) == "0.000052");
  request.audio = true;
  CHECK(cost(classes, request, 2) == "0.000088");
  CHECK(cost(plain, request, 2) == "refused: audio");
  // Reading a cache is not always the cheaper.
  CHECK(cost(std::string(plain) + R"(,"cache_read_input_token_cost":8e-6)", request_of(1)) == "0.000008");
}

TEST_CASE("a threshold that may be crossed counts, and one that may not does not") {
  const std::string above = std::string(plain) + R"(,"input_cost_per_token_above_200k_tokens":2e-6,)"
                                                 R"("output_cost_per_token_above_200k_tokens":7e-6)";
  CHECK(cost(above, request_of(199'999), 1) == "0.200004");
  CHECK(cost(above, request_of(200'001), 1) == "0.400009");
  // The cheaper of two sizes is no bound for those that are smaller.
  const std::string tiers = R"("tiered_pricing":[{"range":[0,100],"input_cost_per_token":5e-6,)"
                            R"("output_cost_per_token":1e-6},{"range":[100,1000],"input_cost_per_token":1e-6,)"
                            R"("output_cost_per_token":1e-6}])";
  CHECK(cost(tiers, request_of(500), 1) == "0.002501");
  const std::string rising = R"("tiered_pricing":[{"range":[0,100],"input_cost_per_token":1e-6,)"
                             R"("output_cost_per_token":1e-6},{"range":[100,1000],"input_cost_per_token":5e-6,)"
                             R"("output_cost_per_token":9e-6}])";
  CHECK(cost(rising, request_of(100), 1) == "0.000101");
  CHECK(cost(rising, request_of(101), 1) == "0.000514");
}

TEST_CASE("a tier costs what it may be served as, and priority without a price is refused") {
  const std::string tiers = std::string(plain) +
                            R"(,"input_cost_per_token_priority":2e-6,"output_cost_per_token_priority":3e-6,)"
                            R"("input_cost_per_token_flex":5e-7,"output_cost_per_token_flex":1e-6)";
  Request request = request_of(10);
  request.tier = meter::ServiceTier::priority;
  CHECK(cost(tiers, request, 1) == "0.000025");  // its output is cheaper than the standard one's here
  CHECK(cost(plain, request, 1) == "refused: this service tier");
  request.tier = meter::ServiceTier::flex;
  CHECK(cost(tiers, request, 1) == "0.000006");
  CHECK(cost(plain, request, 1) == "0.000015");
}

TEST_CASE("factors are on tokens, wherever the provider may have set them") {
  const std::string factors = std::string(plain) + R"(,"provider_specific_entry":{"us":1.1,"fast":6.0})";
  Request request = request_of(10);
  CHECK(cost(factors, request) == "0.000011");
  request.inference_geo = "global";
  CHECK(cost(factors, request) == "0.00001");
  request.speed = "fast";
  CHECK(cost(factors, request) == "0.00006");
  CHECK(cost(plain, request) == "refused: this speed");
}

TEST_CASE("what is billed beside tokens is added, or refused") {
  const std::string search = std::string(plain) + R"(,"search_context_cost_per_query":{"search_context_size_low":0.01,)"
                                                  R"("search_context_size_high":0.02},"input_cost_per_request":0.5)";
  Request request = request_of(0);
  CHECK(cost(search, request) == "0.5");
  request.web_searches = 3;
  CHECK(cost(search, request) == "0.56");
  CHECK(cost(plain, request) == "refused: web_search_calls");
}

TEST_CASE("another unit than the token counts where it is dearer, and is refused without a price") {
  const auto with = [](auto member, std::int64_t count) {
    Request request = request_of(10);
    request.output_cap = 0;
    request.*member = count;
    return request;
  };
  CHECK(cost(R"("input_cost_per_character":1e-6)", with(&Request::characters, 7)) == "0.000007");
  CHECK(cost(plain, with(&Request::characters, 7)) == "refused: characters");
  CHECK(cost(R"("input_cost_per_second":1e-4,"output_cost_per_second":1e-4)", with(&Request::audio_seconds, 3)) ==
        "0.0003");
  CHECK(cost(plain, with(&Request::audio_seconds, 3)) == "0.00001");
  CHECK(cost(R"("input_cost_per_query":0.002)", with(&Request::search_units, 2)) == "0.004");
  CHECK(cost(R"("input_cost_per_image":0.04)", with(&Request::images, 2)) == "0.08");
  CHECK(cost(R"("output_cost_per_video_per_second":1)", with(&Request::images, 2)) == "refused: images");
  Request sized = with(&Request::images, 2);
  CHECK(cost(R"("input_cost_per_pixel":1e-9)", sized) == "refused: images without a size");
  sized.width = sized.height = 1000;
  CHECK(cost(R"("input_cost_per_pixel":1e-9)", sized) == "0.002");
}

TEST_CASE("a model that reads its context again reads all of it") {
  Request request = request_of(10);
  request.context_passes = 3;
  CHECK(cost(plain, request, 2) == "0.00303");  // 3 × 1000, and an answer each time
  const PriceBook unknown = book_of(plain, "");
  CHECK_FALSE(meter::worst_cost(*unknown.find("m"), request, 2).has_value());
  CHECK_FALSE(meter::most_output(*unknown.find("m"), request).has_value());
  const PriceBook beta = book_of(std::string(plain) + R"(,"input_cost_per_token_above_200k_tokens":2e-6)");
  CHECK(meter::most_input(*beta.find("m"), request).value() == 3'000'000);
  CHECK(meter::most_input(*book_of(plain).find("m"), request_of(10)).value() == 10);
}

TEST_CASE("no price is no price of zero, but where the provider's own documents say so") {
  constexpr std::string_view zero = R"("input_cost_per_token":0,"output_cost_per_token":0)";
  Request request = request_of(10);
  CHECK(cost(zero, request) == "refused: this call");
  CHECK(cost(R"("output_cost_per_token":1e-6)", request) == "refused: input_tokens");
  CHECK(cost(R"("input_cost_per_token":1e-6)", request, 1) == "refused: output_tokens");
  request.billing = meter::Billing::zero_price_counts;
  CHECK(cost(zero, request) == "0");
  CHECK(cost(R"("mode":"moderation")", request) == "refused: this call");
  CHECK(cost(plain, request) == "0.00001");
  request.billing = meter::Billing::free;
  CHECK(cost(plain, request, 9) == "0");
}

TEST_CASE("the output that money pays for is the largest that it pays for") {
  const PriceBook book = book_of(plain);
  const meter::PricedModel& model = *book.find("m");
  Request request = request_of(10);
  for (const std::int64_t nanos : {0, 9'999, 10'000, 14'999, 15'000, 123'456}) {
    const auto money = base::Money::from_nanos(nanos);
    const std::int64_t output = meter::affordable_output(model, request, money).value();
    CAPTURE(nanos);
    CHECK(output == (nanos < 10'000 ? -1 : (nanos - 10'000) / 5'000));
    if (output >= 0) CHECK(meter::worst_cost(model, request, output).value() <= money);
    CHECK(meter::worst_cost(model, request, output + 1).value() > money);
  }
  CHECK(meter::affordable_output(model, request, base::Money::from_nanos(-1)).value() == -1);
  CHECK(meter::worst_cost(model, request, 1'000'000'000'000'000).value() > base::Money::from_nanos(1));
  CHECK(meter::most_output(model, request).value() == 100);
  request.output_cap = 7;
  request.choices = 3;
  CHECK(meter::most_output(model, request).value() == 21);
}

TEST_CASE("an image's row is the one for its size and quality, with a provider before its name too") {
  const PriceBook book = PriceBook::built_in();
  Request request = request_of(10);
  request.quality = "hd";
  request.width = 1792;
  request.height = 1024;
  request.images = 1;
  request.output_cap = 0;
  for (const std::string_view name : {"dall-e-3", "openai/dall-e-3"}) {
    const auto* row = meter::row_of(book, {}, name, meter::service_of(request));
    REQUIRE(row != nullptr);
    CHECK(row->name == "hd/1792-x-1024/dall-e-3");
    CHECK(meter::worst_cost(*row, request, 0).value() >= base::Money::from_nanos(119'000'000));
  }
  const auto* other = meter::row_of(book, {}, "somebody/dall-e-3", meter::service_of(request));
  CHECK((other == nullptr || other->provider != "openai"));
}
