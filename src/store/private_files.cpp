#include "store/private_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace store {
namespace {

constexpr mode_t folder_mode = 0700;
constexpr mode_t file_mode = 0600;

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);
}

base::Status create_private_folder(const std::filesystem::path& path) {
  std::error_code unknown;
  if (path.empty() || std::filesystem::is_directory(path, unknown)) return {};
  if (path.has_parent_path() && path.parent_path() != path) TRY_STATUS(create_private_folder(path.parent_path()));
  // Whoever creates it at the same moment creates what was asked for.
  if (::mkdir(path.c_str(), folder_mode) != 0 && !(errno == EEXIST && std::filesystem::is_directory(path, unknown)))
    return system_failure("creating the folder", path);
  return {};
}

base::Result<FileDescriptor> open_private_file(const std::filesystem::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, file_mode));
  if (file.number() < 0) return system_failure("opening", path);
  return file;
}

base::Status sync_file_and_name(const FileDescriptor& file, const std::filesystem::path& path) {
  if (::fsync(file.number()) != 0) return system_failure("writing", path);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const FileDescriptor names(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (names.number() < 0 || ::fsync(names.number()) != 0) return system_failure("writing the folder", folder);
  return {};
}

std::unexpected<base::Error> system_failure(std::string_view doing, const std::filesystem::path& path) {
  const std::string reason = std::generic_category().message(errno);
  return base::fail(base::ErrorType::unavailable, fmt::format("{} {}: {}", doing, path.string(), reason), {},
                    base::Source::store);
}

}  // namespace store
