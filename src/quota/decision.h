#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/basis_points.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/result.h"
#include "catalog/limit.h"
#include "quota/reservation.h"

namespace quota {

// One limit that cannot pay for an exchange at this moment.
struct Shortage {
  catalog::Limit limit;
  std::int64_t required = 0;   // in the limit's unit
  std::int64_t available = 0;  // what could be reserved right now; >= 0
  base::Window window;         // that it was asked of
  // When some of it may be free again: the window's end, or when the oldest spend of a rolling window leaves it.
  // nullopt: never by itself.
  std::optional<base::WallTime> resets_at;
  // The threshold that blocks the limit, whatever is left of its amount; nullopt: what is left is too little.
  std::optional<int> blocked_at_percent = std::nullopt;
  std::int64_t amount = 0;  // in force at that moment: with a raise, not the limit's own
  // Set if it is a balance: `limit` stands for its grants all together, and the amounts are charges.
  std::optional<base::BasisPoints> markup = std::nullopt;
};

// A policy's no. A value, not an error.
struct Refusal {
  // limit_reached: spent + unresolved + required is above the amount, waiting does not help before the window turns.
  // insufficient_balance: the same of a balance's grants. limit_busy: only others' reservations stand in the way.
  // unavailable: the store could not say; fail closed. quote_not_usable: the quote that the call names does not pay.
  base::ErrorType type = base::ErrorType::limit_reached;
  std::vector<Shortage> shortages;  // the one that decided first; empty for unavailable and quote_not_usable
  std::string reason;               // of these two: why
};

// An extension or a quote, where one was asked for.
using Decision = std::variant<Reservation, Refusal, Reservation::Extension, Quote>;

}  // namespace quota
