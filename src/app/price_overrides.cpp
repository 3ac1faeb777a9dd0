#include "app/price_overrides.h"

#include <fmt/format.h>

#include "base/sha256.h"

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
    into.prices[name] = base::FinePrice::from(*price);
  } else {
    map.refuse(key, "must be USD per 1,000 tokens, zero or more, such as 0.0025");
  }
}

void required_price(YamlMap& map, std::string_view key, meter::PriceName name, meter::PricedModel& into) {
  if (!map.has(key)) map.refuse(key, "is missing: no price is not a price of zero");
  read_price(map, key, name, into);
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
    price.zeros_count = true;
    required_price(map, "inputPer1k", meter::PriceName::input_cost_per_token, price);
    required_price(map, "outputPer1k", meter::PriceName::output_cost_per_token, price);
    read_price(map, "cachedInputPer1k", meter::PriceName::cache_read_input_token_cost, price);
    map.integer("maxOutputTokens", price.max_output_tokens, output_tokens);
    if (!map.has("maxOutputTokens")) map.refuse("maxOutputTokens", "is missing: nothing else bounds what a call costs");
    map.finish();
    out.models.push_back(std::move(price));
  }
  root->finish();
  return out;
}

}  // namespace app
