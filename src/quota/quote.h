#pragma once
// Held quotes: the worst case of a call that is yet to come, taken off every counter that applies to it and kept for a
// time, so that the call can be paid for although the limits are spent meanwhile. A quote is a row of the store and
// outlives the process that asked for it.
//
//   held      its parts are in the `quoted` of their counters, where nobody is granted them
//   redeemed  a call took its place: what that may cost was leased for it, in the windows of that moment
//   expired   its time was over, or it was taken back; all of it went back
//
// It leaves `held` once, by one conditional update, whoever else wants it at the same moment. A quote is no
// reservation: it has no usage record, nothing of it is in a journal, and after a crash it stands as it stood.

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "quota/counter_key.h"

namespace quota {

enum class QuoteState : std::uint8_t { held, redeemed, expired };
inline constexpr QuoteState last_quote_state = QuoteState::expired;
std::string_view to_string(QuoteState state) noexcept;

// For how long a quote may be held.
inline constexpr std::int64_t quote_seconds_min = 1, quote_seconds_max = 3'600;

struct QuotePart {
  CounterKey counter;
  std::int64_t amount = 0;  // in the limit's unit; nothing of a limit that is not leased
  bool of_balance = false;  // a grant of the balance: these come last, in burn order
  bool operator==(const QuotePart&) const = default;
};

struct Quote {
  base::QuoteId id;
  base::KeyId key;  // whose calls may redeem it
  QuoteState state = QuoteState::held;
  base::WallTime created;
  base::WallTime expires;
  std::vector<QuotePart> parts = {};  // of a held one: each counter once
  // What it holds of a limit or grant, in whichever window.
  std::int64_t held_of(base::LimitId limit) const {
    std::int64_t held = 0;
    for (const QuotePart& part : parts)
      if (part.counter.limit == limit) held += part.amount;
    return held;
  }
  bool names(base::LimitId limit) const {
    return std::ranges::any_of(parts, [&](const QuotePart& part) { return part.counter.limit == limit; });
  }
  bool operator==(const Quote&) const = default;
};

}  // namespace quota
