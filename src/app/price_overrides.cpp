#include "app/price_overrides.h"

#include <fmt/format.h>

#include "base/sha256.h"
#include "base/time_text.h"

namespace app {
namespace {

constexpr std::int64_t tokens_per_price = 1000;
constexpr IntegerRange output_tokens{1, 100'000'000};
constexpr std::size_t version_digits = 12;

void read_price(YamlMap& map, std::string_view key, meter::PriceName name, meter::PricedModel& into) {
  std::string text;
  map.decimal(key, text);
  if (text.empty()) return;
  if (const auto price = base::Price::parse_usd(text, tokens_per_price)) {
    into.prices.add(name, base::FinePrice::from(*price));
  } else {
    map.refuse(key, "must be USD per 1,000 tokens, zero or more, such as 0.0025");
  }
}

void required_price(YamlMap& map, std::string_view key, meter::PriceName name, meter::PricedModel& into) {
  if (!map.has(key)) map.refuse(key, "is missing: no price is not a price of zero");
  read_price(map, key, name, into);
}

void read_prices(YamlMap& map, meter::PricedModel& into) {
  into.zeros_count = true;
  required_price(map, "inputPer1k", meter::PriceName::input_cost_per_token, into);
  required_price(map, "outputPer1k", meter::PriceName::output_cost_per_token, into);
  read_price(map, "cachedInputPer1k", meter::PriceName::cache_read_input_token_cost, into);
  map.integer("maxOutputTokens", into.max_output_tokens, output_tokens);
}

// Prices that hold from a later date on.
void read_successor(YamlMap map, meter::PricedModel& model) {
  meter::PricedModel later;
  later.name = model.name;
  later.max_output_tokens = model.max_output_tokens;
  read_prices(map, later);
  std::string from;
  map.string("from", from);
  if (!map.has("from")) map.refuse("from", "is missing: it is the date from which on these prices hold");
  if (!from.empty()) {
    if (const auto time = base::parse_time_or_date(from)) {
      later.from = *time;
      if (!model.successors.empty() && later.from <= model.successors.back().from)
        map.refuse("from", "is not after the one before it: the dates must rise");
    } else {
      map.refuse("from", time.error().message);
    }
  }
  map.finish();
  model.successors.push_back(std::move(later));
}

}  // namespace

PriceOverrides read_price_overrides(std::string_view text, YamlSource& source) {
  PriceOverrides out;
  out.version = base::to_hex(base::sha256(text)).substr(0, version_digits);
  auto root = YamlMap::parse(text, source);
  if (!root) return out;
  if (!root->has("models")) root->refuse("models", "is missing");
  for (auto& [name, map] : root->named_maps("models")) {
    meter::PricedModel price;
    price.name = name;
    read_prices(map, price);
    if (!map.has("maxOutputTokens")) map.refuse("maxOutputTokens", "is missing: nothing else bounds what a call costs");
    for (YamlMap& later : map.list("effective")) read_successor(std::move(later), price);
    map.finish();
    out.models.push_back(std::move(price));
  }
  root->finish();
  return out;
}

}  // namespace app
