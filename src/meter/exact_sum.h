#pragma once
// The sum of products of prices from a table, exact in 128 bits and rounded up once.

#include <cstdint>
#include <span>

#include "base/money.h"
#include "meter/price_book.h"

namespace meter {

enum class Multiplied : std::uint8_t { no, yes };

struct Product {
  std::int64_t quantity = 0;  // in units, or in parts of them; 0 or more
  base::FinePrice price;
  std::int64_t parts = 1;   // of a unit: 1, 1000 or a million
  std::int64_t halves = 2;  // of the price that is billed
};

class ExactSum {
 public:
  // The factors, three at most, are on what is multiplied by them.
  explicit ExactSum(std::span<const Factor> factors) : factors_(factors) {
    for (std::size_t i = 0; i < factors_.size(); ++i) multiply(unit_, Factor::one);
  }

  // quantity × price × halves / (2 × parts), times the factors if they apply.
  void add(const Product& line, Multiplied multiplied) {
    Wide product = line.price.yoctos();
    multiply(product, line.quantity);
    multiply(product, line.halves);
    for (const Factor& factor : factors_)
      multiply(product, multiplied == Multiplied::yes ? factor.thousandths : Factor::one);
    // Whole nano-dollars and what is left of one are summed apart, so that the parts of a unit need no more bits.
    const Wide unit = unit_ * static_cast<Wide>(line.parts);
    overflow_ = __builtin_add_overflow(nanos_, product / unit, &nanos_) || overflow_;
    rest_ += product % unit * static_cast<Wide>(common_parts / line.parts);
  }
  // Money::max() where 128 bits or money do not hold it: a cost that cannot be held refuses.
  base::Money ceil() const {
    const Wide unit = unit_ * common_parts;
    const Wide nanos = nanos_ + rest_ / unit + (rest_ % unit == 0 ? 0 : 1);
    if (overflow_ || nanos > static_cast<Wide>(INT64_MAX)) return base::Money::max();
    return base::Money::from_nanos(static_cast<std::int64_t>(nanos));
  }

 private:
  using Wide = unsigned __int128;
  static constexpr std::int64_t common_parts = 1'000'000;  // a multiple of all parts

  void multiply(Wide& product, std::int64_t by) {
    overflow_ = __builtin_mul_overflow(product, static_cast<Wide>(by), &product) || overflow_;
  }

  std::span<const Factor> factors_;
  Wide unit_ = Wide{2} * base::FinePrice::yoctos_per_nano;  // of a nano-dollar
  Wide nanos_ = 0;
  Wide rest_ = 0;  // in parts of a nano-dollar, unit_ × common_parts to one: 2e30 with all factors
  bool overflow_ = false;
};

}  // namespace meter
