#include "journal/committer.h"

#include <algorithm>
#include <vector>

#include "base/assert.h"

namespace journal {
namespace {

// What one call writes at most.
constexpr std::size_t write_bytes_max = 256 * 1024;

constexpr std::size_t round_down(std::size_t bytes) { return bytes / block_bytes * block_bytes; }
constexpr std::size_t round_up(std::size_t bytes) { return round_down(bytes + block_bytes - 1); }

}  // namespace

void Committer::begin(std::uint32_t segment, SegmentFile& file) {
  const std::lock_guard lock(mutex_);
  segments_.push_back({.number = segment, .file = &file, .end = {}});
}

void Committer::seal(std::uint32_t segment, std::uint32_t end) {
  const std::lock_guard lock(mutex_);
  ASSERT(segments_.back().number == segment);
  segments_.back().end = end;
}

void Committer::ask() {
  if (!asked_.exchange(true, std::memory_order_acq_rel)) ask_();
}

base::Error Committer::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

bool Committer::turn() {
  // Whoever asks from here on asks again; whoever asked before published before.
  const bool asked = asked_.exchange(false, std::memory_order_acq_rel);
  const Position target{published_.load(std::memory_order_acquire)};
  const Position from = durable();
  if (failed() || target == from) {
    if (asked) done_();  // what they wait for happened before they asked
    return false;
  }

  std::vector<Segment> segments;
  {
    const std::lock_guard lock(mutex_);
    for (const Segment& segment : segments_)
      if (segment.number <= target.segment()) segments.push_back(segment);
  }
  base::Status written;
  for (const Segment& segment : segments) {
    ASSERT(segment.number == target.segment() || segment.end.has_value());
    const std::uint32_t begin = segment.number == from.segment() ? from.offset() : records_at;
    const std::uint32_t end = segment.number == target.segment() ? target.offset() : *segment.end;
    if (written) written = write(segment, begin, end);
  }
  if (written) {
    const std::lock_guard lock(mutex_);
    while (segments_.front().number < target.segment()) segments_.pop_front();
    durable_.store(target.value, std::memory_order_release);
  } else {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(written).error().in("the journal has failed and takes no more reservations");
    failed_.store(true, std::memory_order_release);
  }
  done_();
  return true;
}

// Whole blocks: what lies in the first one before `from` is written again as it was, and what lies in the last one
// behind `to` belongs to the writer still, and becomes zero.
base::Status Committer::write(const Segment& segment, std::uint32_t from, std::uint32_t to) {
  const std::span<const std::byte> memory = segment.file->memory();
  for (std::size_t at = round_down(from); at < to; at += write_bytes_max) {
    const std::size_t end = std::min<std::size_t>(to, at + write_bytes_max);
    blocks_.assign(round_up(end) - at, std::byte{0});
    std::copy(memory.begin() + static_cast<std::ptrdiff_t>(at), memory.begin() + static_cast<std::ptrdiff_t>(end),
              blocks_.begin());
    TRY_STATUS(segment.file->write_through(at, blocks_));
  }
  return {};
}

}  // namespace journal
