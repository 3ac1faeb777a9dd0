#pragma once

#include <atomic>
#include <filesystem>

#include "base/private_files.h"
#include "journal/disk.h"

namespace journal {

// A folder of memory-mapped files, locked for this process as long as this object lives. It wants a local file system:
// what is mapped must stay in this machine's memory. Files have mode 0600, the folder 0700.
class MappedDisk final : public Disk {
 public:
  // Creates the folder if it is missing. Fails, naming the process, if another one has it.
  static base::Result<std::unique_ptr<MappedDisk>> open(const std::filesystem::path& folder);

  base::Result<std::unique_ptr<SegmentFile>> create(const std::string& name, std::size_t bytes,
                                                    Durability durability) override;
  base::Result<std::vector<std::string>> list() override;
  base::Result<FileFacts> look(const std::string& name) override;
  base::Status read(const std::string& name, std::size_t offset, std::span<std::byte> out) override;
  base::Status remove(const std::string& name) override;
  base::Uuid boot() const override { return boot_; }
  bool writes_directly() const override { return writes_directly_.load(std::memory_order_relaxed); }

 private:
  MappedDisk(std::filesystem::path folder, base::FileDescriptor lock, base::Uuid boot)
      : folder_(std::move(folder)), lock_(std::move(lock)), boot_(boot) {}
  std::filesystem::path path_of(const std::string& name) const;
  base::Result<std::unique_ptr<SegmentFile>> map_new_file(const std::string& name, const std::filesystem::path& path,
                                                          const base::FileDescriptor& file, std::size_t bytes,
                                                          Durability durability);

  std::filesystem::path folder_;
  base::FileDescriptor lock_;
  base::Uuid boot_;
  std::atomic<bool> writes_directly_ = false;
};

}  // namespace journal
