#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/result.h"
#include "base/window.h"

namespace catalog {

enum class GrantKind : std::uint8_t {
  promotional,  // given: nobody paid for it
  paid,
};

inline constexpr int grant_priority_max = 255;
inline constexpr int grant_priority_usual = 100;

// Money that an account may spend, put in at once. An account's balance is its grants; each is a counter of its own,
// whose id is the grant's. Its terms never change: what was agreed is changed by another grant.
struct Grant {
  base::GrantId id;
  base::AccountId account;
  GrantKind kind = GrantKind::promotional;
  int priority = grant_priority_usual;        // 0 to 255; the smaller is drawn on first
  base::Money amount = {};                    // put in at first; > 0
  base::WallTime effective = {};              // usable from here on
  base::WallTime expires = base::far_future;  // usable until just before; far_future: for ever
  std::string note = {};                      // for people: an invoice's number; at most 200 characters
  base::WallTime created = {};
  // What stands in it now: the amount and what was given back, less what was taken out other than by use. The ledger's
  // cache (ledger/store.h). Below zero only where a dispute took more than was left after a fee.
  base::Money credited = {};
  bool voided = false;  // nothing is drawn from it any more

  // Whether an exchange admitted at this time may draw on it.
  bool usable_at(base::WallTime stamp) const { return !voided && effective <= stamp && stamp < expires; }
  bool operator==(const Grant&) const = default;
};

// The burn order: priority, then the sooner expiry, then promotional before paid, then the effective date, then the id.
// What is lost soonest, and what nobody paid for, goes first.
bool burns_before(const Grant& a, const Grant& b);

// Of one account's grants before and after a change, those whose counters are to be looked at anew, whatever of them is
// leased: all that were there where one of them changed or went, since what is owed of one the others lack; and each
// that came in, which may be one that had been used up and was refunded.
std::vector<base::GrantId> to_look_at_anew(std::span<const Grant> before, std::span<const Grant> after);

std::string_view to_string(GrantKind kind) noexcept;
base::Result<GrantKind> grant_kind_from(std::string_view text);

// The counter that a grant is, and the span in which stamps count on it.
base::LimitId counter_of(base::GrantId id);
base::Window window_of(const Grant& grant);

}  // namespace catalog
