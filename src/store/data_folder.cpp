#include "store/data_folder.h"

#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace store {
namespace {

// Who wrote itself into the lock file. The lock is what counts; this is for the message.
std::string holder_of(const FileDescriptor& lock) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(lock.number(), text.data(), text.size(), 0);
  const std::string_view pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::string_view digits = pid.substr(0, pid.find_first_not_of("0123456789"));
  return digits.empty() ? "another process" : fmt::format("process {}", digits);
}

}  // namespace

base::Result<DataFolder> DataFolder::open(const std::filesystem::path& path) {
  TRY_STATUS(create_private_folder(path));
  const std::filesystem::path lock_path = path / "lock";
  TRY(FileDescriptor lock, open_private_file(lock_path));
  if (::flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_failure("locking", lock_path);
    return base::fail(base::ErrorType::unavailable,
                      fmt::format("the data folder {} is in use by {}; stop it first, or choose another folder",
                                  path.string(), holder_of(lock)),
                      {}, base::Source::store);
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock.number(), 0) != 0 ||
      ::pwrite(lock.number(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return system_failure("writing", lock_path);
  return DataFolder(path, std::move(lock));
}

}  // namespace store
