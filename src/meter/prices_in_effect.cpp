#include "meter/prices_in_effect.h"

#include <fmt/format.h>

#include <algorithm>

namespace meter {
namespace {

// xAI's larger price begins with the threshold, everyone else's behind it.
bool passes(const PricedModel& model, std::int64_t input_tokens, std::int64_t threshold) {
  return model.provider == "xai" ? input_tokens >= threshold : input_tokens > threshold;
}

std::string suffix_of(ServiceTier tier) {
  switch (tier) {
    case ServiceTier::standard: return "";
    case ServiceTier::flex: return "_flex";
    case ServiceTier::priority: return "_priority";
  }
  return "";
}

// What a tier of tiered_pricing sets; other prices of such a row are the same for all sizes.
bool is_of_tiers(std::string_view name) {
  return name.starts_with("input_cost_per_token") || name == "output_cost_per_token" ||
         name == "input_cost_per_query" || name == "output_cost_per_reasoning_token" || name.starts_with("cache_");
}

}  // namespace

PricesInEffect::PricesInEffect(const PricedModel& model, std::int64_t input_tokens, const Service& service)
    : model_(model), suffix_(suffix_of(service.tier)), delivery_(service.delivery) {
  for (const std::int64_t threshold : model.thresholds) {
    if (!passes(model, input_tokens, threshold)) continue;
    above_ = fmt::format("_above_{}k_tokens", threshold / 1000);
    break;
  }
  for (const PriceTier& tier : model.tiers) {
    const std::int64_t size = tier.by == PriceTier::By::results ? service.results : input_tokens;
    tier_ = &tier;
    tier_index_ = static_cast<std::size_t>(tier_ - model.tiers.data());
    if (size <= tier.up_to) break;
  }
}

std::optional<ChosenPrice> PricesInEffect::listed(const Prices& prices, const std::string& key, bool of_its_own) const {
  const auto found = prices.find(key);
  if (found == prices.end()) return std::nullopt;
  return ChosenPrice{
      .price = found->second, .key = key, .halves = delivery_ == Delivery::batch ? 1 : 2, .of_its_own = of_its_own};
}

std::optional<ChosenPrice> PricesInEffect::find(std::string_view name) const {
  const std::string key(name);
  if (tier_ != nullptr && is_of_tiers(name)) {
    auto found = listed(tier_->prices, key, true);
    if (found) found->key = fmt::format("tiered_pricing[{}].{}", tier_index_, key);
    return found;
  }
  const std::string suffix = delivery_ == Delivery::batch ? "" : suffix_;
  if (!above_.empty()) {
    if (const auto found = listed(model_.prices, key + above_ + suffix, true)) return found;
    if (const auto found = listed(model_.prices, key + above_, true)) return found;
  }
  if (delivery_ == Delivery::batch) {
    if (auto found = listed(model_.prices, key + "_batches", true)) {
      found->halves = 2;
      return found;
    }
  }
  if (!suffix.empty())
    if (const auto found = listed(model_.prices, key + suffix, true)) return found;
  return listed(model_.prices, key, false);
}

std::optional<ChosenPrice> PricesInEffect::first_of(std::initializer_list<std::string_view> names) const {
  std::optional<ChosenPrice> first;
  for (const std::string_view name : names) {
    auto found = find(name);
    if (found && !found->price.is_zero()) return found;
    if (!first) first = std::move(found);
  }
  return first;
}

}  // namespace meter
