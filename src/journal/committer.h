#pragma once

#include <atomic>
#include <compare>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "journal/format.h"

namespace journal {

// A place in one journal: the end of a record. Later records have greater ones.
struct Position {
  std::uint64_t value = 0;
  static constexpr Position of(std::uint32_t segment, std::uint32_t offset) {
    return {std::uint64_t{segment} << 32 | offset};
  }
  constexpr std::uint32_t segment() const { return static_cast<std::uint32_t>(value >> 32); }
  constexpr std::uint32_t offset() const { return static_cast<std::uint32_t>(value); }
  constexpr auto operator<=>(const Position&) const = default;
};

// Durability::power: writes through what one writer has published, all of it at a time (group commit). The writer's
// thread publishes and asks; one other thread calls turn().
//
// After the first failure nothing is written any more: what the disk holds is then no longer known.
class Committer {
 public:
  // `ask` is called on the writer's thread when turn() is wanted; `done` on turn()'s thread, when more has become
  // durable or the journal has failed.
  Committer(std::function<void()> ask, std::function<void()> done) : ask_(std::move(ask)), done_(std::move(done)) {}

  // The writer's side.
  void begin(std::uint32_t segment, SegmentFile& file);
  void seal(std::uint32_t segment, std::uint32_t end);
  void publish(Position position) { published_.store(position.value, std::memory_order_release); }
  void ask();

  // From any thread.
  Position durable() const { return {durable_.load(std::memory_order_acquire)}; }
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  base::Error failure() const;

  // The other thread's: writes through what is published. False: there was nothing to do.
  bool turn();

 private:
  struct Segment {
    std::uint32_t number = 0;
    SegmentFile* file = nullptr;  // the writer keeps it until what is in it is durable
    std::optional<std::uint32_t> end;
  };
  base::Status write(const Segment& segment, std::uint32_t from, std::uint32_t to);

  const std::function<void()> ask_;
  const std::function<void()> done_;
  std::atomic<std::uint64_t> published_ = 0;
  std::atomic<std::uint64_t> durable_ = 0;
  std::atomic<bool> asked_ = false;
  std::atomic<bool> failed_ = false;
  mutable std::mutex mutex_;  // over what follows
  std::deque<Segment> segments_;
  base::Error failure_;

  Blocks blocks_;  // turn()'s
};

}  // namespace journal
