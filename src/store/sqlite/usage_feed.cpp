// events::UsageFeed on SQLite. Segments are written one after the other, and only the last one grows, at its end: so a
// segment's number and how many of its records were heard of are a place for ever.
#include <fmt/format.h>

#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/usage_retention.h"
#include "store/sqlite/usage_segment.h"

namespace store {

using events::FeedPosition;
using events::UsageRecord;
using sqlite::Rows;
using sqlite::Snapshot;

base::Result<FeedPosition> SqliteStore::end_of_feed() {
  const std::lock_guard lock(reader_mutex_);
  TRY(Rows rows, reader_.query("SELECT number, count FROM usage_segments ORDER BY number DESC LIMIT 1"));
  TRY(const bool found, rows.next());
  if (!found) return FeedPosition{};
  const std::int64_t segment = rows.take_integer();
  return FeedPosition{.segment = segment, .record = rows.take_integer()};
}

base::Result<std::vector<std::pair<FeedPosition, UsageRecord>>> SqliteStore::written_after(FeedPosition after,
                                                                                           std::size_t most) {
  const std::lock_guard lock(reader_mutex_);
  TRY(const Snapshot snapshot, Snapshot::begin(reader_));
  std::vector<std::pair<FeedPosition, UsageRecord>> found;
  TRY(Rows segments, reader_.query(fmt::format("SELECT number, count FROM usage_segments WHERE number >= ? AND {} "
                                               "ORDER BY number",
                                               sqlite::segment_is_kept),
                                   after.segment));
  while (found.size() < most) {
    TRY(const bool another, segments.next());
    if (!another) break;
    const std::int64_t number = segments.take_integer();
    const std::int64_t heard = number == after.segment ? after.record : 0;
    if (segments.take_integer() <= heard) continue;
    TRY_STATUS(sqlite::read_segment(reader_, number, [&](SegmentReader& segment) -> base::Status {
      for (std::int64_t record = 1; found.size() < most; ++record) {
        TRY(const bool is_there, segment.next());
        if (!is_there) break;
        if (record <= heard) continue;
        TRY(auto full, segment.record());
        found.emplace_back(FeedPosition{.segment = number, .record = record}, std::move(full));
      }
      return {};
    }));
  }
  return found;
}

}  // namespace store
