#pragma once
// What happened to a limit, and the port to read it back. Written by the flush that makes it happen, in its own
// transaction (quota/store.h), never on the side.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/window.h"
#include "catalog/limit.h"

namespace events {

// A threshold of a limit was crossed: so much is spent in that window. Once a crossing: again only after less was spent
// again.
struct LimitEvent {
  std::int64_t number = 0;  // in the order in which they happened; unique in a store
  base::WallTime at;        // of the flush
  base::LimitId limit;
  base::WindowLabel label;  // of the window: with the limit it names the counter
  catalog::Threshold threshold;
  std::int64_t amount = 0;  // in the limit's unit, in force then
  std::int64_t spent = 0;   // with what crossed it

  bool operator==(const LimitEvent&) const = default;
};

struct LimitEventFilter {
  std::optional<base::LimitId> limit = std::nullopt;
  std::optional<std::int64_t> before = std::nullopt;  // events older than this one: the cursor of a page
  int limit_to = 100;                                 // how many at most; at least 1
};

class LimitEventLog {
 public:
  virtual ~LimitEventLog() = default;
  // Newest first.
  virtual base::Result<std::vector<LimitEvent>> limit_events(const LimitEventFilter& filter) = 0;
  // How many with this action were written since the store was opened.
  virtual std::int64_t limit_events_written(catalog::ThresholdAction action) const = 0;
};

}  // namespace events
