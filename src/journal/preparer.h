#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "journal/format.h"

namespace journal {

struct Options {
  Durability durability = Durability::process;
  // Of one image. A multiple of block_bytes, with room for several of the largest records.
  std::uint32_t segment_bytes = 1024 * 1024;
  // The largest record, with its header. At most record_bytes_limit.
  std::uint32_t record_bytes_max = 16 * 1024;
  // Kept ready for each writer. A preparer that finds none ready doubles it, up to the largest number.
  std::uint32_t ready_segments = 2;
  std::uint32_t ready_segments_max = 8;
  std::uint32_t segments_max = 256;  // in use by one writer; beyond that nothing is reserved
  // A writer that has more segments than this in use copies what is open out of its oldest one.
  std::uint32_t carry_above = 4;

  base::Status check() const;
};

// A segment that waits for its first record.
struct PreparedSegment {
  std::unique_ptr<SegmentFile> file;
  std::uint32_t number = 0;
  std::uint32_t seed = 0;
};

// Between one writer and who prepares its segments. Any thread; nothing is done under its lock.
class Supply {
 public:
  // nullopt: none is ready.
  std::optional<PreparedSegment> take();
  // A file whose records nobody needs any more. Oldest first.
  void give_back(std::unique_ptr<SegmentFile> file);
  // Why none is ready: what went wrong last, if anything did.
  std::string shortage() const;
  std::size_t ready() const;

 private:
  friend class Preparer;
  mutable std::mutex mutex_;
  std::deque<PreparedSegment> ready_;
  std::vector<std::unique_ptr<SegmentFile>> returned_;
  std::string shortage_;
};

// Makes segments ahead of need, so that a writer never waits for a disk, and uses files again. One thread at a time.
//
// Files are used again in the order in which they were given back, each with its new name on the disk before the next
// one's turn: so what a power loss leaves of a journal is without gaps at its old end.
class Preparer {
 public:
  // `supplies` outlive the preparer: one for each worker.
  Preparer(Disk& disk, const Owner& owner, const Options& options, std::vector<Supply*> supplies);

  // Brings every supply up to what is wanted of it. On a failure it goes on with the other supplies and returns the
  // first one; the next call tries again.
  base::Status prepare();

 private:
  struct Line {
    Supply* supply = nullptr;
    std::uint32_t wanted = 0;  // ready
    std::uint32_t next_number = 1;
    std::uint32_t next_file = 1;
  };
  base::Status fill(std::uint32_t worker, Line& line);
  base::Result<std::unique_ptr<SegmentFile>> make_file(std::uint32_t worker, Line& line);
  base::Status make_ready(std::unique_ptr<SegmentFile> file, std::uint32_t worker, Line& line);
  base::Status give_identity(SegmentFile& file, const SegmentHeader& header);
  void drop(std::unique_ptr<SegmentFile> file);

  Disk& disk_;
  const Owner owner_;
  const Options options_;
  std::vector<Line> lines_;
  Blocks block_;  // a header on its way to the second image
};

}  // namespace journal
