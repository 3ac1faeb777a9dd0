#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace sim {

// A process's wall clock, which may be set, and time that never steps back.
class ProcessClock final : public base::Clock {
 public:
  std::int64_t wall_ms = 0;
  std::int64_t latest_ms = 0;  // that it ever showed to this process: stamps do not step back
  std::int64_t elapsed_ns = 1;
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
};

}  // namespace sim
