#include "journal/preparer.h"

#include <fmt/format.h>

#include "base/assert.h"

namespace journal {

base::Status Options::check() const {
  if (segment_bytes % block_bytes != 0 || segment_bytes > segment_bytes_limit)
    return base::invalid("the size of a segment is a multiple of 4096 bytes, and at most 1 GiB");
  if (record_bytes_max < 512 || record_bytes_max > record_bytes_limit)
    return base::invalid("the largest record has 512 to 65536 bytes");
  if (segment_bytes < records_at + 4 * record_bytes_max)
    return base::invalid("a segment has room for at least four of the largest records");
  if (ready_segments < 1 || carry_above < 1 || segments_max < 2)
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
  for (std::size_t worker = 0; worker < supplies.size(); ++worker) lines_[worker].supply = supplies[worker];
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
  std::size_t missing = 0;
  {
    const std::lock_guard lock(line.supply->mutex_);
    for (auto& file : line.supply->returned_) line.spares.push_back(std::move(file));
    line.supply->returned_.clear();
    if (line.supply->ready_.size() < options_.ready_segments)
      missing = options_.ready_segments - line.supply->ready_.size();
  }
  base::Status done;
  for (; missing > 0 && done; --missing) done = prepare_one(worker, line);
  for (; line.spares.size() > options_.spare_segments; line.spares.pop_front()) drop(std::move(line.spares.front()));
  const std::lock_guard lock(line.supply->mutex_);
  line.supply->shortage_ = done ? std::string() : done.error().message;
  return done;
}

base::Status Preparer::prepare_one(std::uint32_t worker, Line& line) {
  std::unique_ptr<SegmentFile> file;
  if (!line.spares.empty()) {
    file = std::move(line.spares.front());
    line.spares.pop_front();
  } else {
    // Names are for people; a segment is known by its header.
    const std::string name = fmt::format("{:08}-{:03}-{:06}", owner_.incarnation, worker, line.next_file);
    TRY(file, disk_.create(name, options_.segment_bytes, options_.durability));
    ++line.next_file;
  }
  PreparedSegment segment;
  if (auto prepared = give_identity(*file, worker, line.next_number, segment); !prepared) {
    drop(std::move(file));
    return prepared;
  }
  segment.file = std::move(file);
  ++line.next_number;
  const std::lock_guard lock(line.supply->mutex_);
  line.supply->ready_.push_back(std::move(segment));
  return {};
}

// Blank first: a process that is killed in between leaves a file that holds nothing.
base::Status Preparer::give_identity(SegmentFile& file, std::uint32_t worker, std::uint32_t number,
                                     PreparedSegment& out) {
  const SegmentHeader header{.owner = owner_,
                             .worker = worker,
                             .workers = static_cast<std::uint32_t>(lines_.size()),
                             .number = number,
                             .durability = options_.durability,
                             .segment_bytes = options_.segment_bytes,
                             .boot = disk_.boot(),
                             .place = file.place()};
  const std::span<std::byte> memory = file.memory();
  ASSERT(memory.size() == options_.segment_bytes);
  blank_header(memory);
  TRY_STATUS(file.warm());
  write_header(memory, header);
  const std::uint64_t end = 0;
  std::memcpy(memory.data() + records_at, &end, sizeof end);
  publish_header(memory);
  TRY_STATUS(file.sync_first_block());
  if (options_.durability == Durability::power) {
    std::memcpy(block_.data(), memory.data(), block_bytes);
    TRY_STATUS(file.write_through(0, block_));
  }
  out.number = number;
  out.seed = header.seed();
  return {};
}

// It may hold what looks like a segment of this journal. Blank, it holds nothing, whatever becomes of its name.
void Preparer::drop(std::unique_ptr<SegmentFile> file) {
  blank_header(file->memory());
  (void)file->sync_first_block();
  (void)disk_.remove(file->name());
}

}  // namespace journal
