#pragma once
// What limits open with, added up from the segments of the usage log, which are read once for all of them. Most of it
// can be done ahead, through another connection: full segments never change. What became of items can, so they are
// looked up at the end.

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "catalog/store.h"
#include "store/opening.h"
#include "store/sqlite/database.h"
#include "store/sqlite/usage_retention.h"
#include "store/usage_codec.h"

namespace store::sqlite {

class OpeningScan {
 public:
  // Of the limits that open by these changes. What they are on, from the database as it is. invalid_request never: an
  // unknown account has nothing below it.
  static base::Result<OpeningScan> begin(Database& database, const catalog::Changes& changes, base::WallTime now);

  // Adds up the segments from where it stands to `last`.
  base::Status read_on(Database& database, std::int64_t last);
  // Adds up all that is left, with what became of every item.
  base::Status finish(Database& database);

  // In the order of the limits.
  const std::vector<Opening>& openings() const { return openings_; }
  // Whether it is of the same limits in the same windows, and nothing was dropped since: then it can be gone on with.
  bool fits(const OpeningScan& other) const;

 private:
  // Which of the openings the records of an account, or of a key, can count for.
  struct Index {
    std::unordered_map<base::AccountId, std::vector<std::size_t>> of_account;
    std::unordered_map<base::KeyId, std::vector<std::size_t>> of_key;
  };
  class Places;
  OpeningScan() = default;
  base::Status read_on(SegmentReader& segment);
  base::Status add_what_was_dropped(Database& database);
  base::Status add_what_was_found_elsewhere(Database& database);

  std::vector<Opening> openings_;
  Index index_;
  // No record names one of the limits and none is asked for its route or tags: most of each need not be unpacked.
  bool plain_ = true;
  DroppedSoFar dropped_;                                         // when it began
  std::int64_t through_ = 0;                                     // the last segment that was read
  std::vector<std::pair<std::size_t, base::ExchangeId>> items_;  // that were met, for which opening; not looked up
};

// The last segment that cannot grow any more; 0: none.
base::Result<std::int64_t> last_full_segment(Database& database);

}  // namespace store::sqlite
