#pragma once
// Files and folders that only their owner may read: whatever a data folder holds is nobody else's business.

#include <filesystem>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace base {

// An open file; closed when it goes.
class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor();
  int number() const { return number_; }

 private:
  int number_;
};

// Creates the folder and those above it that are missing, each with mode 0700. One that exists stays as it is.
Status create_private_folder(const std::filesystem::path& path);

// Opens the file for reading and writing, and creates it with mode 0600 if it is missing. Programs that are started
// later do not inherit it.
Result<FileDescriptor> open_private_file(const std::filesystem::path& path);

// Locks the file `lock` in the folder for this process, as long as the descriptor lives; creates the file if it is
// missing. Fails, naming the process, if another one has it. `what` names the folder in the message: "the data folder".
// The operating system drops the lock with the process, however it ends; a leftover file means nothing.
Result<FileDescriptor> lock_private_folder(const std::filesystem::path& folder, std::string_view what);

// Makes the file and its name in the folder survive a power loss.
Status sync_file_and_name(const FileDescriptor& file, const std::filesystem::path& path);

// What the operating system said of the last call (errno), as an error: "creating ./data: Permission denied".
std::unexpected<Error> system_failure(std::string_view doing, const std::filesystem::path& path);

}  // namespace base
