#pragma once
// Which counter a limit has at a moment, what of it counts then, and when some of it is free again.

#include <optional>

#include "base/window.h"
#include "catalog/limit.h"
#include "quota/decision.h"
#include "quota/lease.h"
#include "quota/store.h"

namespace quota {

// `max_skew_ms` here: how far other nodes' clocks may be from this one's, Store::max_skew_ms(). What stands in a
// rolling limit's sub-windows counts so much longer.

// What to ask of the counter `{limit, window.label}` at `now`; `window` is one of the policy's.
CounterQuery query_of(base::LimitId limit, const base::WindowPolicy& policy, const base::Window& window,
                      base::WallTime now, std::int64_t max_skew_ms = 0);

// When some of what `state` counts may be free again without anybody's doing: at the window's end; of a rolling limit,
// when the oldest sub-window with spend leaves. nullopt: never, or there is nothing.
std::optional<base::WallTime> resets_at(const base::WindowPolicy& policy, const base::Window& window,
                                        const CounterState& state, std::int64_t max_skew_ms = 0);

// Why a limit admits nothing more whatever is free, as far as this process knows. What the store knows better, the
// keeper asks. `spent` and `amount`: the lease's.
struct Stop {
  std::optional<int> at_percent;  // of the threshold that blocks; nullopt: a lazy limit's amount is spent
};
std::optional<Stop> stopped(const catalog::Limit& limit, const Lease& lease);
std::optional<Stop> stopped(const catalog::Limit& limit, std::int64_t amount, std::int64_t spent);

// What of one limit's counter decides whether it can pay for a call.
struct Standing {
  std::int64_t amount = 0;
  std::int64_t spent = 0;
  std::int64_t spent_certainly = 0;  // of that, the part that no flush under way can make less
  std::int64_t unresolved = 0;
  std::int64_t available = 0;  // that nobody else holds; does not matter to a limit that is not leased
  base::Window window;
  std::optional<base::WallTime> resets_at;
};
// Adds to `refusal` what keeps the limit from paying `required`; nothing if it can pay. A refusal begins as limit_busy
// without shortages, and becomes limit_reached by the first limit that waiting cannot help, which then stands first.
void judge(const catalog::Limit& limit, std::int64_t required, const Standing& standing, Refusal& refusal);

// The span that counts at `now`, for people: of a rolling limit the span itself, else `window`.
base::Window shown_window(const base::WindowPolicy& policy, const base::Window& window, base::WallTime now,
                          std::int64_t max_skew_ms = 0);

}  // namespace quota
