#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/money.h"
#include "base/result.h"
#include "meter/usage.h"

namespace meter {

enum class ServiceTier : std::uint8_t { standard, flex, priority };

// Prices per token, per tier where the provider publishes one. Absent means "no price of its own": cached input then
// costs the input price, audio the larger text price applies only if the model has no audio price and sends no audio.
struct TokenPrices {
  base::Price input;
  base::Price output;
  std::optional<base::Price> cached_input;
};

struct ModelPrice {
  std::string model;
  TokenPrices standard;
  std::optional<TokenPrices> flex;
  std::optional<TokenPrices> priority;
  std::optional<base::Price> audio_input;
  std::optional<base::Price> audio_output;
  std::int64_t max_output_tokens = 0;  // the most the model can answer with; > 0
  std::int64_t max_input_tokens = 0;   // context; 0: not known

  // The exact cost of a usage, rounded up; nullopt if the usage has a class that this model has no price for, or if
  // input or output is unknown.
  std::optional<base::Money> cost(const Usage& usage, ServiceTier tier) const;
  // The most that `input` and `output` tokens can cost at any class the exchange may use.
  base::Money worst_cost(std::int64_t input, std::int64_t output, ServiceTier tier) const;
  // The largest output (tokens, over all choices) that `money` pays for beside `input`; < 0 if the input alone is too dear.
  std::int64_t affordable_output(base::Money money, std::int64_t input, ServiceTier tier) const;
};

// A dated list of prices. Immutable once read; every usage record keeps its version.
class PriceBook {
 public:
  // Reads the format of data/prices.json:
  //   {"version": "2026-07-24", "models": {"gpt-4o": {"input": "2.5", "output": "10", "cached_input": "1.25", …}}}
  // with prices in USD per million tokens as decimals. The error names the model and the field.
  static base::Result<PriceBook> parse(std::string_view json);
  // The list built into the binary (data/prices.json).
  static const PriceBook& built_in();

  // The served model's price, else the asked one's, else that of the name without its date; nullptr if unknown.
  const ModelPrice* find(std::string_view model) const;
  const std::string& version() const { return version_; }
  const std::map<std::string, ModelPrice, std::less<>>& models() const { return models_; }

 private:
  std::string version_;
  std::map<std::string, ModelPrice, std::less<>> models_;
};

}  // namespace meter
