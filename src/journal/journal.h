#pragma once
// journal: what this process has promised and not yet told the store, so that its death tells it. Each worker has a
// journal of its own, a row of segments in mapped memory that it alone appends to:
//
//   Writer      one per worker, on its thread: reserve, extend, settle, release
//   Preparer    makes segments ahead of need and uses their files again; the store's thread calls it
//   Committer   with Durability::power, writes through what a writer has appended, all at once; a thread of its own
//   read_journals (reader.h)  what a dead process left, and how far that can be believed
//
// It owns no money and knows no limit: payloads are bytes here, and records.h says what quota puts into them. It starts
// no thread and reads no clock.
//
// Always: a record that was written before a process was killed is read back, and nothing else is; an open reservation
// can be ended however full the disk is; what a file held in an earlier use never comes back; a journal is written by
// one process and never continued by another.

#include <functional>
#include <memory>
#include <vector>

#include "journal/committer.h"
#include "journal/disk.h"
#include "journal/preparer.h"
#include "journal/writer.h"

namespace journal {

// How the journal makes itself heard. To be called from one thread, they only set something down and return.
struct Calls {
  std::function<void()> prepare;                      // on a worker's thread: prepare() is wanted
  std::function<void(std::uint32_t worker)> commit;   // on that worker's thread: commit(worker) is wanted
  std::function<void(std::uint32_t worker)> durable;  // on commit's thread: writer(worker).resume() is, on its own
};

// The journals of one process, from its start to its end.
class Journal {
 public:
  // Makes the first segments of every worker. `owner.incarnation` is new: the store has just given it out. `disk`
  // outlives the journal. Fails if it cannot, or if there is a journal of this incarnation already.
  static base::Result<std::unique_ptr<Journal>> open(Disk& disk, const Owner& owner, std::uint32_t workers,
                                                     const Options& options, Calls calls);

  // Workers are 0, 1, 2 …
  Writer& writer(std::uint32_t worker) { return *writers_[worker]; }
  std::uint32_t workers() const { return static_cast<std::uint32_t>(writers_.size()); }

  // Segments ahead of need. On one thread, after each call for it and once a second: what failed for want of space
  // works again when there is some.
  base::Status prepare() { return preparer_->prepare(); }
  // Durability::power: what the writer has appended becomes durable. On one thread for each worker, after each call for
  // it. False: there was nothing to do.
  bool commit(std::uint32_t worker) { return committers_[worker]->turn(); }

 private:
  Journal() = default;

  std::vector<std::unique_ptr<Supply>> supplies_;
  std::unique_ptr<Preparer> preparer_;
  std::vector<std::unique_ptr<Committer>> committers_;  // none for Durability::process
  std::vector<std::unique_ptr<Writer>> writers_;
};

}  // namespace journal
