#include "meter/price_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/json.h"
#include "meter/model_name.h"

namespace meter {
namespace {

using base::Json;
using base::Price;
using base::Result;

// Keys of the table that are no models.
constexpr std::string_view not_models[] = {"sample_spec", "fallback_generalizations"};
constexpr std::string_view uplift = "regional_processing_uplift_multiplier_";
constexpr std::string_view threshold_prefix = "input_cost_per_token_above_";
constexpr std::string_view threshold_suffix = "k_tokens";
constexpr std::int64_t largest_count = 1'000'000'000'000;

bool speaks_of_a_cost(std::string_view field) {
  return field.find("cost") != std::string_view::npos || field.find("pricing") != std::string_view::npos ||
         field.find("multiplier") != std::string_view::npos;
}

std::string path(std::string_view model, std::string_view field) { return fmt::format("{}.{}", model, field); }

Result<base::FinePrice> read_price(const Json& value, std::string_view model, std::string_view field) {
  if (value.kind() != Json::Kind::number && value.kind() != Json::Kind::string)
    return base::invalid(fmt::format("'{}' must be a number of dollars", path(model, field)), path(model, field));
  auto price = base::FinePrice::parse_usd(value.text());
  if (!price)
    return base::invalid(fmt::format("{}: {}", path(model, field), price.error().message), path(model, field));
  return *price;
}

Result<Factor> read_factor(const Json& value, std::string_view model, std::string_view field) {
  // A factor has the form of a price: a decimal that is not negative.
  constexpr std::int64_t attos_per_thousandth = 1'000'000'000'000'000;
  auto number = Price::parse_usd(value.text());
  if (!number || number->attos() < attos_per_thousandth || number->attos() % attos_per_thousandth != 0)
    return base::invalid(
        fmt::format("'{}' is {}: a factor is a decimal above 0 with at most three digits behind the point",
                    path(model, field), value.text()),
        path(model, field));
  return Factor{number->attos() / attos_per_thousandth};
}

// A count of the table: some are written as floats ("256000.0").
Result<std::int64_t> read_count(const Json& value, std::string_view model, std::string_view field) {
  std::string_view text = value.text();
  if (const auto point = text.find('.');
      point != std::string_view::npos && text.find_first_not_of("0", point + 1) == std::string_view::npos)
    text = text.substr(0, point);
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 0 || count > largest_count)
    return base::invalid(
        fmt::format("'{}' is '{}': it must be a whole number, 0 or more", path(model, field), value.text()),
        path(model, field));
  return count;
}

Result<PriceTier> read_tier(const Json& value, std::string_view model, std::string_view field) {
  if (!value.is_object())
    return base::invalid(fmt::format("'{}' must be an object", path(model, field)), path(model, field));
  PriceTier tier;
  const Json* range = value.find("range");
  if (range == nullptr) {
    range = value.find("max_results_range");
    tier.by = PriceTier::By::results;
  }
  if (range == nullptr || range->items().size() != 2)
    return base::invalid(fmt::format("'{}' must have a 'range' of two numbers", path(model, field)),
                         path(model, field));
  TRY(tier.above, read_count(range->items()[0], model, field));
  TRY(tier.up_to, read_count(range->items()[1], model, field));
  // A range of tokens begins behind its first number, one of results with it.
  if (tier.by == PriceTier::By::results && tier.above > 0) --tier.above;
  for (const auto& [name, price] : value.members()) {
    if (name == "range" || name == "max_results_range" || price.is_null()) continue;
    TRY(tier.prices[name], read_price(price, model, fmt::format("{}.{}", field, name)));
  }
  return tier;
}

base::Status read_tiers(const Json& value, PricedModel& model) {
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    TRY(PriceTier tier, read_tier(value.items()[i], model.name, fmt::format("tiered_pricing[{}]", i)));
    if (tier.up_to <= tier.above || (i > 0 && tier.above < model.tiers.back().up_to))
      return base::invalid(fmt::format("'{}': the ranges of tiered_pricing must rise", model.name), model.name);
    model.tiers.push_back(std::move(tier));
  }
  return {};
}

base::Status read_search(const Json& value, PricedModel& model) {
  constexpr std::string_view prefix = "search_context_size_";
  for (const auto& [name, price] : value.members()) {
    const std::string_view size = std::string_view(name).starts_with(prefix)
                                      ? std::string_view(name).substr(prefix.size())
                                      : std::string_view(name);
    TRY(model.search[std::string(size)], read_price(price, model.name, "search_context_cost_per_query." + name));
  }
  return {};
}

base::Status read_factors(const Json& value, PricedModel& model) {
  for (const auto& [name, factor] : value.members()) {
    if (factor.kind() != Json::Kind::number) continue;  // how a provider is called, not what it costs
    TRY(model.factors[name], read_factor(factor, model.name, "provider_specific_entry." + name));
  }
  return {};
}

base::Status read_field(const std::string& name, const Json& value, PricedModel& model) {
  if (name == "litellm_provider") model.provider = value.text();
  if (name == "mode") model.mode = value.text();
  if (name == "max_input_tokens" || name == "max_output_tokens") {
    // A few rows have words or fractions there; a count that is not one is not known.
    const auto count = read_count(value, model.name, name);
    (name == "max_input_tokens" ? model.max_input_tokens : model.max_output_tokens) = count.value_or(0);
  }
  if (name == "provider_specific_entry") return read_factors(value, model);
  if (name == "search_context_cost_per_query") return read_search(value, model);
  if (name == "tiered_pricing") return read_tiers(value, model);
  if (!speaks_of_a_cost(name)) return {};
  if (name.starts_with(uplift)) {
    TRY(model.factors[name], read_factor(value, model.name, name));
  } else if (value.kind() == Json::Kind::number || value.kind() == Json::Kind::string) {
    TRY(model.prices[name], read_price(value, model.name, name));
  } else {
    model.not_understood.push_back(name);
  }
  return {};
}

std::vector<std::int64_t> thresholds_of(const Prices& prices) {
  std::vector<std::int64_t> found;
  for (const auto& [name, price] : prices) {
    const std::string_view text = name;
    if (!text.starts_with(threshold_prefix) || !text.ends_with(threshold_suffix)) continue;
    std::int64_t thousands = 0;
    const char* const begin = text.data() + threshold_prefix.size();
    const char* const end = text.data() + text.size() - threshold_suffix.size();
    const auto [stopped, error] = std::from_chars(begin, end, thousands);
    if (error == std::errc() && stopped == end && thousands > 0 && thousands <= largest_count / 1000)
      found.push_back(thousands * 1000);
  }
  std::ranges::sort(found, std::greater<>());
  return found;
}

Result<PricedModel> read_model(const std::string& name, const Json& value) {
  if (!value.is_object()) return base::invalid(fmt::format("'{}' must be an object of prices", name), name);
  PricedModel model;
  model.name = name;
  for (const auto& [field, content] : value.members())
    if (!content.is_null()) TRY_STATUS(read_field(field, content, model));
  model.thresholds = thresholds_of(model.prices);
  return model;
}

bool any_above_zero(const Prices& prices) {
  return std::ranges::any_of(prices, [](const auto& price) { return !price.second.is_zero(); });
}

}  // namespace

bool PricedModel::has_a_price() const {
  return any_above_zero(prices) || any_above_zero(search) ||
         std::ranges::any_of(tiers, [](const PriceTier& tier) { return any_above_zero(tier.prices); });
}

Result<PriceTable> PriceTable::parse(std::string_view json) {
  TRY(const Json document, Json::parse(json));
  if (!document.is_object()) return base::invalid("a price table is an object of models");
  PriceTable table;
  for (const auto& [name, value] : document.members()) {
    if (std::ranges::find(not_models, name) != std::ranges::end(not_models)) continue;
    TRY(PricedModel model, read_model(name, value));
    table.models_.emplace(name, std::move(model));
  }
  return table;
}

const PricedModel* PriceTable::find(std::string_view model) const {
  const auto exact_or_undated = [this](std::string_view name) -> const PricedModel* {
    auto found = models_.find(name);
    if (found == models_.end()) found = models_.find(without_date(name));
    return found == models_.end() ? nullptr : &found->second;
  };
  if (const PricedModel* found = exact_or_undated(model)) return found;
  const auto slash = model.find('/');
  if (slash == std::string_view::npos) return nullptr;
  const std::string_view provider = model.substr(0, slash);
  const PricedModel* found = exact_or_undated(model.substr(slash + 1));
  // "vertex_ai/…" has rows of "vertex_ai-language-models"; a stranger's model of the same name has none.
  const auto is_of = [&provider](std::string_view of_row) {
    return of_row.starts_with(provider) &&
           (of_row.size() == provider.size() || of_row[provider.size()] == '-' || of_row[provider.size()] == '_');
  };
  return found != nullptr && !provider.empty() && is_of(found->provider) ? found : nullptr;
}

}  // namespace meter
