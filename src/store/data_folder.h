#pragma once

#include <filesystem>

#include "base/private_files.h"
#include "base/result.h"

namespace store {

// The folder with everything that must survive a restart, locked for this process as long as this object lives: two
// processes that hand out the same money would each be right and together be wrong. The operating system drops the lock
// with the process, however it ends; a leftover `lock` file means nothing.
class [[nodiscard]] DataFolder {
 public:
  // Creates the folder (0700) if it is missing. Fails, naming the process, if another one has it.
  static base::Result<DataFolder> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database_path() const { return path_ / "metergate.db"; }

 private:
  DataFolder(std::filesystem::path path, base::FileDescriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  base::FileDescriptor lock_;
};

}  // namespace store
