#include "gateway/price_row.h"

#include <boost/json/array.hpp>

namespace gateway {
namespace {

namespace json = boost::json;

void add_prices(json::object& to, const meter::Prices& prices) {
  for (const auto& [key, price] : prices) to[key.text()] = price.to_usd();
}

json::object tier_json(const meter::PriceTier& tier) {
  json::object shown;
  const bool by_results = tier.by == meter::PriceTier::By::results;
  // A range of results begins with its first number, one of tokens behind it.
  const std::int64_t first = by_results ? tier.above + 1 : tier.above;
  shown[by_results ? "max_results_range" : "range"] = json::array{first, tier.up_to};
  add_prices(shown, tier.prices);
  return shown;
}

}  // namespace

json::object price_row_json(const meter::PricedModel& row) {
  json::object shown;
  if (!row.provider.empty()) shown["litellm_provider"] = row.provider;
  if (!row.mode.empty()) shown["mode"] = row.mode;
  if (row.max_input_tokens > 0) shown["max_input_tokens"] = row.max_input_tokens;
  if (row.max_output_tokens > 0) shown["max_output_tokens"] = row.max_output_tokens;
  add_prices(shown, row.prices);
  json::array tiers;
  for (const meter::PriceTier& tier : row.tiers) tiers.push_back(tier_json(tier));
  if (!tiers.empty()) shown["tiered_pricing"] = std::move(tiers);
  json::object factors;
  for (const meter::NamedFactor& one : row.factors) {
    // A book takes these as numbers only. The shortest text of the nearest double has all of three digits.
    const double value = static_cast<double>(one.factor.thousandths) / meter::Factor::one;
    (one.name.contains("multiplier") ? shown : factors)[one.name] = value;
  }
  if (!factors.empty()) shown["provider_specific_entry"] = std::move(factors);
  for (const meter::FieldNotBilled& field : row.not_billed)
    shown[field.name] = field.price ? field.price->to_usd() : "not a price";
  return shown;
}

}  // namespace gateway
