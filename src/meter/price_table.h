#pragma once
// The price book in the format of LiteLLM's table (model_prices_and_context_window.json, MIT): one object for each
// model, with a price for every unit that it is billed by. The table's own names of prices are the names here, so that
// a file can be dropped in as it is, and a bill says which of them it used.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/result.h"

namespace meter {

// A factor on a price, exact: thousandths ("1.1" is 1100).
struct Factor {
  static constexpr std::int64_t one = 1000;
  std::int64_t thousandths = one;

  bool operator==(const Factor&) const = default;
};

using Prices = std::map<std::string, base::FinePrice, std::less<>>;  // USD per unit, by the table's name

// One row of tiered_pricing: its prices hold for `above < quantity <= up_to`; above the last one, the last one's.
struct PriceTier {
  enum class By : std::uint8_t { input_tokens, results };
  By by = By::input_tokens;
  std::int64_t above = 0;
  std::int64_t up_to = 0;
  Prices prices;

  bool operator==(const PriceTier&) const = default;
};

// What the table says of one model.
struct PricedModel {
  std::string name;
  std::string provider;  // litellm_provider
  std::string mode;      // chat, embedding, …; may be empty
  Prices prices;
  Prices search;                                       // search_context_cost_per_query: low, medium, high
  std::vector<PriceTier> tiers;                        // rising
  std::map<std::string, Factor, std::less<>> factors;  // provider_specific_entry and regional uplifts, by name
  // Thresholds N of …_above_Nk_tokens, in tokens, falling.
  std::vector<std::int64_t> thresholds;
  std::int64_t max_input_tokens = 0;   // 0: not known
  std::int64_t max_output_tokens = 0;  // 0: not known
  // Fields of this model whose name speaks of a cost and that nothing here knows how to bill.
  std::vector<std::string> not_understood;

  // False where there is no price above zero: free, or not known to the table. Nothing is billed by such a row.
  bool has_a_price() const;
  bool operator==(const PricedModel&) const = default;
};

// Immutable once read.
class PriceTable {
 public:
  // Prices are read from the text of their numbers, "1e-07" too; never through a double. Fields that are no prices are
  // left alone. The error names the model and the field.
  static base::Result<PriceTable> parse(std::string_view json);
  // The table built into the binary (data/model_prices.json).
  static base::Result<PriceTable> built_in();

  // The row of a model: by its exact name; without its provider before it ("openai/gpt-4o", where the row of gpt-4o is
  // that provider's); each also without a date at its end. nullptr: unknown, and so not to be billed. Names are
  // case-sensitive, and nothing looser is tried: a name that resembles another has no price.
  const PricedModel* find(std::string_view model) const;
  const std::map<std::string, PricedModel, std::less<>>& models() const { return models_; }

 private:
  std::map<std::string, PricedModel, std::less<>> models_;
};

}  // namespace meter
