#include "journal/mapped_disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "base/assert.h"

namespace journal {
namespace {

using base::FileDescriptor;
using base::system_failure;

constexpr mode_t file_mode = 0600;
constexpr std::string_view extension = ".journal";
constexpr const char* boot_id_path = "/proc/sys/kernel/random/boot_id";

// What one call writes of the zeros of a new file.
constexpr std::size_t zeros_at_once = 256 * 1024;

// All of it, whatever a single call takes. Sets errno.
bool write_all(int file, std::span<const std::byte> bytes, std::size_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::size_t>(written);
  }
  return true;
}

base::Result<base::Uuid> read_boot_id() {
  const FileDescriptor file(::open(boot_id_path, O_RDONLY | O_CLOEXEC));
  std::array<char, 36> text{};
  if (file.number() < 0 || ::read(file.number(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return system_failure("reading", boot_id_path);
  return base::Uuid::parse(std::string_view(text.data(), text.size()));
}

class MappedFile final : public SegmentFile {
 public:
  MappedFile(std::string name, std::filesystem::path path, std::span<std::byte> memory, Place place,
             FileDescriptor write_through)
      : name_(std::move(name)),
        path_(std::move(path)),
        memory_(memory),
        place_(place),
        write_through_(std::move(write_through)) {}
  ~MappedFile() override { ::munmap(memory_.data(), memory_.size()); }

  const std::string& name() const override { return name_; }
  Place place() const override { return place_; }
  std::span<std::byte> memory() override { return memory_; }

  base::Status warm() override {
    if (::madvise(memory_.data(), memory_.size(), MADV_POPULATE_WRITE) == 0) return {};
    if (errno == EINVAL) return {};  // Linux before 5.14: pages come one by one
    return system_failure("mapping", path_);
  }

  base::Status sync_first_block() override {
    if (::msync(memory_.data(), block_bytes, MS_SYNC) != 0) return system_failure("writing", path_);
    return {};
  }

  base::Status write_through(std::size_t offset, std::span<const std::byte> blocks) override {
    ASSERT(write_through_.number() >= 0);
    ASSERT(offset % block_bytes == 0 && blocks.size() % block_bytes == 0);
    ASSERT(offset + blocks.size() <= memory_.size());
    if (!write_all(write_through_.number(), blocks, memory_.size() + offset)) return system_failure("writing", path_);
    return {};
  }

 private:
  std::string name_;
  std::filesystem::path path_;
  std::span<std::byte> memory_;
  Place place_;
  FileDescriptor write_through_;  // negative: not for power
};

bool write_zeros(int file, std::size_t offset, std::size_t bytes) {
  const Blocks zeros(std::min(zeros_at_once, bytes));
  for (std::size_t done = 0; done < bytes; done += zeros.size())
    if (!write_all(file, std::span(zeros).first(std::min(zeros.size(), bytes - done)), offset + done)) return false;
  return true;
}

struct WriteThrough {
  FileDescriptor file;
  bool direct = false;
};

// Opens the second image, which begins at `bytes`, and fills it with zeros, so that a later write changes bytes and
// nothing else of the file. Whether the file system lets writes go around the page cache shows when it is asked to.
base::Result<WriteThrough> open_second_image(const std::filesystem::path& path, std::size_t bytes) {
  for (const int around_cache : {O_DIRECT, 0}) {
    const int flags = O_WRONLY | O_CLOEXEC | around_cache;
    const FileDescriptor zeros(::open(path.c_str(), flags));
    // One block alone first: that is how small a write will be.
    if (zeros.number() >= 0 && write_zeros(zeros.number(), bytes, block_bytes) &&
        write_zeros(zeros.number(), bytes, bytes)) {
      FileDescriptor file(::open(path.c_str(), flags | O_DSYNC));
      if (file.number() < 0) break;
      return WriteThrough{std::move(file), around_cache != 0};
    }
    if (errno != EINVAL) break;
  }
  return system_failure("writing", path);
}

}  // namespace

base::Result<std::unique_ptr<MappedDisk>> MappedDisk::open(const std::filesystem::path& folder) {
  TRY_STATUS(base::create_private_folder(folder));
  TRY(FileDescriptor lock, base::lock_private_folder(folder, "the journal's folder"));
  TRY(const base::Uuid boot, read_boot_id());
  return std::unique_ptr<MappedDisk>(new MappedDisk(folder, std::move(lock), boot));
}

std::filesystem::path MappedDisk::path_of(const std::string& name) const {
  return folder_ / (name + std::string(extension));
}

base::Result<std::unique_ptr<SegmentFile>> MappedDisk::create(const std::string& name, std::size_t bytes,
                                                              Durability durability) {
  ASSERT(bytes > 0 && bytes % block_bytes == 0);
  const std::filesystem::path path = path_of(name);
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, file_mode));
  if (file.number() < 0 && errno == EEXIST)
    return base::fail(base::ErrorType::conflict, fmt::format("{} exists already", path.string()), {},
                      base::Source::store);
  if (file.number() < 0) return system_failure("creating", path);
  auto made = map_new_file(name, path, file, bytes, durability);
  if (!made) ::unlink(path.c_str());
  return made;
}

base::Result<std::unique_ptr<SegmentFile>> MappedDisk::map_new_file(const std::string& name,
                                                                    const std::filesystem::path& path,
                                                                    const FileDescriptor& file, std::size_t bytes,
                                                                    Durability durability) {
  const bool two_images = durability == Durability::power;
  errno = ::posix_fallocate(file.number(), 0, static_cast<off_t>(two_images ? 2 * bytes : bytes));
  if (errno != 0) return system_failure("allocating", path);
  struct stat facts{};
  if (::fstat(file.number(), &facts) != 0) return system_failure("reading", path);
  TRY(WriteThrough second, two_images ? open_second_image(path, bytes) : WriteThrough{FileDescriptor(-1)});
  if (two_images) writes_directly_.store(second.direct, std::memory_order_relaxed);
  TRY_STATUS(base::sync_file_and_name(file, path));
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.number(), 0);
  if (memory == MAP_FAILED) return system_failure("mapping", path);
  return std::make_unique<MappedFile>(name, path, std::span(static_cast<std::byte*>(memory), bytes),
                                      Place{facts.st_dev, facts.st_ino}, std::move(second.file));
}

base::Result<std::vector<std::string>> MappedDisk::list() {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == extension) names.push_back(at->path().stem());
  if (error) {
    errno = error.value();
    return system_failure("reading", folder_);
  }
  std::ranges::sort(names);
  return names;
}

base::Result<FileFacts> MappedDisk::look(const std::string& name) {
  const std::filesystem::path path = path_of(name);
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) return system_failure("opening", path);
  struct stat facts{};
  if (::fstat(file.number(), &facts) != 0) return system_failure("reading", path);
  // A failed write-back that nobody was told of yet is told here, even if it happened to another process.
  const bool written_back = ::fdatasync(file.number()) == 0;
  return FileFacts{.bytes = static_cast<std::size_t>(facts.st_size),
                   .place = {facts.st_dev, facts.st_ino},
                   .write_back_failed = !written_back};
}

// By read, not by mapping: a block that the disk cannot give is an error here and would be a signal there.
base::Status MappedDisk::read(const std::string& name, std::size_t offset, std::span<std::byte> out) {
  const std::filesystem::path path = path_of(name);
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) return system_failure("opening", path);
  while (!out.empty()) {
    const ssize_t count = ::pread(file.number(), out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure("reading", path);
    if (count == 0)
      return base::fail(base::ErrorType::unavailable, fmt::format("reading {}: it is cut short", path.string()), {},
                        base::Source::store);
    out = out.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::size_t>(count);
  }
  return {};
}

base::Status MappedDisk::remove(const std::string& name) {
  const std::filesystem::path path = path_of(name);
  if (::unlink(path.c_str()) != 0) return system_failure("removing", path);
  const FileDescriptor names(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (names.number() < 0 || ::fsync(names.number()) != 0) return system_failure("writing the folder", folder_);
  return {};
}

}  // namespace journal
