#pragma once
// What an exchange costs by the price book: quantities × prices, the rules by which the providers choose a price
// (LiteLLM's, which its format is made for), and the sum, exact and rounded up once.
//
// Where these rules part from LiteLLM's, they are the dearer: what has no price of its own is not free. Cached tokens
// and audio without a price cost what input costs, and a quantity that nothing prices refuses the bill.

#include <boost/container/small_vector.hpp>
#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/money.h"
#include "base/result.h"
#include "meter/price_book.h"
#include "meter/service_tier.h"
#include "meter/usage.h"

namespace meter {

// What was used, beside the tokens too. Absent: none was.
struct Quantities {
  Usage usage;
  // In millionths, because durations are billed by parts of a second.
  std::optional<std::int64_t> audio_micros = std::nullopt;
  std::optional<std::int64_t> video_micros = std::nullopt;
  std::optional<std::int64_t> video_input_tokens = std::nullopt;   // part of input
  std::optional<std::int64_t> video_output_tokens = std::nullopt;  // part of output
  std::optional<std::int64_t> annotated_pages = std::nullopt;      // of the pages that were read
  std::optional<std::int64_t> ocr_credits = std::nullopt;
  std::optional<std::int64_t> queries = std::nullopt;  // of a search provider

  static constexpr std::int64_t micros_per_second = 1'000'000;
};

enum class SearchContext : std::uint8_t { unsaid, low, medium, high };
enum class Delivery : std::uint8_t { at_once, batch };

// How the call was served.
struct Service {
  ServiceTier tier = ServiceTier::standard;
  Delivery delivery = Delivery::at_once;
  std::string inference_geo;  // Anthropic: "us"; empty: anywhere
  std::string speed;          // Anthropic: "fast"
  std::string region;         // OpenAI's data residency: "eu", "us"
  SearchContext search_context = SearchContext::unsaid;
  std::string quality;     // of images: "hd"
  std::string resolution;  // of videos: "1080p"
  std::int64_t width = 0;  // of images, in pixels; 0: not said
  std::int64_t height = 0;
  std::int64_t results = 0;  // that a search was asked for at most; 0: not said
};

// One product of a bill.
struct BillLine {
  std::string_view what;      // "cached input"
  std::int64_t quantity = 0;  // in units, or in parts of them
  std::int64_t parts = 1;     // of a unit
  PriceKey key;
  std::uint32_t tier = 0;  // of tiered_pricing, counted from 1; 0: the price is the row's own
  base::FinePrice price;
  std::int64_t halves = 2;  // of the price that is billed: a batch without a price of its own costs one
  bool multiplied = false;  // by the factors of the bill

  // The book's name of the price.
  std::string price_key() const;
  // What the line comes to with the factors that are on it, in dollars and exact: "0.0000025". nullopt: 128 bits do not
  // hold it.
  std::optional<std::string> exact_usd(std::span<const Factor> factors) const;
  bool operator==(const BillLine&) const = default;
};

using BillLines = boost::container::small_vector<BillLine, 4>;
using Factors = boost::container::static_vector<Factor, 3>;

struct Bill {
  std::string_view model;  // the row that was used: its name, which lives as long as the row does
  BillLines lines = {};
  Factors factors = {};                    // on all lines of tokens
  base::Money cost = base::Money::zero();  // exact, rounded up to the nano-dollar once

  bool operator==(const Bill&) const = default;
};

// The row that prices a model served so, with the prices that hold for a call that starts `at`; nullptr: there is none.
// An image's row may be one for its quality and size: the book writes these before the name, with or without the
// provider before them. `provider`: the book's name of it.
const PricedModel* row_of(const PriceBook& book, base::WallTime at, std::string_view provider, std::string_view model,
                          const Service& service);
// The same of "openai/gpt-4o" or, with any provider, of "gpt-4o".
const PricedModel* row_of(const PriceBook& book, base::WallTime at, std::string_view model, const Service& service);

// The bill of one exchange by a row. A cost that the provider stated (usage.provider_cost) is the cost, and there are
// no lines. Errors: unknown_price for a row without a price, and for a quantity that it does not price; invalid_request
// for quantities that cannot be (negative, above 1e12, none at all).
base::Result<Bill> bill(const PricedModel& row, const Quantities& quantities, const Service& service);
// The same of the model's row, unknown_price if there is none. `model` lives as long as the bill.
base::Result<Bill> bill(const PriceBook& book, base::WallTime at, std::string_view model, const Quantities& quantities,
                        const Service& service);

}  // namespace meter
