#pragma once
// What a dead process left in its journals, and how far it can be believed. Reads one segment at a time.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "journal/disk.h"
#include "journal/format.h"

namespace journal {

// A segment's file, by its header.
struct FoundSegment {
  std::string name;
  SegmentHeader header;
  FileFacts file;
};

// All files of a folder.
struct Folder {
  std::vector<FoundSegment> segments;
  std::vector<std::string> blank;    // hold nothing
  std::vector<std::string> damaged;  // have no header that can be read
};
base::Result<Folder> look_through(Disk& disk);

struct FoundRecord {
  std::uint32_t worker = 0;
  Kind kind = Kind::reserve;  // of the data kinds
  Sequence sequence = 0;
  // Something that was written before it is lost. It counts all the same (money-rules.md, "Power loss").
  bool beyond_hole = false;
  std::span<const std::byte> payload;  // until the next record
};

// One worker's journal.
struct JournalReport {
  std::uint32_t worker = 0;
  std::uint64_t records = 0;       // that were found
  std::uint64_t beyond_holes = 0;  // of these, behind something that is lost
  // The number after which the oldest segment begins: what went before it was flushed or closed, and is gone.
  Sequence before = 0;
  Sequence last = 0;     // the last number found, or `before`
  Sequence flushed = 0;  // how far the store had it, by what the journal knew
  // What is wrong with it; empty if every record from `before` to the end is there, and the end is an end.
  std::vector<std::string> defects;
};

struct Report {
  bool same_boot = true;                // the machine has not been started anew since
  std::vector<JournalReport> journals;  // one for each worker that there was; empty: there is no segment of this owner
  std::vector<std::string> defects;     // of the folder
  std::uint64_t store_commit = 0;       // the last commit of the store that these journals have heard of
  // Of the same node: whoever else has written here. A journal of another store or node is none of our business.
  std::vector<std::int64_t> other_incarnations;
  std::vector<std::string> foreign;

  // Why a remainder may not be returned (money-rules.md, "Proof of death"); empty if it may. `flushed` is the store's
  // mark of each worker's journal. The caller knows by the store that the incarnation is the last one, and by `disk`
  // that nobody else has the folder.
  std::string doubt(std::span<const Sequence> flushed) const;
};

// Reads the journals of `owner`, worker by worker, each in the order in which it was written, and gives every record to
// `visit`. What was copied forward comes again; the last reserve, extend or carried record of an exchange counts. Fails
// if the folder cannot be read at all, or `visit` fails; what is wrong with a file is in the report.
base::Result<Report> read_journals(Disk& disk, const Owner& owner,
                                   const std::function<base::Status(const FoundRecord&)>& visit);

// Removes the files of this node's incarnations up to this one, and those that hold nothing, once the store has closed
// them for ever. Files whose header cannot be read go by their names.
base::Status discard_journals(Disk& disk, const Owner& through);

}  // namespace journal
