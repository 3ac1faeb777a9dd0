#pragma once
// Time comes in through the constructor. Only base/system_clock.cpp asks the operating system; tests bring their own.

#include <compare>
#include <cstdint>

namespace base {

// A point in wall-clock time, in milliseconds since 1970-01-01T00:00:00Z. Range used: years 1970 to 9999.
struct WallTime {
  std::int64_t ms = 0;
  constexpr auto operator<=>(const WallTime&) const = default;
};

// A point on a clock that never steps back and runs through suspend; only differences mean anything. Nanoseconds.
struct Instant {
  std::int64_t ns = 0;
  constexpr auto operator<=>(const Instant&) const = default;
  constexpr Instant plus_ms(std::int64_t ms) const { return Instant{ns + ms * 1'000'000}; }
};

constexpr std::int64_t ns_between(Instant from, Instant to) { return to.ns - from.ns; }

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall_now() const = 0;
  virtual Instant now() const = 0;
};

// The machine's clocks. Lives as long as the program.
Clock& system_clock();

}  // namespace base
