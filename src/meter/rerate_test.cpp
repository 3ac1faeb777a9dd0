#include "meter/rerate.h"

#include <doctest/doctest.h>

using base::Money;
using meter::PriceBook;
using meter::RecordedCall;
using meter::Rerated;
using meter::RerateGap;
using meter::Usage;

namespace {

PriceBook book_of(std::string_view rows) {
  auto book = PriceBook::parse(rows);
  if (!book) FAIL(book.error().message);
  return std::move(*book);
}

const Usage used{.input_tokens = 1000, .output_tokens = 100};

RecordedCall call_of(std::int64_t booked_nanos, const Usage& usage = used) {
  return {.started = {5},
          .provider = "openai",
          .model = "m",
          .served_model = "",
          .usage = usage,
          .booked = Money::from_nanos(booked_nanos)};
}

Rerated exactly(std::int64_t nanos) { return {.least = Money::from_nanos(nanos), .most = Money::from_nanos(nanos)}; }

const PriceBook old_book = book_of(R"({"m": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-05,
  "input_cost_per_token_priority": 2e-06, "input_cost_per_token_flex": 5e-07}})");
const PriceBook flat_book = book_of(R"({"m": {"input_cost_per_token": 3e-06, "output_cost_per_token": 1e-05}})");
const PriceBook tiered_book = book_of(R"({"m": {"input_cost_per_token": 3e-06, "output_cost_per_token": 1e-05,
  "input_cost_per_token_priority": 7e-06}})");

}  // namespace

TEST_CASE("a recorded call is priced anew from its usage") {
  CHECK(meter::rerate(call_of(2'000'000), flat_book, nullptr) == exactly(4'000'000));
  CHECK(meter::rerate(call_of(2'000'000), flat_book, &old_book) == exactly(4'000'000));
  CHECK(meter::rerate(call_of(2'000'000), old_book, &old_book) == exactly(2'000'000));
  const Usage cached{.input_tokens = 1000, .output_tokens = 0, .cached_input_tokens = 400};
  const PriceBook caching = book_of(
      R"({"m": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1, "cache_read_input_token_cost": 1e-07}})");
  CHECK(meter::rerate(call_of(1, cached), caching, nullptr) == exactly(640'000));
}

TEST_CASE("the tier of a recorded call is told by what was booked, or it stays open") {
  CHECK(meter::rerate(call_of(2'000'000), tiered_book, &old_book) == exactly(4'000'000));
  CHECK(meter::rerate(call_of(3'000'000), tiered_book, &old_book) == exactly(8'000'000));  // it was priority
  CHECK(meter::rerate(call_of(1'500'000), tiered_book, &old_book) == exactly(4'000'000));  // it was flex
  const Rerated open{
      .gap = RerateGap::service_tier, .least = Money::from_nanos(4'000'000), .most = Money::from_nanos(8'000'000)};
  CHECK(meter::rerate(call_of(2'000'000), tiered_book, nullptr) == open);
  CHECK(meter::rerate(call_of(4'000'000), tiered_book, &flat_book) == open);  // any tier cost this
}

TEST_CASE("what its own book does not explain, or the other one does not price, is not priced anew") {
  CHECK(meter::rerate(call_of(1'999'999), flat_book, &old_book) == Rerated{.gap = RerateGap::not_its_prices});
  const PriceBook other = book_of(R"({"n": {"input_cost_per_token": 1e-06}})");
  CHECK(meter::rerate(call_of(2'000'000), other, &old_book) == Rerated{.gap = RerateGap::no_price});
  const Usage searched{.input_tokens = 1, .output_tokens = 1, .citation_tokens = 3};
  CHECK(meter::rerate(call_of(1, searched), flat_book, nullptr) == Rerated{.gap = RerateGap::no_price});
}

TEST_CASE("a cost that the provider stated stays, by any book") {
  Usage stated = used;
  stated.provider_cost = Money::from_nanos(77);
  CHECK(meter::rerate(call_of(77, stated), flat_book, &old_book) == exactly(77));
  CHECK(meter::rerate(call_of(2'000'000, stated), flat_book, &old_book) == exactly(4'000'000));  // it was not trusted
}

TEST_CASE("images that cost by their size are not priced anew, for no record has it") {
  const PriceBook sized =
      book_of(R"({"m": {"output_cost_per_image": 1}, "1024-x-1024/m": {"output_cost_per_image": 2}})");
  const PriceBook plain = book_of(R"({"m": {"output_cost_per_image": 1}})");
  const Usage drawn{.images = 2};
  CHECK(meter::rerate(call_of(1, drawn), sized, nullptr) == Rerated{.gap = RerateGap::image_size});
  CHECK(meter::rerate(call_of(2'000'000'000, drawn), plain, &sized) == Rerated{.gap = RerateGap::image_size});
  CHECK(meter::rerate(call_of(2'000'000'000, drawn), plain, &plain) == exactly(2'000'000'000));
}

TEST_CASE("a recorded call is priced by the row of the model that served it, at the prices of its start") {
  const PriceBook dated = book_of(R"({"m": {"input_cost_per_token": 1}, "served": {"input_cost_per_token": 1e-06,
    "output_cost_per_token": 0, "effective": [{"from": "1970-01-01T00:00:00.005Z", "input_cost_per_token": 2e-06,
    "output_cost_per_token": 0}]}})");
  RecordedCall call = call_of(0);
  call.served_model = "served";
  CHECK(meter::rerate(call, dated, nullptr) == exactly(2'000'000));
  call.started = {4};
  CHECK(meter::rerate(call, dated, nullptr) == exactly(1'000'000));
  call.provider = "azure_openai";
  call.served_model = "";
  CHECK(meter::rerate(call, book_of(R"({"m": {"litellm_provider": "openai", "input_cost_per_token": 1},
    "azure/m": {"input_cost_per_token": 3e-06, "output_cost_per_token": 0}})"),
                      nullptr) == exactly(3'000'000));
}

TEST_CASE("what was booked is itemized by its own book, and by no guess") {
  const auto lines = [](const meter::Itemized& found) {
    std::string text;
    for (const meter::BillLine& line : found.bill.lines)
      text += line.price_key() + " " + line.exact_usd(found.bill.factors).value_or("?") + "; ";
    return text;
  };
  const meter::Itemized ordinary = meter::itemize(call_of(2'000'000), old_book);
  CHECK(ordinary.gap == RerateGap::none);
  CHECK(lines(ordinary) == "input_cost_per_token 0.001; output_cost_per_token 0.001; ");
  CHECK(ordinary.bill.cost == Money::from_nanos(2'000'000));
  // The tier is told by what was booked.
  CHECK(lines(meter::itemize(call_of(3'000'000), old_book)) ==
        "input_cost_per_token_priority 0.002; output_cost_per_token 0.001; ");
  CHECK(meter::itemize(call_of(2'000'001), old_book).gap == RerateGap::not_its_prices);
  // Two ways to serve it come to the same.
  const PriceBook twice = book_of(R"({"m": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-05,
    "input_cost_per_token_flex": 1e-06}})");
  CHECK(meter::itemize(call_of(2'000'000), twice).gap == RerateGap::service_tier);
}
