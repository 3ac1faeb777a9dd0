#include "base/private_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

namespace base {
namespace {

constexpr mode_t folder_mode = 0700;
constexpr mode_t file_mode = 0600;

// Who wrote itself into the lock file. The lock is what counts; this is for the message.
std::string holder_of(const FileDescriptor& lock) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(lock.number(), text.data(), text.size(), 0);
  const std::string_view pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::string_view digits = pid.substr(0, pid.find_first_not_of("0123456789"));
  return digits.empty() ? "another process" : fmt::format("process {}", digits);
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);
}

Status create_private_folder(const std::filesystem::path& path) {
  std::error_code unknown;
  if (path.empty() || std::filesystem::is_directory(path, unknown)) return {};
  if (path.has_parent_path() && path.parent_path() != path) TRY_STATUS(create_private_folder(path.parent_path()));
  // Whoever creates it at the same moment creates what was asked for.
  if (::mkdir(path.c_str(), folder_mode) != 0 && !(errno == EEXIST && std::filesystem::is_directory(path, unknown)))
    return system_failure("creating the folder", path);
  return {};
}

Result<FileDescriptor> open_private_file(const std::filesystem::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, file_mode));
  if (file.number() < 0) return system_failure("opening", path);
  return file;
}

Result<FileDescriptor> lock_private_folder(const std::filesystem::path& folder, std::string_view what) {
  const std::filesystem::path path = folder / "lock";
  TRY(FileDescriptor lock, open_private_file(path));
  if (::flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_failure("locking", path);
    return fail(ErrorType::unavailable,
                fmt::format("{} {} is in use by {}; stop it first, or choose another folder", what, folder.string(),
                            holder_of(lock)),
                {}, Source::store);
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock.number(), 0) != 0 ||
      ::pwrite(lock.number(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return system_failure("writing", path);
  return lock;
}

Status sync_file_and_name(const FileDescriptor& file, const std::filesystem::path& path) {
  if (::fsync(file.number()) != 0) return system_failure("writing", path);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const FileDescriptor names(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (names.number() < 0 || ::fsync(names.number()) != 0) return system_failure("writing the folder", folder);
  return {};
}

std::unexpected<Error> system_failure(std::string_view doing, const std::filesystem::path& path) {
  const std::string reason = std::generic_category().message(errno);
  return fail(ErrorType::unavailable, fmt::format("{} {}: {}", doing, path.string(), reason), {}, Source::store);
}

}  // namespace base
