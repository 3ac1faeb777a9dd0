#pragma once
// Which counter a limit has at a moment, what of it counts then, and when some of it is free again.

#include <optional>

#include "base/window.h"
#include "catalog/limit.h"
#include "quota/lease.h"
#include "quota/store.h"

namespace quota {

// How far another node's clock may be from this one's: there is one node.
inline constexpr std::int64_t max_skew_ms = 0;

// What to ask of the counter `{limit, window.label}` at `now`; `window` is one of the policy's.
CounterQuery query_of(base::LimitId limit, const base::WindowPolicy& policy, const base::Window& window,
                      base::WallTime now);

// When some of what `state` counts may be free again without anybody's doing: at the window's end; of a rolling limit,
// when the oldest sub-window with spend leaves. nullopt: never, or there is nothing.
std::optional<base::WallTime> resets_at(const base::WindowPolicy& policy, const base::Window& window,
                                        const CounterState& state);

// Why a limit admits nothing more whatever is free, as far as this process knows. What the store knows better, the
// keeper asks.
struct Stop {
  std::optional<int> at_percent;  // of the threshold that blocks; nullopt: a lazy limit's amount is spent
};
std::optional<Stop> stopped(const catalog::Limit& limit, const Lease& lease);

// The span that counts at `now`, for people: of a rolling limit the span itself, else `window`.
base::Window shown_window(const base::WindowPolicy& policy, const base::Window& window, base::WallTime now);

}  // namespace quota
