#pragma once

#include <compare>
#include <cstdint>

#include "base/money.h"

namespace base {

// A share in hundredths of a percent: 500 is 5 %. Rates of markups and fees, which people agree on in whole basis
// points; finer ones do not exist here, so every product below is exact until it is rounded once.
struct BasisPoints {
  static constexpr std::int64_t whole = 10'000;    // 100 %
  static constexpr std::int64_t most = 1'000'000;  // 10,000 %: more is a slip of the pen

  std::int64_t value = 0;  // 0 to `most`
  constexpr auto operator<=>(const BasisPoints&) const = default;
};

// amount × rate, rounded up to the nano-dollar as every cost is (STYLE.md "Money"): a share is never less than what was
// agreed, and a larger amount never has a smaller share, so that the share of a worst case bounds that of the cost.
// amount >= 0; Money::max() if it does not fit.
Money share_of(Money amount, BasisPoints rate);

// The amount with its share on top. Money::max() if it does not fit: a bound that cannot be held is refused.
Money with_share(Money amount, BasisPoints rate);

// The largest amount that with_share() makes no more than `total` of; total >= 0.
Money without_share(Money total, BasisPoints rate);

}  // namespace base
