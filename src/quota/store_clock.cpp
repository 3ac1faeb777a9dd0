#include "quota/store_clock.h"

#include <algorithm>

namespace quota {
namespace {

std::int64_t ms_of(base::Instant at) { return at.ns / 1'000'000; }

}  // namespace

StoreClock::StoreClock(const base::Clock& machine, base::WallTime told)
    : machine_(machine), offset_ms_(told.ms - ms_of(machine.now())) {}

base::WallTime StoreClock::wall_now() const {
  return {ms_of(machine_.now()) + offset_ms_.load(std::memory_order_relaxed)};
}

void StoreClock::read(base::Instant before, base::WallTime told) {
  const std::int64_t after_ms = ms_of(machine_.now());
  const std::int64_t took_ms = after_ms - ms_of(before);
  const std::int64_t least = told.ms - after_ms;  // it answered just now, or just after it was asked
  offset_ms_ = std::clamp(offset_ms_.load(std::memory_order_relaxed), least, least + took_ms);
}

}  // namespace quota
