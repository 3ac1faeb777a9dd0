#pragma once

#include <initializer_list>
#include <optional>

#include "meter/bill.h"

namespace meter {

// A price that was chosen, and where it stands in the book.
struct ChosenPrice {
  base::FinePrice price;
  PriceKey key;
  std::uint32_t tier = 0;   // of tiered_pricing, counted from 1; 0: of the row itself
  std::int64_t halves = 2;  // how many halves of it are billed
  bool of_its_own = false;  // for this tier, size or batch, and not the model's ordinary price
};

// Chooses among a model's prices by how a call was served and how large its input was (metering.md 2.2, rules 5 to 8).
// The row outlives it.
class PricesInEffect {
 public:
  PricesInEffect(const PricedModel& model, std::int64_t input_tokens, const Service& service);

  // The price of this name. In order: above the highest threshold that the input passed, with the service tier's suffix
  // and without; then the ordinary price, with the suffix and without. Rows with tiered_pricing have one tier for all
  // tokens. A batch costs its own price, where there is one and no threshold's is in effect, else half of the rest.
  std::optional<ChosenPrice> find(PriceName name) const;
  // The first of the names that has a price, and the first with one above zero before one of zero.
  std::optional<ChosenPrice> first_of(std::initializer_list<PriceName> names) const;
  // The price for videos of this resolution alone.
  std::optional<ChosenPrice> find(PriceName name, PriceFor resolution) const;

 private:
  enum class Own : std::uint8_t { no, yes };
  std::optional<ChosenPrice> listed(const Prices& prices, PriceKey key, Own own) const;

  const PricedModel* model_;
  const PriceTier* tier_ = nullptr;
  std::uint32_t above_thousands_ = 0;  // the threshold that was passed; 0: none
  PriceFor served_ = PriceFor::ordinary;
  Delivery delivery_;
};

}  // namespace meter
