#include <ctime>

#include "base/clock.h"

namespace base {
namespace {

class SystemClock final : public Clock {
 public:
  WallTime wall_now() const override {
    timespec at{};
    clock_gettime(CLOCK_REALTIME, &at);
    return WallTime{at.tv_sec * 1000LL + at.tv_nsec / 1'000'000};
  }
  Instant now() const override {
    timespec at{};
    clock_gettime(CLOCK_BOOTTIME, &at);
    return Instant{at.tv_sec * 1'000'000'000LL + at.tv_nsec};
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

}  // namespace base
