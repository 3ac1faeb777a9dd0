#pragma once
// Port: usage records are dropped for their age, and what they add up to stays: every sum, every counter, and what a
// limit that comes into force must find spent. Their ids stay, too, so that none is booked again.

#include <cstdint>

#include "base/clock.h"
#include "base/result.h"

namespace events {

// One step of dropping.
struct Dropped {
  std::int64_t records = 0;
  bool is_more = false;  // to drop of what was asked for
};

class UsageRetention {
 public:
  virtual ~UsageRetention() = default;
  // Drops records that started before `before`, which is cut down to a whole day of UTC: the oldest first, some
  // thousand at a time. What is still gathering to be written together waits until it is full.
  virtual base::Result<Dropped> drop_records(base::WallTime before) = 0;
};

}  // namespace events
