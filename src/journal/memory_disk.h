#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <map>

#include "base/random.h"
#include "journal/disk.h"

namespace journal {

// A folder in memory, with what a machine can do to its files. It outlives the processes that use it; a MemoryDisk is
// one process's hold on it. One thread at a time, but for write_through.
//
// What was stored to a page is on the platter now, or as it was at a moment in between (write_back), or not at all.
// Only what was synced or written through is there for certain.
class MemoryFolder {
 public:
  explicit MemoryFolder(base::Random& random);
  ~MemoryFolder();

  struct Trouble {
    std::size_t capacity = std::numeric_limits<std::size_t>::max();  // bytes of all files; beyond, create fails
    bool failing_writes = false;     // sync_first_block and write_through fail, the latter after some of the blocks
    bool failed_write_back = false;  // what look() says of every file
    bool unreadable = false;         // read fails
  };
  Trouble trouble;
  // Called before each sync and each write through, as long as it is set: a moment at which power may be lost.
  std::function<void()> before_write;

  // The machine loses power and starts anew. Of what was stored and neither synced nor written through, each page is
  // kept or lost by chance, and now and then each sector of 512 bytes. Processes that ran are gone with their holds:
  // what they do from here on reaches no file.
  void lose_power();
  // Pages go to the platter as they are now, each by chance.
  void write_back();

  // What somebody else may do to the files.
  std::vector<std::string> names() const;
  std::span<std::byte> bytes(const std::string& name);  // as processes see them
  void erase(const std::string& name);
  void truncate(const std::string& name, std::size_t bytes);
  // What would be found here if every process were killed now.
  std::unique_ptr<MemoryFolder> after_kill() const;
  // The same bytes in other places of the same machine: a backup that was put back, a cloned folder.
  std::unique_ptr<MemoryFolder> copy() const;

 private:
  friend class MemoryDisk;
  struct File {
    Blocks cache;    // what processes see
    Blocks platter;  // what a power loss leaves at the least
    Place place;
  };
  class OpenFile;
  std::size_t bytes_used() const;
  bool chance(unsigned percent);

  base::Random& random_;
  std::map<std::string, std::shared_ptr<File>> files_;
  std::uint64_t next_place_ = 1;
  base::Uuid boot_;
  std::uint64_t holder_ = 0;  // 0: nobody
  std::uint64_t next_holder_ = 1;
};

class MemoryDisk final : public Disk {
 public:
  // Fails if another MemoryDisk has the folder.
  static base::Result<std::unique_ptr<MemoryDisk>> open(MemoryFolder& folder);
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;
  ~MemoryDisk() override;

  base::Result<std::unique_ptr<SegmentFile>> create(const std::string& name, std::size_t bytes,
                                                    Durability durability) override;
  base::Result<std::vector<std::string>> list() override;
  base::Result<FileFacts> look(const std::string& name) override;
  base::Status read(const std::string& name, std::size_t offset, std::span<std::byte> out) override;
  base::Status remove(const std::string& name) override;
  base::Uuid boot() const override { return folder_.boot_; }
  bool writes_directly() const override { return true; }

 private:
  MemoryDisk(MemoryFolder& folder, std::uint64_t holder) : folder_(folder), holder_(holder) {}

  MemoryFolder& folder_;
  const std::uint64_t holder_;
};

}  // namespace journal
