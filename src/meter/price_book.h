#pragma once
// Prices by model, and what an exchange costs with them. Every sum is exact and rounded up once (base::CostSum).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/result.h"
#include "meter/usage.h"

namespace meter {

// How the provider serves a call, and so at which prices (OpenAI API reference, "service_tier").
enum class ServiceTier : std::uint8_t { standard, flex, priority };

// The tier that a dialect's name stands for; nullopt for a name that nobody has priced. "auto", "default", "scale" and
// other vendors' words for the ordinary service are standard. "auto" means "as the project is configured": a project
// that an operator has moved to priority is billed above the estimate, so such a project needs priority asked for.
std::optional<ServiceTier> known_service_tier(std::string_view name) noexcept;
// The tier that a reply names: what was served decides the price (metering.md 1.3, trap 15). A name that is not known
// counts as priority, the dearest there is.
ServiceTier service_tier_from(std::string_view name) noexcept;

// Whether a sum must allow for tokens at a model's audio prices, which are some ten times its text prices.
enum class Audio : std::uint8_t { none, possible };

// Prices per token. Absent means "no price of its own": such input then costs the input price.
struct TokenPrices {
  base::Price input;
  base::Price output;
  std::optional<base::Price> cached_input = std::nullopt;
  std::optional<base::Price> cache_write = std::nullopt;

  bool operator==(const TokenPrices&) const = default;
};

// Prices of all tokens of an exchange whose whole input is larger than `above_input_tokens` (metering.md 2.2, rule 5).
struct LongContext {
  std::int64_t above_input_tokens = 0;
  TokenPrices prices;

  bool operator==(const LongContext&) const = default;
};

struct ModelPrice {
  std::string model;
  TokenPrices standard;
  std::optional<TokenPrices> flex;      // absent: flex costs the standard price, which is never less
  std::optional<TokenPrices> priority;  // absent: this model has no price at priority (prices_tier)
  std::optional<base::Price> audio_input;
  std::optional<base::Price> audio_output;
  std::int64_t max_output_tokens = 0;  // the most that one choice can answer with; > 0
  std::int64_t max_input_tokens = 0;   // context; 0: not known
  std::optional<LongContext> long_context = std::nullopt;

  // False for priority without priority prices: refuse such a call with unknown_price before it leaves.
  bool prices_tier(ServiceTier tier) const { return tier != ServiceTier::priority || priority.has_value(); }
  bool prices_audio() const { return audio_input.has_value() || audio_output.has_value(); }

  // The exact cost of a usage, rounded up. nullopt: input or output is unknown, a class has no price here (audio, the
  // tier), or a model with audio prices got a usage that does not say how much of it was audio.
  // Parts that do not fit into their whole (cached + audio > input) cannot be believed: they lose the cache discount,
  // so that a contradiction never lowers the cost below what its classes or its total say.
  std::optional<base::Money> cost(const Usage& usage, ServiceTier tier) const;
  // The most that `input` and `output` tokens (over all choices, both >= 0) can cost in any class the exchange may
  // use. Money::max() for a tier without a price: nothing pays for that.
  base::Money worst_cost(std::int64_t input, std::int64_t output, ServiceTier tier,
                         Audio audio = Audio::possible) const;
  // The largest output (tokens, over all choices) whose worst_cost beside `input` is at most `money`; -1 if the input
  // alone is too dear.
  std::int64_t affordable_output(base::Money money, std::int64_t input, ServiceTier tier,
                                 Audio audio = Audio::possible) const;
};

// A dated list of prices. Immutable once read; every usage record keeps its version.
class PriceBook {
 public:
  // Reads the format of data/prices.json:
  //   {"version": "2026-07-24", "models": {"gpt-4o": {"input": "2.5", "output": "10", "cached_input": "1.25", …}}}
  // with prices in USD per million tokens as decimals. A model has input, output and max_output_tokens, and may have
  // cached_input, cache_write, audio_input, audio_output, max_input_tokens, flex and priority (prices again) and
  // long_context (prices again, and above_input_tokens). The error names the model and the field.
  static base::Result<PriceBook> parse(std::string_view json);
  // The list built into the binary (data/prices.json).
  static const PriceBook& built_in();

  // This list with these prices in place of, or beside, its own. A price stands for the dated snapshots of its model
  // too that cost in the list what the model does: a reply names its snapshot, and is billed by that name. Every usage
  // record keeps the version: it has to be another one for other prices.
  PriceBook with(const std::vector<ModelPrice>& prices, std::string version) const;

  // The model's price by its exact name, else by the name without a date at its end ("-2024-08-06", "-20241022",
  // "-0613", "@20240620"); nullptr if unknown. Nothing looser: a name that merely resembles another has no price.
  const ModelPrice* find(std::string_view model) const;
  const std::string& version() const { return version_; }
  const std::map<std::string, ModelPrice, std::less<>>& models() const { return models_; }

 private:
  std::string version_;
  std::map<std::string, ModelPrice, std::less<>> models_;
};

}  // namespace meter
