#include "meter/price_table.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "meter/model_name.h"
#include "meter/price_rows.h"

namespace meter {
namespace {

namespace od = simdjson::ondemand;
using base::Result;
using base::Status;

// Keys of the table that are no models.
constexpr std::string_view not_models[] = {"sample_spec", "fallback_generalizations"};

bool any_above_zero(const Prices& prices) {
  return std::ranges::any_of(prices, [](const auto& price) { return !price.second.is_zero(); });
}

// "vertex_ai/…" has rows of "vertex_ai-language-models"; a stranger's model of the same name has none.
bool is_of(const PricedModel& row, std::string_view provider) {
  const std::string_view of_row = row.provider;
  return !provider.empty() && of_row.starts_with(provider) &&
         (of_row.size() == provider.size() || of_row[provider.size()] == '-' || of_row[provider.size()] == '_');
}

}  // namespace

bool PricedModel::has_a_price() const {
  return any_above_zero(prices) ||
         std::ranges::any_of(tiers, [](const PriceTier& tier) { return any_above_zero(tier.prices); });
}

boost::container::small_vector<std::int64_t, 4> PricedModel::thresholds() const {
  boost::container::small_vector<std::int64_t, 4> found;
  for (auto at = prices.lower_bound({PriceName::input_cost_per_token, 1});
       at != prices.end() && at->first.name() == PriceName::input_cost_per_token; ++at)
    if (at->first.served() == PriceFor::ordinary) found.push_back(std::int64_t{at->first.above_thousands()} * 1000);
  return found;
}

std::optional<Factor> PricedModel::factor(std::string_view named) const {
  const auto found = std::ranges::find(factors, named, &NamedFactor::name);
  return found == factors.end() ? std::nullopt : std::optional(found->factor);
}

Result<PriceTable> PriceTable::parse(std::string_view json) {
  return read(simdjson::padded_string(json), Text::foreign);
}

Result<PriceTable> PriceTable::read(std::string_view padded, Text text) {
  const simdjson::padded_string_view view(padded, padded.size() + simdjson::SIMDJSON_PADDING);
  if (text == Text::foreign) {
    // The walk below passes over what it does not need; this looks at all of it.
    simdjson::dom::parser checker(simdjson::SIMDJSON_MAXSIZE_BYTES);
    if (const auto error = checker.parse(padded.data(), padded.size(), false).error(); error != simdjson::SUCCESS)
      return base::invalid(fmt::format("not valid JSON: {}", simdjson::error_message(error)));
  }
  od::parser parser;
  od::document document;
  if (parser.iterate(view).get(document) != simdjson::SUCCESS) return base::invalid("not valid JSON");
  od::object models;
  if (document.get_object().get(models) != simdjson::SUCCESS)
    return base::invalid("a price table is an object of models");
  PriceTable table;
  for (auto model : models) {
    std::string_view key;
    od::value value;
    if (model.unescaped_key().get(key) != simdjson::SUCCESS || model.value().get(value) != simdjson::SUCCESS)
      return base::invalid("not valid JSON");
    if (std::ranges::find(not_models, key) != std::ranges::end(not_models)) continue;
    TRY(PricedModel row, read_price_row(std::string(key), value));
    table.models_.push_back(std::move(row));
  }
  TRY_STATUS(table.index());
  return table;
}

Status PriceTable::index() {
  std::ranges::sort(models_, {}, &PricedModel::name);
  models_.shrink_to_fit();
  by_name_.reserve(models_.size());
  for (std::uint32_t i = 0; i < models_.size(); ++i)
    if (!by_name_.try_emplace(models_[i].name, i).second)
      return base::invalid(fmt::format("'{}' is given twice; keep one", models_[i].name), models_[i].name);
  return {};
}

const PricedModel* PriceTable::row(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &models_[found->second];
}

const PricedModel* PriceTable::find(std::string_view model) const {
  if (const PricedModel* found = row(model)) return found;
  if (const PricedModel* found = row(without_date(model))) return found;
  const auto slash = model.find('/');
  if (slash == std::string_view::npos) return nullptr;
  const std::string_view alone = model.substr(slash + 1);
  for (const std::string_view name : {alone, without_date(alone)})
    if (const PricedModel* found = row(name); found != nullptr && is_of(*found, model.substr(0, slash))) return found;
  return nullptr;
}

}  // namespace meter
