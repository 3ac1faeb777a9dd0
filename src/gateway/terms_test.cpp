#include "gateway/terms.h"

#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "gateway/price_row.h"

using base::Money;
using meter::PriceBook;

namespace {

constexpr base::WallTime june{1'780'272'000'000};  // 2026-06-01T00:00:00Z

meter::Request request_of(std::string model) {
  meter::Request request;
  request.model = std::move(model);
  return request;
}

meter::Reply reply_of(std::string model, const meter::Usage& usage) {
  meter::Reply reply;
  reply.model = std::move(model);
  reply.usage = usage;
  reply.names_usage = true;
  return reply;
}

Money cost_by(const std::string& terms, std::string model, const meter::Usage& usage) {
  const auto read = gateway::read_terms(terms);
  REQUIRE_MESSAGE(read.has_value(), (read ? std::string() : read.error().message));
  const auto bill = read->bill(reply_of(std::move(model), usage), usage);
  CHECK(bill.certain);
  return bill.cost;
}

}  // namespace

TEST_CASE("every row of the built-in book reads as it was written") {
  const PriceBook book = PriceBook::built_in();
  boost::json::object rows;
  for (const meter::PricedModel& row : book.models()) rows[row.name] = gateway::price_row_json(row);
  const auto read = PriceBook::parse(boost::json::serialize(boost::json::object{{"version", "v"}, {"models", rows}}));
  REQUIRE_MESSAGE(read.has_value(), (read ? std::string() : read.error().message));
  REQUIRE(read->models().size() == book.models().size());
  for (const meter::PricedModel& row : book.models()) {
    REQUIRE(read->row(row.name) != nullptr);
    meter::PricedModel alone = row;
    alone.successors.clear();
    CHECK_MESSAGE(*read->row(row.name) == alone, row.name);
  }
}

TEST_CASE("terms bill by the prices of the moment they were written for, whatever the book says later") {
  const auto book = PriceBook::parse(R"({"version":"v","models":{
    "m": {"input_cost_per_token":1e-6,"output_cost_per_token":2e-6,
          "effective":[{"from":"2026-05-01","input_cost_per_token":3e-6,"output_cost_per_token":4e-6},
                       {"from":"2026-07-01","input_cost_per_token":5e-6,"output_cost_per_token":6e-6}]},
    "m-2026-01-01": {"input_cost_per_token":7e-6,"output_cost_per_token":8e-6},
    "m-large": {"input_cost_per_token":9e-6,"output_cost_per_token":9e-6}}})");
  REQUIRE(book.has_value());
  meter::Request request = request_of("m");
  request.tier = meter::ServiceTier::flex;
  const std::string terms = gateway::write_terms(
      {.book = *book, .at = june, .provider = "openai", .asked = book->row("m"), .request = &request});
  const meter::Usage usage{.input_tokens = 10, .output_tokens = 100};
  CHECK(cost_by(terms, "m", usage) == Money::from_nanos(10 * 3'000 + 100 * 4'000));
  CHECK(cost_by(terms, "m-2026-02-02", usage) == Money::from_nanos(10 * 3'000 + 100 * 4'000));
  CHECK(cost_by(terms, "m-2026-01-01", usage) == Money::from_nanos(10 * 7'000 + 100 * 8'000));
  CHECK_FALSE(terms.contains("m-large"));
}

TEST_CASE("terms keep the tier, the audio, the batch, the trust in a stated cost, and zeros that were meant") {
  const auto parsed = PriceBook::parse(R"({"version":"v","models":{
    "m": {"input_cost_per_token":1e-6,"output_cost_per_token":2e-6,"input_cost_per_token_flex":5e-7,
          "output_cost_per_token_flex":1e-6,"input_cost_per_audio_token":1e-4}}})");
  REQUIRE(parsed.has_value());
  const meter::Usage usage{.input_tokens = 10, .output_tokens = 100};
  meter::Request request = request_of("m");
  request.audio = true;
  request.tier = meter::ServiceTier::flex;
  const meter::BilledCall call{
      .book = *parsed, .at = june, .provider = "openai", .asked = parsed->row("m"), .request = &request};
  const auto open = gateway::read_terms(gateway::write_terms(call))->bill(reply_of("m", usage), usage);
  CHECK(open.cost == Money::from_nanos(10 * 500 + 100 * 1'000));
  CHECK_FALSE(open.certain);  // how much of it was audio?

  meter::Request line = request_of("m");
  line.delivery = meter::Delivery::batch;
  meter::BilledCall of_batch = call;
  of_batch.request = &line;
  CHECK(cost_by(gateway::write_terms(of_batch), "m", usage) == Money::from_nanos(10 * 500 + 100 * 1'000));

  meter::BilledCall trusting = call;
  trusting.stated = meter::StatedCost::trusted;
  meter::Usage stated = usage;
  stated.provider_cost = Money::from_nanos(7);
  CHECK(cost_by(gateway::write_terms(trusting), "m", stated) == Money::from_nanos(7));

  meter::PricedModel gift{.name = "gift"};
  gift.zeros_count = true;
  gift.prices.add(meter::PriceName::input_cost_per_token, {});
  gift.prices.add(meter::PriceName::output_cost_per_token, {});
  const meter::Request plain = request_of("gift");
  const auto given = PriceBook::built_in().with({gift}, "v");
  CHECK(cost_by(
            gateway::write_terms({.book = given, .at = june, .provider = "openai", .asked = &gift, .request = &plain}),
            "gift", usage) == Money::zero());
}

TEST_CASE("terms that cannot be read bill nothing") {
  for (const char* text : {"", "{}", R"({"provider":"p","asked":"m","model":"m","service_tier":"flex","prices":"{"})",
                           R"({"provider":"p","asked":"m","model":"m","service_tier":"flex","prices":"{}"})"}) {
    const auto read = gateway::read_terms(text);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().type == base::ErrorType::unavailable);
  }
}

TEST_CASE("terms say whether the sum of several calls may cost another price than each") {
  const auto book = PriceBook::parse(R"({"version":"v","models":{
    "plain": {"input_cost_per_token":1e-6,"output_cost_per_token":2e-6},
    "sized": {"input_cost_per_token":1e-6,"output_cost_per_token":2e-6,"input_cost_per_token_above_200k_tokens":2e-6},
    "tiers": {"tiered_pricing":[{"range":[0,1000],"input_cost_per_token":1e-6},
                                {"range":[1000,9000],"input_cost_per_token":2e-6}]}}})");
  REQUIRE(book.has_value());
  for (const auto& [model, least] :
       {std::pair("plain", std::int64_t{1} << 40), std::pair("sized", std::int64_t{200'001}),
        std::pair("tiers", std::int64_t{1'001})}) {
    CAPTURE(model);
    const meter::Request request = request_of(model);
    const auto terms = gateway::read_terms(gateway::write_terms(
        {.book = *book, .at = june, .provider = "openai", .asked = book->row(model), .request = &request}, "/v1/x"));
    REQUIRE(terms.has_value());
    CHECK(terms->url == "/v1/x");
    CHECK_FALSE(terms->prices_by_size(least - 1));
    CHECK(terms->prices_by_size(least) == (std::string_view(model) != "plain"));
  }
}
