#pragma once
// The machine that a life's processes run on, one after another: it has the folder of their journals, which outlives
// them, and it may lose power. What a process still does after its death, because its destructors run here, reaches
// none of its files.

#include <functional>
#include <memory>

#include "journal/journal.h"
#include "journal/memory_disk.h"
#include "quota/recovery.h"
#include "tests/sim/dice.h"

namespace sim {

// What the processes of a life keep of what they have promised.
enum class Keeping : std::uint8_t {
  nothing,  // a crash loses all that was not flushed
  process,  // a journal that survives the process
  power,    // and what was sent is in it on the disk
};

class Machine {
 public:
  Machine(Keeping keeping, std::uint64_t seed);

  Keeping keeping() const { return keeping_; }
  // A process begins: closes the last one with what is left of its journals, and opens its own. May throw a Crash.
  base::Result<quota::Journals> begin(quota::Store& store, std::uint32_t workers, base::WallTime now);

  // The process is dead from here on; as often as one likes.
  void kill();
  void lose_power();
  // Somebody has erased or cut one of the files. False: there is none.
  bool damage(Dice& dice);
  // Some pages go to the disk by themselves.
  void write_back() { folder_->write_back(); }
  // The disk has room for so many files more, or for any number.
  void leave_room_for(std::size_t files);
  void leave_room() { folder_->trouble.capacity = std::numeric_limits<std::size_t>::max(); }
  // Until then, called in the middle of everything that is to survive a power loss.
  void before_each_write(std::function<void()> call) { folder_->before_write = std::move(call); }

  // Whom the journal calls; the process that has begun sets them.
  journal::Calls bells;

 private:
  const Keeping keeping_;
  const journal::Options options_;
  Dice dice_;
  std::unique_ptr<journal::MemoryFolder> folder_;
  std::unique_ptr<journal::MemoryFolder> folder_of_the_dead_;
  std::unique_ptr<journal::MemoryDisk> disk_;
};

}  // namespace sim
