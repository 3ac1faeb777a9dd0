#include "journal/preparer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace journal {

base::Status Options::check() const {
  if (segment_bytes % block_bytes != 0 || segment_bytes > segment_bytes_limit)
    return base::invalid("the size of a segment is a multiple of 4096 bytes, and at most 1 GiB");
  if (record_bytes_max < 512 || record_bytes_max > record_bytes_limit)
    return base::invalid("the largest record has 512 to 65536 bytes");
  if (segment_bytes < records_at + 4 * record_bytes_max)
    return base::invalid("a segment has room for at least four of the largest records");
  if (ready_segments < 1 || ready_segments_max < ready_segments || carry_above < 1 || segments_max < 2)
    return base::invalid("a journal needs at least two segments");
  return {};
}

std::optional<PreparedSegment> Supply::take() {
  const std::lock_guard lock(mutex_);
  if (ready_.empty()) return std::nullopt;
  PreparedSegment segment = std::move(ready_.front());
  ready_.pop_front();
  return segment;
}

void Supply::give_back(std::unique_ptr<SegmentFile> file) {
  const std::lock_guard lock(mutex_);
  returned_.push_back(std::move(file));
}

std::string Supply::shortage() const {
  const std::lock_guard lock(mutex_);
  return shortage_;
}

std::size_t Supply::ready() const {
  const std::lock_guard lock(mutex_);
  return ready_.size();
}

Preparer::Preparer(Disk& disk, const Owner& owner, const Options& options, std::vector<Supply*> supplies)
    : disk_(disk), owner_(owner), options_(options), lines_(supplies.size()), block_(block_bytes) {
  for (std::size_t worker = 0; worker < supplies.size(); ++worker)
    lines_[worker] = {.supply = supplies[worker], .wanted = options.ready_segments};
}

base::Status Preparer::prepare() {
  base::Status first;
  for (std::size_t worker = 0; worker < lines_.size(); ++worker) {
    auto filled = fill(static_cast<std::uint32_t>(worker), lines_[worker]);
    if (!filled && first) first = std::move(filled);
  }
  return first;
}

base::Status Preparer::fill(std::uint32_t worker, Line& line) {
  std::vector<std::unique_ptr<SegmentFile>> returned;
  std::size_t ready = 0;
  {
    const std::lock_guard lock(line.supply->mutex_);
    returned.swap(line.supply->returned_);
    ready = line.supply->ready_.size();
  }
  // It was used up faster than it is filled.
  if (ready == 0 && line.next_number > 1) line.wanted = std::min(2 * line.wanted, options_.ready_segments_max);
  base::Status done;
  const auto make = [&](std::unique_ptr<SegmentFile> file) {
    auto made = make_ready(std::move(file), worker, line);
    if (made) ++ready;
    if (!made && done) done = std::move(made);
  };
  for (auto& file : returned)
    if (ready < options_.ready_segments_max) {
      make(std::move(file));
    } else {
      drop(std::move(file));
    }
  while (ready < line.wanted && done) {
    auto file = make_file(worker, line);
    if (!file) {
      done = base::fail(std::move(file).error());
    } else {
      make(std::move(*file));
    }
  }
  const std::lock_guard lock(line.supply->mutex_);
  line.supply->shortage_ = done ? std::string() : done.error().message;
  return done;
}

// Names are for people; a segment is known by its header.
base::Result<std::unique_ptr<SegmentFile>> Preparer::make_file(std::uint32_t worker, Line& line) {
  const std::string name = fmt::format("{:08}-{:03}-{:06}", owner_.incarnation, worker, line.next_file);
  TRY(auto file, disk_.create(name, options_.segment_bytes, options_.durability));
  ++line.next_file;
  return file;
}

base::Status Preparer::make_ready(std::unique_ptr<SegmentFile> file, std::uint32_t worker, Line& line) {
  const SegmentHeader header{.owner = owner_,
                             .worker = worker,
                             .workers = static_cast<std::uint32_t>(lines_.size()),
                             .number = line.next_number,
                             .durability = options_.durability,
                             .segment_bytes = options_.segment_bytes,
                             .boot = disk_.boot(),
                             .place = file->place()};
  if (auto given = give_identity(*file, header); !given) {
    drop(std::move(file));
    return given;
  }
  ++line.next_number;
  const std::lock_guard lock(line.supply->mutex_);
  line.supply->ready_.push_back({.file = std::move(file), .number = header.number, .seed = header.seed()});
  return {};
}

// Blank first: a process that is killed in between leaves a file that holds nothing.
base::Status Preparer::give_identity(SegmentFile& file, const SegmentHeader& header) {
  const std::span<std::byte> memory = file.memory();
  ASSERT(memory.size() == options_.segment_bytes);
  blank_header(memory);
  // A process that has little to write does not get beyond its first segments. They are not brought into memory, where
  // they would count as this process's, but come page by page as they are written.
  const bool is_first = header.number <= 1 + options_.ready_segments;
  if (!is_first) TRY_STATUS(file.warm());
  write_header(memory, header);
  const std::uint64_t end = 0;
  std::memcpy(memory.data() + records_at, &end, sizeof end);
  publish_header(memory);
  TRY_STATUS(file.sync_first_block());
  if (options_.durability == Durability::power) {
    std::memcpy(block_.data(), memory.data(), block_bytes);
    TRY_STATUS(file.write_through(0, block_));
  }
  return {};
}

// It may hold what looks like a segment of this journal. Blank, it holds nothing, whatever becomes of its name.
void Preparer::drop(std::unique_ptr<SegmentFile> file) {
  blank_header(file->memory());
  (void)file->sync_first_block();
  (void)disk_.remove(file->name());
}

}  // namespace journal
