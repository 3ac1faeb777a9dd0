#include "app/price_overrides.h"

#include <fmt/format.h>

#include "base/sha256.h"

namespace app {
namespace {

constexpr std::int64_t tokens_per_price = 1000;
constexpr IntegerRange output_tokens{1, 100'000'000};
constexpr std::size_t version_digits = 12;

std::optional<base::Price> read_price(YamlMap& map, std::string_view key) {
  std::string text;
  map.decimal(key, text);
  if (text.empty()) return std::nullopt;
  const auto price = base::Price::parse_usd(text, tokens_per_price);
  if (!price) {
    map.refuse(key, "must be USD per 1,000 tokens, zero or more, such as 0.0025");
    return std::nullopt;
  }
  return *price;
}

base::Price required_price(YamlMap& map, std::string_view key) {
  if (!map.has(key)) map.refuse(key, "is missing: no price is not a price of zero");
  return read_price(map, key).value_or(base::Price());
}

}  // namespace

PriceOverrides read_price_overrides(std::string_view text, YamlSource& source) {
  PriceOverrides out;
  out.version = base::to_hex(base::sha256(text)).substr(0, version_digits);
  auto root = YamlMap::parse(text, source);
  if (!root) return out;
  if (!root->has("models")) root->refuse("models", "is missing");
  for (auto& [name, map] : root->named_maps("models")) {
    meter::ModelPrice price;
    price.model = name;
    price.standard.input = required_price(map, "inputPer1k");
    price.standard.output = required_price(map, "outputPer1k");
    price.standard.cached_input = read_price(map, "cachedInputPer1k");
    map.integer("maxOutputTokens", price.max_output_tokens, output_tokens);
    if (!map.has("maxOutputTokens")) map.refuse("maxOutputTokens", "is missing: nothing else bounds what a call costs");
    map.finish();
    out.models.push_back(std::move(price));
  }
  root->finish();
  return out;
}

}  // namespace app
