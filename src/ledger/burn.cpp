#include "ledger/burn.h"

#include <algorithm>
#include <ranges>

#include "base/assert.h"

namespace ledger {

std::optional<std::vector<Part>> burn(std::span<const Part> available, base::Money amount) {
  ASSERT(!amount.is_negative());
  std::vector<Part> parts;
  for (const Part& one : available) {
    const base::Money taken = std::min(std::max(one.amount, base::Money::zero()), amount);
    if (taken.is_zero()) continue;
    parts.push_back({one.grant, taken});
    amount -= taken;
  }
  if (!amount.is_zero()) return std::nullopt;
  return parts;
}

std::optional<std::vector<Part>> unwind(std::span<const Part> taken, std::span<const Part> given, base::Money amount) {
  // A grant that an order touched twice is one place to give back to, where it was touched last.
  std::vector<Part> out;
  for (const Part& one : taken | std::views::reverse) {
    ASSERT(!one.amount.is_negative());
    const auto known = std::ranges::find(out, one.grant, &Part::grant);
    if (known == out.end()) {
      out.push_back(one);
    } else {
      known->amount += one.amount;
    }
  }
  for (const Part& one : given) {
    const auto known = std::ranges::find(out, one.grant, &Part::grant);
    ASSERT(known != out.end() && known->amount >= one.amount);
    known->amount -= one.amount;
  }
  return burn(out, amount);
}

}  // namespace ledger
