#pragma once

#include "base/clock.h"

namespace tests {

// A clock that stands still until the test moves it. Starts at 2026-11-21T04:06:00Z.
class FakeClock final : public base::Clock {
 public:
  base::WallTime wall_now() const override { return wall_; }
  base::Instant now() const override { return instant_; }
  void advance_ms(std::int64_t ms) {
    wall_.ms += ms;
    instant_ = instant_.plus_ms(ms);
  }
  void set_back_ms(std::int64_t ms) { wall_.ms -= ms; }

 private:
  base::WallTime wall_{1'795'233'960'000};
  base::Instant instant_{1};
};

}  // namespace tests
