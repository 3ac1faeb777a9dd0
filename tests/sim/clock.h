#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "quota/store_clock.h"

namespace sim {

class NodeClock;

// The clock of the store and of an embedded node's machine: a wall clock, which may be set, and time that never steps
// back and is one for all machines.
class WorldClock final : public base::Clock {
 public:
  std::int64_t wall_ms = 0;
  std::int64_t latest_ms = 0;  // that it ever showed to this process: stamps do not step back
  std::int64_t elapsed_ns = 1;
  std::vector<const NodeClock*> nodes;  // of a fleet
  std::int64_t max_skew_ms = 0;         // and so far their clocks may be off
  base::WallTime wall_now() const override { return {wall_ms}; }
  base::Instant now() const override { return {elapsed_ns}; }
  void set(std::int64_t ms) {
    wall_ms = ms;
    latest_ms = std::max(latest_ms, ms);
  }
  void pass_ms(std::int64_t ms) {
    set(wall_ms + ms);
    elapsed_ns += ms * 1'000'000;
  }
  // By which anybody may count at this moment: from the earliest of their clocks to the latest stamp.
  std::int64_t early_ms() const;
  std::int64_t late_ms() const;
  // What is over by then is over for everybody.
  std::int64_t over_ms() const;
};

// What one process counts by.
class NodeClock final : public base::Clock {
 public:
  explicit NodeClock(const WorldClock& world) : world_(world) {}
  // A process of a fleet's node begins; its clock is the store's from here on.
  void begin_in_fleet() {
    fleet_.emplace(world_, world_.wall_now());
    latest_ms_ = world_.wall_ms;
  }
  quota::StoreClock* of_fleet() { return fleet_ ? &*fleet_ : nullptr; }
  base::Instant now() const override { return world_.now(); }
  base::WallTime wall_now() const override {
    const base::WallTime wall = fleet_ ? fleet_->wall_now() : world_.wall_now();
    latest_ms_ = std::max(latest_ms_, wall.ms);
    return wall;
  }
  std::int64_t latest_ms() const { return latest_ms_; }  // that its process has seen
  std::int64_t early_ms() const { return world_.early_ms(); }
  std::int64_t late_ms() const { return world_.late_ms(); }

 private:
  const WorldClock& world_;
  std::optional<quota::StoreClock> fleet_;  // nullopt: the store is embedded
  mutable std::int64_t latest_ms_ = std::numeric_limits<std::int64_t>::min();
};

inline std::int64_t WorldClock::early_ms() const {
  std::int64_t early = wall_ms;
  for (const NodeClock* node : nodes) early = std::min(early, node->wall_now().ms);
  return early;
}

inline std::int64_t WorldClock::late_ms() const {
  if (nodes.empty()) return latest_ms;
  std::int64_t late = wall_ms;
  for (const NodeClock* node : nodes) late = std::max({late, node->wall_now().ms, node->latest_ms()});
  return late;
}

inline std::int64_t WorldClock::over_ms() const {
  if (nodes.empty()) return latest_ms;
  std::int64_t over = std::numeric_limits<std::int64_t>::max();
  for (const NodeClock* node : nodes) over = std::min(over, std::max(node->wall_now().ms, node->latest_ms()));
  return over;
}

}  // namespace sim
