#include "app/data_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace app {
namespace {

std::unexpected<base::Error> unusable(const std::string& path, std::string_view why) {
  return base::fail(base::ErrorType::unavailable, fmt::format("the data folder {} {}", path, why));
}

}  // namespace

base::Result<DataFolder> DataFolder::open(const std::string& path) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path, error);
  if (error) return unusable(path, fmt::format("cannot be made: {}", error.message()));
  // One that was there already keeps the permissions that its owner chose.
  if (made) std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  const auto file = path + "/lock";
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return unusable(path, fmt::format("cannot be written: {}", std::strerror(errno)));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    ::close(lock);
    if (reason == EWOULDBLOCK) return unusable(path, "is in use by another metergate process");
    return unusable(path, fmt::format("cannot be locked: {}", std::strerror(reason)));
  }
  return DataFolder(path, lock);
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

DataFolder::~DataFolder() {
  if (lock_ >= 0) ::close(lock_);
}

std::string control_socket(const std::string& data_folder) { return data_folder + "/control.sock"; }

}  // namespace app
