#include "journal/memory_disk.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace journal {
namespace {

constexpr std::size_t sector_bytes = 512;
// How often a lost page is lost in part, and a page is kept or written back.
constexpr unsigned torn_percent = 10;
constexpr unsigned kept_percent = 50;

std::unexpected<base::Error> failure(std::string message) {
  return base::fail(base::ErrorType::unavailable, std::move(message), {}, base::Source::store);
}

}  // namespace

class MemoryFolder::OpenFile final : public SegmentFile {
 public:
  OpenFile(MemoryFolder& folder, std::string name, std::shared_ptr<File> file, std::size_t image_bytes)
      : folder_(folder), name_(std::move(name)), file_(std::move(file)), image_bytes_(image_bytes) {}

  const std::string& name() const override { return name_; }
  Place place() const override { return file_->place; }
  std::span<std::byte> memory() override { return std::span(file_->cache).first(image_bytes_); }
  base::Status warm() override { return {}; }

  base::Status sync_first_block() override {
    if (folder_.before_write) folder_.before_write();
    if (folder_.trouble.failing_writes) return failure(fmt::format("writing {}: Input/output error", name_));
    std::copy_n(file_->cache.begin(), block_bytes, file_->platter.begin());
    return {};
  }

  base::Status write_through(std::size_t offset, std::span<const std::byte> blocks) override {
    ASSERT(offset % block_bytes == 0 && blocks.size() % block_bytes == 0);
    ASSERT(reinterpret_cast<std::uintptr_t>(blocks.data()) % block_bytes == 0);
    ASSERT(offset + blocks.size() <= image_bytes_ && 2 * image_bytes_ == file_->cache.size());
    if (folder_.before_write) folder_.before_write();
    const bool fails = folder_.trouble.failing_writes;
    if (fails) blocks = blocks.first(blocks.size() / 2 / sector_bytes * sector_bytes);
    const auto at = static_cast<std::ptrdiff_t>(image_bytes_ + offset);
    std::ranges::copy(blocks, file_->cache.begin() + at);
    std::ranges::copy(blocks, file_->platter.begin() + at);
    if (fails) return failure(fmt::format("writing {}: Input/output error", name_));
    return {};
  }

 private:
  MemoryFolder& folder_;
  std::string name_;
  std::shared_ptr<File> file_;
  std::size_t image_bytes_;
};

MemoryFolder::MemoryFolder(base::Random& random) : random_(random) {
  random_.fill(std::as_writable_bytes(std::span(boot_.bytes)));
}
MemoryFolder::~MemoryFolder() = default;

bool MemoryFolder::chance(unsigned percent) {
  std::array<std::byte, 1> byte{};
  random_.fill(byte);
  return std::to_integer<unsigned>(byte[0]) * 100 / 256 < percent;
}

void MemoryFolder::lose_power() {
  for (auto& [name, file] : files_) {
    auto after = std::make_shared<File>(*file);
    for (std::size_t page = 0; page < after->cache.size(); page += block_bytes) {
      const bool torn = chance(torn_percent);
      bool kept = chance(kept_percent);
      for (std::size_t at = page; at < std::min(page + block_bytes, after->cache.size()); at += sector_bytes) {
        if (torn) kept = chance(kept_percent);
        if (kept)
          std::copy_n(file->cache.begin() + static_cast<std::ptrdiff_t>(at),
                      std::min(sector_bytes, after->cache.size() - at),
                      after->platter.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    after->cache = after->platter;
    file = std::move(after);
  }
  random_.fill(std::as_writable_bytes(std::span(boot_.bytes)));
  holder_ = 0;
}

void MemoryFolder::write_back() {
  for (auto& [name, file] : files_)
    for (std::size_t page = 0; page < file->cache.size(); page += block_bytes)
      if (chance(kept_percent))
        std::copy_n(file->cache.begin() + static_cast<std::ptrdiff_t>(page),
                    std::min(block_bytes, file->cache.size() - page),
                    file->platter.begin() + static_cast<std::ptrdiff_t>(page));
}

std::vector<std::string> MemoryFolder::names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) names.push_back(name);
  return names;
}
std::span<std::byte> MemoryFolder::bytes(const std::string& name) { return files_.at(name)->cache; }
void MemoryFolder::erase(const std::string& name) { files_.erase(name); }
void MemoryFolder::truncate(const std::string& name, std::size_t bytes) {
  // Whoever has it open keeps what there was.
  auto shorter = std::make_shared<File>(*files_.at(name));
  shorter->cache.resize(bytes);
  shorter->platter.resize(bytes);
  files_.at(name) = std::move(shorter);
}

std::unique_ptr<MemoryFolder> MemoryFolder::after_kill() const {
  auto other = std::make_unique<MemoryFolder>(random_);
  other->trouble = trouble;
  other->next_place_ = next_place_;
  other->boot_ = boot_;
  for (const auto& [name, file] : files_) other->files_.emplace(name, std::make_shared<File>(*file));
  return other;
}

std::unique_ptr<MemoryFolder> MemoryFolder::copy() const {
  auto other = after_kill();
  for (auto& [name, file] : other->files_) file->place.number += 1'000'000;
  return other;
}

std::size_t MemoryFolder::bytes_used() const {
  std::size_t bytes = 0;
  for (const auto& [name, file] : files_) bytes += file->cache.size();
  return bytes;
}

base::Result<std::unique_ptr<MemoryDisk>> MemoryDisk::open(MemoryFolder& folder) {
  if (folder.holder_ != 0) return failure("the journal's folder is in use by another process");
  folder.holder_ = folder.next_holder_++;
  return std::unique_ptr<MemoryDisk>(new MemoryDisk(folder, folder.holder_));
}

MemoryDisk::~MemoryDisk() {
  if (folder_.holder_ == holder_) folder_.holder_ = 0;
}

base::Result<std::unique_ptr<SegmentFile>> MemoryDisk::create(const std::string& name, std::size_t bytes,
                                                              Durability durability) {
  ASSERT(bytes > 0 && bytes % block_bytes == 0);
  if (folder_.files_.contains(name))
    return base::fail(base::ErrorType::conflict, fmt::format("{} exists already", name), {}, base::Source::store);
  const std::size_t file_bytes = durability == Durability::power ? 2 * bytes : bytes;
  if (folder_.bytes_used() + file_bytes > folder_.trouble.capacity)
    return failure(fmt::format("allocating {}: No space left on device", name));
  auto file = std::make_shared<MemoryFolder::File>();
  file->cache.resize(file_bytes);
  file->platter.resize(file_bytes);
  file->place = {.device = 1, .number = folder_.next_place_++};
  folder_.files_.emplace(name, file);
  return std::make_unique<MemoryFolder::OpenFile>(folder_, name, std::move(file), bytes);
}

base::Result<std::vector<std::string>> MemoryDisk::list() { return folder_.names(); }

base::Result<FileFacts> MemoryDisk::look(const std::string& name) {
  const auto found = folder_.files_.find(name);
  if (found == folder_.files_.end()) return failure(fmt::format("opening {}: No such file or directory", name));
  return FileFacts{.bytes = found->second->cache.size(),
                   .place = found->second->place,
                   .write_back_failed = folder_.trouble.failed_write_back};
}

base::Status MemoryDisk::read(const std::string& name, std::size_t offset, std::span<std::byte> out) {
  const auto found = folder_.files_.find(name);
  if (found == folder_.files_.end()) return failure(fmt::format("opening {}: No such file or directory", name));
  if (folder_.trouble.unreadable) return failure(fmt::format("reading {}: Input/output error", name));
  const Blocks& bytes = found->second->cache;
  if (offset + out.size() > bytes.size()) return failure(fmt::format("reading {}: it is cut short", name));
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  return {};
}

base::Status MemoryDisk::remove(const std::string& name) {
  if (folder_.files_.erase(name) == 0) return failure(fmt::format("removing {}: No such file or directory", name));
  return {};
}

}  // namespace journal
