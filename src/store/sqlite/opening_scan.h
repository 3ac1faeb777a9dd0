#pragma once
// What a limit opens with, added up from the segments of the usage log. Most of it can be done ahead, through another
// connection: full segments never change. What became of items can, so they are looked up at the end.

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "store/opening.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

class OpeningScan {
 public:
  // What the limit is on, from the database as it is. invalid_request never: an unknown account has nothing below it.
  static base::Result<OpeningScan> begin(Database& database, const catalog::Limit& limit, base::WallTime now);

  // Adds up the segments from where it stands to `last`.
  base::Status read_on(Database& database, std::int64_t last);
  // Adds up all that is left, with what became of every item.
  base::Status finish(Database& database);

  const Opening& opening() const { return opening_; }
  // Whether it is of this limit in this window, and can be gone on with.
  bool fits(const quota::CounterKey& counter) const { return opening_.counter() == counter; }

 private:
  OpeningScan(Opening opening, bool plain) : opening_(std::move(opening)), plain_(plain) {}

  Opening opening_;
  // No record names the limit and none is asked for its route or tags: most of each need not be unpacked.
  bool plain_;
  std::int64_t through_ = 0;             // the last segment that was read
  std::vector<base::ExchangeId> items_;  // that were met and not looked up
};

// The last segment that cannot grow any more; 0: none.
base::Result<std::int64_t> last_full_segment(Database& database);

}  // namespace store::sqlite
