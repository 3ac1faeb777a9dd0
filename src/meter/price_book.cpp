#include "meter/price_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/json.h"
#include "meter/model_name.h"

namespace meter {
namespace {

using base::CostSum;
using base::Json;
using base::JsonFields;
using base::Money;
using base::Price;
using base::Result;

// data/prices.json has prices per million tokens.
constexpr std::int64_t tokens_per_price = 1'000'000;
// Above every count that a provider can mean; it keeps sums of counts far from overflow.
constexpr std::int64_t largest_count = 1'000'000'000'000'000;

// A part that the provider does not name is no part: it then costs what the whole costs.
std::int64_t part(const std::optional<std::int64_t>& count) { return count.value_or(0); }

TokenPrices dearer_of(const TokenPrices& a, const TokenPrices& b) {
  return TokenPrices{.input = std::max(a.input, b.input),
                     .output = std::max(a.output, b.output),
                     .cached_input = std::max(a.cached_input.value_or(a.input), b.cached_input.value_or(b.input)),
                     .cache_write = std::max(a.cache_write.value_or(a.input), b.cache_write.value_or(b.input))};
}

// No list gives long-context prices by tier. The dearer of the two keeps priority from becoming cheap there, and
// flex from being cheaper than anyone has promised.
TokenPrices prices_for(const ModelPrice& model, std::int64_t input, ServiceTier tier) {
  const TokenPrices* prices = &model.standard;
  if (tier == ServiceTier::flex && model.flex) prices = &*model.flex;
  if (tier == ServiceTier::priority && model.priority) prices = &*model.priority;
  if (model.long_context && input > model.long_context->above_input_tokens)
    return dearer_of(*prices, model.long_context->prices);
  return *prices;
}

struct WorstPrices {
  Price input;
  Price output;
};

WorstPrices worst_prices(const ModelPrice& model, std::int64_t input, ServiceTier tier, Audio audio) {
  const TokenPrices prices = prices_for(model, input, tier);
  WorstPrices worst{
      std::max({prices.input, prices.cached_input.value_or(prices.input), prices.cache_write.value_or(prices.input)}),
      prices.output};
  if (audio == Audio::possible) {
    worst.input = std::max(worst.input, model.audio_input.value_or(worst.input));
    worst.output = std::max(worst.output, model.audio_output.value_or(worst.output));
  }
  return worst;
}

bool countable(const Usage& usage) {
  const auto fits = [](const std::optional<std::int64_t>& count) {
    return !count || (*count >= 0 && *count <= largest_count);
  };
  return usage.input_tokens && usage.output_tokens && fits(usage.input_tokens) && fits(usage.output_tokens) &&
         fits(usage.cached_input_tokens) && fits(usage.cache_write_tokens) && fits(usage.audio_input_tokens) &&
         fits(usage.audio_output_tokens);
}

// Whether every token's class has a price here.
bool audio_priced(const ModelPrice& model, const Usage& usage) {
  const auto priced = [](const std::optional<Price>& price, const std::optional<std::int64_t>& tokens) {
    return price ? tokens.has_value() : part(tokens) == 0;
  };
  return priced(model.audio_input, usage.audio_input_tokens) && priced(model.audio_output, usage.audio_output_tokens);
}

Result<std::optional<Price>> read_price(JsonFields& fields, std::string_view key) {
  TRY(const auto text, fields.decimal(key));
  if (!text) return std::nullopt;
  auto price = Price::parse_usd(*text, tokens_per_price);
  if (!price)
    return base::invalid(fmt::format("{}: {}", fields.path_of(key), price.error().message), fields.path_of(key));
  return *price;
}

Result<Price> required_price(JsonFields& fields, std::string_view key) {
  TRY(const auto price, read_price(fields, key));
  if (!price)
    return base::invalid(fmt::format("'{}' is missing: no price is not a price of zero", fields.path_of(key)),
                         fields.path_of(key));
  return *price;
}

// At least `least`; absent gives `otherwise`, or an error where that is smaller than `least`.
Result<std::int64_t> read_tokens(JsonFields& fields, std::string_view key, std::int64_t least, std::int64_t otherwise) {
  TRY(const auto tokens, fields.integer(key));
  if (tokens.value_or(otherwise) < least || tokens.value_or(otherwise) > largest_count)
    return base::invalid(fmt::format("'{}' must be a whole number of tokens, {} or more", fields.path_of(key), least),
                         fields.path_of(key));
  return tokens.value_or(otherwise);
}

Result<TokenPrices> read_token_prices(JsonFields& fields) {
  TokenPrices prices;
  TRY(prices.input, required_price(fields, "input"));
  TRY(prices.output, required_price(fields, "output"));
  TRY(prices.cached_input, read_price(fields, "cached_input"));
  TRY(prices.cache_write, read_price(fields, "cache_write"));
  return prices;
}

Result<std::optional<TokenPrices>> read_tier(JsonFields& model, std::string_view key) {
  const Json* value = model.any(key);
  if (value == nullptr) return std::nullopt;
  TRY(auto fields, JsonFields::of(*value, model.path_of(key)));
  TRY(const TokenPrices prices, read_token_prices(fields));
  TRY_STATUS(fields.finish());
  return prices;
}

Result<std::optional<LongContext>> read_long_context(JsonFields& model) {
  const Json* value = model.any("long_context");
  if (value == nullptr) return std::nullopt;
  TRY(auto fields, JsonFields::of(*value, model.path_of("long_context")));
  LongContext out;
  TRY(out.above_input_tokens, read_tokens(fields, "above_input_tokens", 1, 0));
  TRY(out.prices, read_token_prices(fields));
  TRY_STATUS(fields.finish());
  return out;
}

Result<ModelPrice> read_model(const std::string& name, const Json& value) {
  TRY(auto fields, JsonFields::of(value, "models." + name));
  ModelPrice out;
  out.model = name;
  TRY(out.standard, read_token_prices(fields));
  TRY(out.flex, read_tier(fields, "flex"));
  TRY(out.priority, read_tier(fields, "priority"));
  TRY(out.long_context, read_long_context(fields));
  TRY(out.audio_input, read_price(fields, "audio_input"));
  TRY(out.audio_output, read_price(fields, "audio_output"));
  TRY(out.max_output_tokens, read_tokens(fields, "max_output_tokens", 1, 0));
  TRY(out.max_input_tokens, read_tokens(fields, "max_input_tokens", 0, 0));
  TRY_STATUS(fields.finish());
  return out;
}

}  // namespace

std::optional<ServiceTier> known_service_tier(std::string_view name) noexcept {
  // on_demand is Groq's word, provisioned OpenRouter's; fast is Anthropic's for what others call priority.
  for (const std::string_view word : {"auto", "default", "standard", "scale", "on_demand", "provisioned"})
    if (name == word) return ServiceTier::standard;
  if (name == "flex") return ServiceTier::flex;
  if (name == "priority" || name == "fast") return ServiceTier::priority;
  return std::nullopt;
}

ServiceTier service_tier_from(std::string_view name) noexcept {
  return known_service_tier(name).value_or(ServiceTier::priority);
}

std::optional<Money> ModelPrice::cost(const Usage& usage, ServiceTier tier) const {
  if (!countable(usage) || !audio_priced(*this, usage) || !prices_tier(tier)) return std::nullopt;
  const TokenPrices prices = prices_for(*this, *usage.input_tokens, tier);
  CostSum sum;

  const std::int64_t cached = part(usage.cached_input_tokens);
  const std::int64_t written = part(usage.cache_write_tokens);
  const std::int64_t audio_in = part(usage.audio_input_tokens);
  const std::int64_t plain = *usage.input_tokens - cached - written - audio_in;
  if (plain >= 0) {
    sum.add(plain, prices.input);
    sum.add(cached, prices.cached_input.value_or(prices.input));
  } else {
    // The parts alone are more than the whole here, so without a discount they are at least what the whole costs.
    sum.add(cached, std::max(prices.input, prices.cached_input.value_or(prices.input)));
  }
  sum.add(written, prices.cache_write.value_or(prices.input));
  sum.add(audio_in, audio_input.value_or(prices.input));

  const std::int64_t audio_out = part(usage.audio_output_tokens);
  sum.add(std::max<std::int64_t>(*usage.output_tokens - audio_out, 0), prices.output);
  sum.add(audio_out, audio_output.value_or(prices.output));
  return sum.ceil();
}

Money ModelPrice::worst_cost(std::int64_t input, std::int64_t output, ServiceTier tier, Audio audio) const {
  if (!prices_tier(tier)) return Money::max();
  const WorstPrices worst = worst_prices(*this, input, tier, audio);
  CostSum sum;
  sum.add(input, worst.input);
  sum.add(output, worst.output);
  return sum.ceil();
}

std::int64_t ModelPrice::affordable_output(Money money, std::int64_t input, ServiceTier tier, Audio audio) const {
  ASSERT(input >= 0);
  if (!prices_tier(tier) || money.is_negative()) return -1;
  const WorstPrices worst = worst_prices(*this, input, tier, audio);
  // ceil(sum) <= money exactly when sum <= money, because money is whole nano-dollars.
  const auto held = static_cast<unsigned __int128>(money.nanos()) * Price::attos_per_nano;
  const auto needed = static_cast<unsigned __int128>(input) * static_cast<unsigned __int128>(worst.input.attos());
  if (needed > held) return -1;
  if (worst.output.attos() == 0) return INT64_MAX;
  const auto tokens = (held - needed) / static_cast<unsigned __int128>(worst.output.attos());
  return static_cast<std::int64_t>(std::min<unsigned __int128>(tokens, INT64_MAX));
}

Result<PriceBook> PriceBook::parse(std::string_view json) {
  TRY(const Json document, Json::parse(json));
  TRY(auto fields, JsonFields::of(document));
  PriceBook book;
  TRY(book.version_, fields.required_string("version"));
  const Json* models = fields.any("models");
  TRY_STATUS(fields.finish());
  if (models == nullptr || !models->is_object())
    return base::invalid("'models' must be an object of prices by model", "models");
  for (const auto& [name, value] : models->members()) {
    TRY(ModelPrice price, read_model(name, value));
    book.models_.emplace(name, std::move(price));
  }
  return book;
}

PriceBook PriceBook::with(const std::vector<ModelPrice>& prices, std::string version) const {
  PriceBook book = *this;
  book.version_ = std::move(version);
  for (const ModelPrice& price : prices) {
    const auto listed = models_.find(price.model);
    if (listed == models_.end()) continue;
    std::erase_if(book.models_, [&](const auto& other) {
      return without_date(other.first) == price.model && other.second.standard == listed->second.standard;
    });
  }
  for (const ModelPrice& price : prices) book.models_.insert_or_assign(price.model, price);
  return book;
}

const ModelPrice* PriceBook::find(std::string_view model) const {
  auto found = models_.find(model);
  if (found == models_.end()) found = models_.find(without_date(model));
  return found == models_.end() ? nullptr : &found->second;
}

}  // namespace meter
