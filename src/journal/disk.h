#pragma once
// Port: the folder in which the journals' segments lie. An implementation holds the folder for one process, as long as
// it lives: whoever opens it first has it, and a second process is told so. MappedDisk is the real one, MemoryDisk the
// one that tests, the simulator and `metergate demo` use.

#include <boost/align/aligned_allocator.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace journal {

// What `journal.durability` chooses (design.md §8): what a record outlives once it is written.
enum class Durability : std::uint8_t {
  process,  // the process: kill -9
  power,    // the machine as well: a reserve record is on disk before the call leaves
};

// Files are written through in whole blocks, from memory that is aligned to them.
inline constexpr std::size_t block_bytes = 4096;
using Blocks = std::vector<std::byte, boost::alignment::aligned_allocator<std::byte, block_bytes>>;

// Where a file lies. A copy of it lies elsewhere, which is how a copied folder is told from its original. Means nothing
// after the machine was started anew.
struct Place {
  std::uint64_t device = 0;
  std::uint64_t number = 0;
  bool operator==(const Place&) const = default;
};

// The file of one segment, mapped for writing. Its blocks on the disk are there from the start: storing into memory()
// does not run into a full disk. One thread at a time, but for write_through, which may run beside stores to memory().
class SegmentFile {
 public:
  virtual ~SegmentFile() = default;
  virtual const std::string& name() const = 0;
  virtual Place place() const = 0;
  // What is stored here survives this process without a system call. Aligned to block_bytes. A new file reads as zeros.
  virtual std::span<std::byte> memory() = 0;
  // Brings memory() into reach, so that storing does not wait for the disk. Fails where it would be killed instead.
  virtual base::Status warm() = 0;
  // When it returns, the first block of memory() survives a power loss.
  virtual base::Status sync_first_block() = 0;
  // Durability::power only. Writes blocks to the file's second image, where they have the offset that they have in
  // memory(). When it returns they survive a power loss. After a failure nothing is known of them.
  virtual base::Status write_through(std::size_t offset, std::span<const std::byte> blocks) = 0;
};

struct FileFacts {
  std::size_t bytes = 0;
  Place place;
  // The operating system reported that it could not write something of this file to the disk.
  bool write_back_failed = false;
};

class Disk {
 public:
  virtual ~Disk() = default;
  // Makes a file of `bytes` (a multiple of block_bytes), twice that for Durability::power, whose second half is the
  // second image. Its blocks are allocated, and zeros written where write_through will write; its name survives a power
  // loss. Errors: unavailable (no space, no permission), conflict (the name is taken).
  virtual base::Result<std::unique_ptr<SegmentFile>> create(const std::string& name, std::size_t bytes,
                                                            Durability durability) = 0;
  // The names of the segments' files, in order.
  virtual base::Result<std::vector<std::string>> list() = 0;
  virtual base::Result<FileFacts> look(const std::string& name) = 0;
  // Fails if the file is shorter than that, or a block of it cannot be read.
  virtual base::Status read(const std::string& name, std::size_t offset, std::span<std::byte> out) = 0;
  virtual base::Status remove(const std::string& name) = 0;
  // Another one after each start of the machine.
  virtual base::Uuid boot() const = 0;
  // Whether write_through goes around the page cache (O_DIRECT), which is faster. Known after the first file of
  // Durability::power.
  virtual bool writes_directly() const = 0;
};

}  // namespace journal
