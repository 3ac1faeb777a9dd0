#pragma once
// A store that was put back from a backup is behind its journals: what was spent since the backup is not in it, and to
// go on from it would spend that once more. It does not start before somebody accepts it (money-rules.md, "Restored
// store").

#include <cstdint>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "catalog/snapshot.h"
#include "journal/disk.h"
#include "journal/reader.h"
#include "quota/store.h"

namespace quota {

// Why the store is behind the journals; empty if it is not. `report` is of the store's last incarnation.
std::string why_behind(const journal::Report& report, const LeftBehind& left);
base::Result<std::string> why_behind(journal::Disk& disk, const LeftBehind& left);

// What accepting a store found.
struct Accepted {
  std::string behind;              // why it had to be accepted
  Recovery recovery;               // of what the journals still had
  std::size_t open_exchanges = 0;  // of these, without an end
  std::string gap;                 // what the journals do not have of the time since; empty: they have all of it
  std::size_t held_limits = 0;     // with a gap: of so many limits and grants all that was left is unresolved
};

// Accepts a store that is behind its journals, in a process that then ends: books what the journals still have of the
// time since, makes every open lease unresolved, closes all incarnations that anything is known of for ever, and
// discards their journals. If the journals do not have all of that time, what was spent then is not known, and all that
// is left of every hard limit in the window of `now` and of every balance becomes unresolved too. conflict: the store
// is not behind.
base::Result<Accepted> accept_restored(Store& store, journal::Disk& disk, const catalog::Snapshot& snapshot,
                                       base::WallTime now, base::Random& random);

}  // namespace quota
