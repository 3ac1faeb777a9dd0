#pragma once
// How one amount is split over several grants, and how it goes back. Both are pure and exact: the parts add up to the
// amount, or nothing is done.

#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/money.h"

namespace ledger {

// A part of an amount, and the grant that it comes from or goes to.
struct Part {
  base::GrantId grant;
  base::Money amount;
  bool operator==(const Part&) const = default;
};

// Takes `amount` from what is available, in the order given (the burn order): as much as each has before the next is
// touched. Parts are above zero. nullopt: all of them together do not have it. amount >= 0; what has less than nothing
// counts as nothing.
std::optional<std::vector<Part>> burn(std::span<const Part> available, base::Money amount);

// Gives `amount` back along the recorded order, the last first: never more to a grant than it paid and has not been
// given back. `taken` and `given` are what was recorded so far. nullopt: less than `amount` is still out.
std::optional<std::vector<Part>> unwind(std::span<const Part> taken, std::span<const Part> given, base::Money amount);

}  // namespace ledger
