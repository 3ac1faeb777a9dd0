#include "meter/prices_in_effect.h"

namespace meter {
namespace {

// xAI's larger price begins with the threshold, everyone else's behind it.
bool passes(const PricedModel& model, std::int64_t input_tokens, std::int64_t threshold) {
  return model.provider == "xai" ? input_tokens >= threshold : input_tokens > threshold;
}

PriceFor served_at(ServiceTier tier) {
  switch (tier) {
    case ServiceTier::standard: return PriceFor::ordinary;
    case ServiceTier::flex: return PriceFor::flex;
    case ServiceTier::priority: return PriceFor::priority;
  }
  return PriceFor::ordinary;
}

// What a tier of tiered_pricing sets; other prices of such a row are the same for all sizes.
bool is_of_tiers(PriceName name) {
  switch (name) {
    case PriceName::input_cost_per_token:
    case PriceName::input_cost_per_token_cache_hit:
    case PriceName::output_cost_per_token:
    case PriceName::output_cost_per_reasoning_token:
    case PriceName::input_cost_per_query:
    case PriceName::cache_read_input_token_cost:
    case PriceName::cache_read_input_audio_token_cost:
    case PriceName::cache_creation_input_token_cost:
    case PriceName::cache_creation_input_token_cost_above_1hr: return true;
    default: return false;
  }
}

}  // namespace

PricesInEffect::PricesInEffect(const PricedModel& model, std::int64_t input_tokens, const Service& service)
    : model_(&model), served_(served_at(service.tier)), delivery_(service.delivery) {
  for (const std::int64_t threshold : model.thresholds())
    if (passes(model, input_tokens, threshold)) above_thousands_ = static_cast<std::uint32_t>(threshold / 1000);
  for (const PriceTier& tier : model.tiers) {
    const std::int64_t size = tier.by == PriceTier::By::results ? service.results : input_tokens;
    tier_ = &tier;
    if (size <= tier.up_to) break;
  }
}

std::optional<ChosenPrice> PricesInEffect::listed(const Prices& prices, PriceKey key, Own own) const {
  const auto* const found = prices.find(key);
  if (found == nullptr) return std::nullopt;
  return ChosenPrice{
      .price = *found, .key = key, .halves = delivery_ == Delivery::batch ? 1 : 2, .of_its_own = own == Own::yes};
}

std::optional<ChosenPrice> PricesInEffect::find(PriceName name) const {
  if (tier_ != nullptr && is_of_tiers(name)) {
    auto found = listed(tier_->prices, name, Own::yes);
    if (found) found->tier = static_cast<std::uint32_t>(tier_ - model_->tiers.data()) + 1;
    return found;
  }
  const Prices& prices = model_->prices;
  const PriceFor served = delivery_ == Delivery::batch ? PriceFor::ordinary : served_;
  if (above_thousands_ > 0) {
    if (const auto found = listed(prices, {name, above_thousands_, served}, Own::yes)) return found;
    if (const auto found = listed(prices, {name, above_thousands_}, Own::yes)) return found;
  }
  if (delivery_ == Delivery::batch) {
    if (auto found = listed(prices, {name, 0, PriceFor::batches}, Own::yes)) {
      found->halves = 2;
      return found;
    }
  }
  if (served != PriceFor::ordinary)
    if (const auto found = listed(prices, {name, 0, served}, Own::yes)) return found;
  return listed(prices, name, Own::no);
}

std::optional<ChosenPrice> PricesInEffect::find(PriceName name, PriceFor resolution) const {
  return listed(model_->prices, {name, 0, resolution}, Own::yes);
}

std::optional<ChosenPrice> PricesInEffect::first_of(std::initializer_list<PriceName> names) const {
  std::optional<ChosenPrice> first;
  for (const PriceName name : names) {
    const auto found = find(name);
    if (found && !found->price.is_zero()) return found;
    if (!first) first = found;
  }
  return first;
}

}  // namespace meter
