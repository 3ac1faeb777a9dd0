#pragma once
// What models cost, in the format of LiteLLM's table (model_prices_and_context_window.json, MIT): one object for each
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

#include "base/clock.h"
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

// USD per unit. Most rows have a handful of the names that a bill asks for: that a name is not there is known at once.
class Prices {
 public:
  using Map = boost::container::flat_map<PriceKey, base::FinePrice>;

  // nullptr: there is none.
  const base::FinePrice* find(PriceKey key) const {
    if ((names_ >> static_cast<unsigned>(key.name()) & 1) == 0) return nullptr;
    const auto found = prices_.find(key);
    return found == prices_.end() ? nullptr : &found->second;
  }
  bool contains(PriceKey key) const { return find(key) != nullptr; }
  // False: it is there already, and stays as it is.
  bool add(PriceKey key, base::FinePrice price);
  // From the first price of that name or behind it.
  Map::const_iterator from(PriceKey key) const { return prices_.lower_bound(key); }
  Map::const_iterator begin() const { return prices_.begin(); }
  Map::const_iterator end() const { return prices_.end(); }
  std::size_t size() const { return prices_.size(); }
  void shrink_to_fit() { prices_.shrink_to_fit(); }

  bool operator==(const Prices&) const = default;

 private:
  Map prices_;
  std::uint64_t names_ = 0;  // a bit for each PriceName that is there
};

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

// What the book says of one model.
struct PricedModel {
  std::string name = {};
  std::string provider = {};  // litellm_provider; empty: of whoever serves a model of this name
  std::string mode = {};      // chat, embedding, …; may be empty
  Prices prices = {};
  std::vector<PriceTier> tiers = {};            // rising
  std::vector<NamedFactor> factors = {};        // by name
  std::int64_t max_input_tokens = 0;            // 0: not known
  std::int64_t max_output_tokens = 0;           // 0: not known
  std::vector<FieldNotBilled> not_billed = {};  // by name
  // A price of zero was meant: an operator wrote it for this model. In LiteLLM's table it says that nobody knows it.
  bool zeros_count = false;
  // What the row says from a later moment on, in place of all its prices (docs/decisions/0021-effective-dates.md):
  // rising by `from`, of the same name, with no successors of their own.
  std::vector<PricedModel> successors = {};
  base::WallTime from = {};  // of a successor: when it takes effect

  // What holds for a call that starts at `start`: this row itself before the first successor.
  const PricedModel& at(base::WallTime start) const { return successors.empty() ? *this : in_effect(start); }
  // False where there is no price above zero: free, or not known. Nothing is billed by such a row.
  bool has_a_price() const;
  // At some time: it, or one of its successors.
  bool is_ever_priced() const;
  // Thresholds N of …_above_Nk_tokens, in tokens, rising.
  boost::container::small_vector<std::int64_t, 4> thresholds() const;
  // nullopt: the row has no such factor.
  std::optional<Factor> factor(std::string_view named) const;
  bool operator==(const PricedModel&) const = default;

 private:
  const PricedModel& in_effect(base::WallTime start) const;
};

// A dated list of prices. Immutable once read; every usage record keeps its version.
class PriceBook {
 public:
  PriceBook(PriceBook&&) = default;
  PriceBook& operator=(PriceBook&&) = default;
  PriceBook(const PriceBook&) = delete;
  PriceBook& operator=(const PriceBook&) = delete;
  ~PriceBook() = default;

  // Reads {"version": "2026-07-24", "models": {…}} or LiteLLM's table as it is, whose version is then "sha256:" and 12
  // hex digits. Prices are read from the text of their numbers, "1e-07" too; never through a double. Fields that are no
  // prices are left alone. The error names the model and the field.
  static base::Result<PriceBook> parse(std::string_view json);
  // The book built into the binary (data/prices.json); some milliseconds of reading.
  static PriceBook built_in();

  // This book with these rows in place of, or beside, its own. A row stands for its model with any provider: "m" also
  // in place of "azure/m" and of "hd/1024-x-1024/m", and in place of the dated snapshots that cost in the book what
  // their model does: a reply names its snapshot, and is billed by that name. Every usage record keeps the version: it
  // has to be another one for other prices.
  PriceBook with(const std::vector<PricedModel>& rows, std::string version) &&;

  // The row of a model as a provider serves it, by the book's name of the provider: "openai/gpt-4o", else gpt-4o, if
  // that row is this provider's or nobody's; each also without a date at its end ("-2024-08-06", "-20241022", "-0613",
  // "@20240620"). nullptr: unknown, and so not to be billed. Names are case-sensitive, and nothing looser is tried: a
  // name that resembles another has no price. It is the row with all its dates: PricedModel::at chooses among them.
  const PricedModel* find(std::string_view provider, std::string_view model) const;
  // The same of "openai/gpt-4o" or, with any provider, of "gpt-4o".
  const PricedModel* find(std::string_view model) const;
  // Of exactly this name, or nullptr.
  const PricedModel* row(std::string_view name) const;
  // By name.
  std::span<const PricedModel> models() const { return models_; }
  const std::string& version() const { return version_; }

 private:
  PriceBook() = default;
  static base::Result<PriceBook> of(std::string version, std::vector<PricedModel> models);
  const PricedModel* row_or_undated(std::string_view name) const;
  const PricedModel* row_of_provider(std::string_view provider, std::string_view model) const;

  std::string version_;
  std::vector<PricedModel> models_;
  boost::unordered_flat_map<std::string_view, std::uint32_t> by_name_;  // the names stand in models_
};

}  // namespace meter
