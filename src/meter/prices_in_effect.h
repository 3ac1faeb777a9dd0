#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "meter/bill.h"

namespace meter {

// A price that was chosen, and where it stands in the table.
struct ChosenPrice {
  base::FinePrice price;
  std::string key;
  std::int64_t halves = 2;  // how many halves of it are billed
  bool of_its_own = false;  // for this tier, size or batch, and not the model's ordinary price
};

// Chooses among a model's prices by how a call was served and how large its input was (metering.md 2.2, rules 5 to 8).
class PricesInEffect {
 public:
  PricesInEffect(const PricedModel& model, std::int64_t input_tokens, const Service& service);

  // The price of this name. In order: above the highest threshold that the input passed, with the service tier's suffix
  // and without; then the ordinary price, with the suffix and without. Rows with tiered_pricing have one tier for all
  // tokens. A batch costs its own price, where there is one and no threshold's is in effect, else half of the rest.
  std::optional<ChosenPrice> find(std::string_view name) const;
  // The first of the names that has a price, and the first with one above zero before one of zero.
  std::optional<ChosenPrice> first_of(std::initializer_list<std::string_view> names) const;

 private:
  std::optional<ChosenPrice> listed(const Prices& prices, const std::string& key, bool of_its_own) const;

  const PricedModel& model_;
  const PriceTier* tier_ = nullptr;
  std::size_t tier_index_ = 0;
  std::string above_;   // "_above_200k_tokens", or empty
  std::string suffix_;  // "_flex", "_priority", or empty
  Delivery delivery_;
};

}  // namespace meter
