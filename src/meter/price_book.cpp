#include "meter/price_book.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <initializer_list>

#include "base/assert.h"
#include "base/sha256.h"
#include "meter/model_name.h"
#include "meter/price_book_reader.h"

namespace meter {
namespace {

using base::Result;

constexpr std::size_t version_digits = 12;

bool any_above_zero(const Prices& prices) {
  return std::ranges::any_of(prices, [](const auto& price) { return !price.second.is_zero(); });
}

// "vertex_ai/…" has rows of "vertex_ai-language-models"; a stranger's model of the same name has none.
bool is_of(const PricedModel& row, std::string_view provider) {
  const std::string_view of_row = row.provider;
  return !provider.empty() && of_row.starts_with(provider) &&
         (of_row.size() == provider.size() || of_row[provider.size()] == '-' || of_row[provider.size()] == '_');
}

// "azure/gpt-4o" is a provider's gpt-4o, and "hd/1024-x-1024/dall-e-3" what images of dall-e-3 cost.
bool is_the_same_model(const PricedModel& row, std::string_view model) {
  if (row.name == model) return true;
  if (!row.name.ends_with(model) || row.name[row.name.size() - model.size() - 1] != '/') return false;
  const std::string_view before = std::string_view(row.name).substr(0, row.name.size() - model.size() - 1);
  return row.mode == "image_generation" || is_of(row, before);
}

// What tokens cost in the ordinary service; a snapshot may lack the prices of a tier that its model has.
bool costs_the_same(const PricedModel& a, const PricedModel& b) {
  const auto price = [](const PricedModel& row, PriceName name) {
    const auto* const found = row.prices.find(name);
    return found == nullptr ? std::nullopt : std::optional(*found);
  };
  return a.tiers == b.tiers && a.from == b.from && std::ranges::equal(a.successors, b.successors, costs_the_same) &&
         std::ranges::all_of(
             std::initializer_list<PriceName>{PriceName::input_cost_per_token, PriceName::output_cost_per_token,
                                              PriceName::cache_read_input_token_cost,
                                              PriceName::cache_creation_input_token_cost},
             [&](PriceName name) { return price(a, name) == price(b, name); });
}

}  // namespace

bool Prices::add(PriceKey key, base::FinePrice price) {
  names_ |= std::uint64_t{1} << static_cast<unsigned>(key.name());
  return prices_.try_emplace(key, price).second;
}

bool PricedModel::has_a_price() const {
  return zeros_count || any_above_zero(prices) ||
         std::ranges::any_of(tiers, [](const PriceTier& tier) { return any_above_zero(tier.prices); });
}

boost::container::small_vector<std::int64_t, 4> PricedModel::thresholds() const {
  boost::container::small_vector<std::int64_t, 4> found;
  for (auto at = prices.from({PriceName::input_cost_per_token, 1});
       at != prices.end() && at->first.name() == PriceName::input_cost_per_token; ++at)
    if (at->first.served() == PriceFor::ordinary) found.push_back(std::int64_t{at->first.above_thousands()} * 1000);
  return found;
}

bool PricedModel::is_ever_priced() const {
  return has_a_price() || std::ranges::any_of(successors, &PricedModel::has_a_price);
}

const PricedModel& PricedModel::in_effect(base::WallTime start) const {
  const auto later = std::ranges::upper_bound(successors, start, {}, &PricedModel::from);
  return later == successors.begin() ? *this : *std::prev(later);
}

std::optional<Factor> PricedModel::factor(std::string_view named) const {
  const auto found = std::ranges::find(factors, named, &NamedFactor::name);
  return found == factors.end() ? std::nullopt : std::optional(found->factor);
}

Result<PriceBook> PriceBook::parse(std::string_view json) {
  TRY(PriceBookContents contents, read_price_book(simdjson::padded_string(json), BookText::foreign));
  if (contents.version.empty())
    contents.version = "sha256:" + base::to_hex(base::sha256(json)).substr(0, version_digits);
  return of(std::move(contents.version), std::move(contents.models));
}

PriceBook PriceBook::built_in() {
  auto contents = read_price_book(built_in_prices(), BookText::checked);
  ASSERT(contents.has_value());  // the file is ours and a test reads it
  auto book = of(std::move(contents->version), std::move(contents->models));
  ASSERT(book.has_value());
  return std::move(*book);
}

Result<PriceBook> PriceBook::of(std::string version, std::vector<PricedModel> models) {
  PriceBook book;
  book.version_ = std::move(version);
  book.models_ = std::move(models);
  std::ranges::sort(book.models_, {}, &PricedModel::name);
  book.models_.shrink_to_fit();
  book.by_name_.reserve(book.models_.size());
  for (std::uint32_t i = 0; i < book.models_.size(); ++i)
    if (const std::string& name = book.models_[i].name; !book.by_name_.try_emplace(name, i).second)
      return base::invalid(fmt::format("'{}' is given twice; keep one", name), name);
  return book;
}

PriceBook PriceBook::with(const std::vector<PricedModel>& rows, std::string version) && {
  const auto is_replaced = [this, &rows](const PricedModel& listed) {
    return std::ranges::any_of(rows, [&](const PricedModel& own) {
      if (is_the_same_model(listed, own.name)) return true;
      const PricedModel* const dateless = row(without_date(listed.name));
      return dateless != nullptr && is_the_same_model(*dateless, own.name) && costs_the_same(listed, *dateless);
    });
  };
  std::vector<PricedModel> models = rows;
  for (const PricedModel& listed : models_)
    if (!is_replaced(listed)) models.push_back(listed);
  auto book = of(std::move(version), std::move(models));
  ASSERT(book.has_value());  // the own rows have replaced the listed ones of their names
  return std::move(*book);
}

const PricedModel* PriceBook::row(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &models_[found->second];
}

const PricedModel* PriceBook::row_or_undated(std::string_view name) const {
  const PricedModel* const found = row(name);
  return found != nullptr ? found : row(without_date(name));
}

const PricedModel* PriceBook::row_of_provider(std::string_view provider, std::string_view model) const {
  for (const std::string_view name : {model, without_date(model)})
    if (const PricedModel* found = row(name); found != nullptr && (found->provider.empty() || is_of(*found, provider)))
      return found;
  return nullptr;
}

const PricedModel* PriceBook::find(std::string_view provider, std::string_view model) const {
  if (!provider.empty()) {
    fmt::basic_memory_buffer<char, 256> name;
    name.append(provider);
    name.push_back('/');
    name.append(model);
    if (const PricedModel* found = row_or_undated({name.data(), name.size()})) return found;
  }
  return row_of_provider(provider, model);
}

const PricedModel* PriceBook::find(std::string_view model) const {
  if (const PricedModel* found = row_or_undated(model)) return found;
  const auto slash = model.find('/');
  return slash == std::string_view::npos ? nullptr : row_of_provider(model.substr(0, slash), model.substr(slash + 1));
}

}  // namespace meter
