#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "events/usage_record.h"
#include "journal/journal.h"
#include "journal/reader.h"
#include "quota/store.h"

namespace quota {

// What the journals of a dead process say of what the store does not have yet.
struct Findings {
  std::vector<events::UsageRecord> records;  // ends that are not flushed, then the reservations that were open
  std::size_t open = 0;                      // how many of them are such reservations
  std::string doubt;                         // see Evidence
};

// Reads the journals that the last process left in `disk`, as far as the store does not have them. A reservation that
// has no end stands for an exchange of which nobody knows whether it was sent: its record holds all of it as
// unresolved. Fails if the folder cannot be read; what is damaged is a doubt.
base::Result<Findings> read_findings(journal::Disk& disk, const journal::Owner& owner, const LeftBehind& left);
// The same, with what was seen of the journals themselves.
base::Result<journal::Report> read_findings(journal::Disk& disk, const journal::Owner& owner, const LeftBehind& left,
                                            Findings& findings);

// Whose journals they are: those of the node, of that incarnation.
journal::Owner owner_of(const LeftBehind& left, std::int64_t incarnation);

// A process's journals, and what it learnt from the last one's.
struct Journals {
  Recovery recovery;
  std::size_t open_exchanges = 0;             // of the last process: their money is unresolved now
  std::string doubt;                          // why the rest of its leases is unresolved too; empty: it went back
  std::unique_ptr<journal::Journal> journal;  // nullptr: none is kept
};

// How a process begins: closes the store's last incarnation with what its journals in `disk` say, discards them, and
// opens those of the new one. conflict: the store is behind its journals (restore.h). `disk` may be nullptr, for a
// store that ends with the process; else it outlives them.
base::Result<Journals> open_journals(Store& store, journal::Disk* disk, std::uint32_t workers, base::WallTime now,
                                     const journal::Options& options, journal::Calls calls);

}  // namespace quota
