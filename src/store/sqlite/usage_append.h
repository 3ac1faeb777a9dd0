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

// How much is kept before the next step is due. Tests choose small ones.
struct UsageSizes {
  std::size_t segment_grows_below = 256;  // records; so that a quiet gateway, which flushes one by one, fills segments
  std::size_t fold_at = 5'120;            // records in segments that are not folded
  std::size_t remembered_ids = 2'048;     // folded ones that stay in memory
};

// What a writer remembers from flush to flush; all of it can be read from the database.
struct UsageTail {
  std::int64_t number = 1;  // of the segment that is written next
  SegmentWriter segment;    // what is in it already
  std::size_t unfolded = 0;
  // Ids of records: all of those that are not folded, and of the folded ones all above `complete_above`. So that a new
  // record is known to be new without a look into the database.
  Interner<base::Uuid> ids;
  base::Uuid complete_above;
};

// In this order, inside a transaction: claim, write, and after the commit `written`.
class UsageAppend {
 public:
  // `tail` is what the append before has left in written(); without it, it is read from the database.
  UsageAppend(Database& database, const UsageSizes& sizes, std::optional<UsageTail> tail)
      : database_(database), sizes_(sizes), tail_(std::move(tail)) {}

  // The records that are not known already; of several with the same id the first.
  base::Result<std::vector<const events::UsageRecord*>> claim(std::span<const events::UsageRecord* const> records);
  // Writes what claim gave.
  base::Status write(std::span<const events::UsageRecord* const> fresh);
  std::optional<UsageTail> written() && { return std::move(tail_); }

 private:
  base::Status read_tail();
  base::Status write_segment();
  base::Status fold_what_is_full();
  base::Status forget_old_ids();

  Database& database_;
  const UsageSizes& sizes_;
  std::optional<UsageTail> tail_;
};

}  // namespace store::sqlite
