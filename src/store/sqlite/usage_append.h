#pragma once
// The writing half of the usage log: what one transaction adds to it.

#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "events/usage_record.h"
#include "store/sqlite/database.h"
#include "store/usage_codec.h"

namespace store::sqlite {

// The segment that was written last, as it stands in the database.
struct LastSegment {
  std::int64_t number = 0;
  SegmentWriter records;
};

// In this order, inside a transaction: claim, write, and after the commit `written`. It borrows the records. A segment
// below `segment_grows_below` records is written again with the new ones, so that a quiet gateway, which flushes record
// by record, fills segments too.
class UsageAppend {
 public:
  static constexpr std::size_t segment_grows_below = 256;

  // `last` is what the append before has left in written(); without it, it is read from the database.
  UsageAppend(Database& database, std::optional<LastSegment> last) : database_(database), last_(std::move(last)) {}

  // Takes the ids of the records. Those that are known already are left out, and so is all but the first of the same
  // id.
  base::Result<std::vector<const events::UsageRecord*>> claim(std::span<const events::UsageRecord> records);
  // Writes what claim gave, and adds it to the sums.
  base::Status write(std::span<const events::UsageRecord* const> fresh);
  std::optional<LastSegment> written() && { return std::move(last_); }

 private:
  base::Status choose_segment();
  base::Status read_last_segment();
  base::Result<std::int64_t> insert_ids(std::span<const events::UsageRecord> records);
  base::Result<std::vector<const events::UsageRecord*>> sort_out(std::span<const events::UsageRecord> records);
  base::Status write_segment();

  Database& database_;
  std::optional<LastSegment> last_;
};

}  // namespace store::sqlite
