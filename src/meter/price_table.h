#pragma once
// The price book in the format of LiteLLM's table (model_prices_and_context_window.json, MIT): one object for each
// model, with a price for every unit that it is billed by. The table's own names of prices are the names here, so that
// a file can be dropped in as it is, and a bill says which of them it used.

#include <boost/container/flat_map.hpp>
#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/result.h"
#include "meter/price_key.h"

namespace meter {

// A factor on a price, exact: thousandths ("1.1" is 1100).
struct Factor {
  static constexpr std::int64_t one = 1000;
  std::int64_t thousandths = one;

  bool operator==(const Factor&) const = default;
};

using Prices = boost::container::flat_map<PriceKey, base::FinePrice>;  // USD per unit

// One row of tiered_pricing: its prices hold for `above < quantity <= up_to`; above the last one, the last one's.
struct PriceTier {
  enum class By : std::uint8_t { input_tokens, results };
  By by = By::input_tokens;
  std::int64_t above = 0;
  std::int64_t up_to = 0;
  Prices prices;

  bool operator==(const PriceTier&) const = default;
};

// provider_specific_entry ("us", "fast") and regional uplifts ("regional_processing_uplift_multiplier_eu").
struct NamedFactor {
  std::string name;
  Factor factor;

  bool operator==(const NamedFactor&) const = default;
};

// A field whose name speaks of a cost, by which nothing here knows how to bill.
struct FieldNotBilled {
  std::string name;                      // "tiered_pricing[0].…" of one in a tier
  std::optional<base::FinePrice> price;  // nullopt: it is no price in form, either

  bool operator==(const FieldNotBilled&) const = default;
};

// What the table says of one model.
struct PricedModel {
  std::string name;
  std::string provider;  // litellm_provider
  std::string mode;      // chat, embedding, …; may be empty
  Prices prices;
  std::vector<PriceTier> tiers;            // rising
  std::vector<NamedFactor> factors;        // by name
  std::int64_t max_input_tokens = 0;       // 0: not known
  std::int64_t max_output_tokens = 0;      // 0: not known
  std::vector<FieldNotBilled> not_billed;  // by name

  // False where there is no price above zero: free, or not known to the table. Nothing is billed by such a row.
  bool has_a_price() const;
  // Thresholds N of …_above_Nk_tokens, in tokens, rising.
  boost::container::small_vector<std::int64_t, 4> thresholds() const;
  // nullopt: the row has no such factor.
  std::optional<Factor> factor(std::string_view named) const;
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
  // Of exactly this name, or nullptr.
  const PricedModel* row(std::string_view name) const;
  // By name.
  std::span<const PricedModel> models() const { return models_; }

 private:
  // `checked`: the text is known to be JSON.
  enum class Text : std::uint8_t { foreign, checked };
  // `padded` has simdjson::SIMDJSON_PADDING readable bytes behind it.
  static base::Result<PriceTable> read(std::string_view padded, Text text);
  base::Status index();

  std::vector<PricedModel> models_;
  boost::unordered_flat_map<std::string_view, std::uint32_t> by_name_;  // the names stand in models_
};

}  // namespace meter
