#pragma once
// Usage records that are dropped for their age, segment by segment, and what stays of them.

#include <functional>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "events/usage_retention.h"
#include "store/opening.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

// Segments of folded records that all started before `before`, a few at a time. In a transaction.
base::Result<events::Dropped> drop_segments(Database& database, base::WallTime before);

struct DroppedSoFar {
  std::optional<base::WallTime> kept_from;  // nullopt: nothing was ever dropped
  std::int64_t records = 0;
  std::int64_t transfers = 0;  // that they stood for
  bool operator==(const DroppedSoFar&) const = default;
};
base::Result<DroppedSoFar> read_dropped(Database& database);

// Was any record dropped that may have started from `from` on and before `to`?
base::Result<bool> any_dropped(Database& database, std::int64_t from, std::int64_t to);

// Shows what was taken on these days.
base::Status show_taken(Database& database, std::int64_t from_day, std::int64_t to_day,
                        const std::function<void(const TakenUsage&)>& see);

// Holds of a row of usage_segments that was not dropped. One that is lost otherwise is told where it is read.
constexpr std::string_view segment_is_kept =
    "(last_started >= (SELECT coalesce(usage_kept_from, -9223372036854775808) FROM meta) "
    "OR EXISTS (SELECT 1 FROM usage_records WHERE segment = number))";
// Whether that holds of a segment.
base::Result<bool> is_kept(Database& database, std::int64_t segment);

// The units of all limits there ever were.
base::Result<std::shared_ptr<const Opening::Units>> units_of(Database& database);

}  // namespace store::sqlite
