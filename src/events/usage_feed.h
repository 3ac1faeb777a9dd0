#pragma once
// Port: the usage records in the order in which they were written, for who wants to hear of each new one once. That is
// not the order of their starts: what took long is written late.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"
#include "events/usage_record.h"

namespace events {

// Behind one record of the log. Only a store knows what its numbers mean; it stays the same record's for ever.
struct FeedPosition {
  std::int64_t segment = 0;
  std::int64_t record = 0;
  auto operator<=>(const FeedPosition&) const = default;
};

class UsageFeed {
 public:
  virtual ~UsageFeed() = default;
  // Behind all that is written.
  virtual base::Result<FeedPosition> end_of_feed() = 0;
  // The first records behind a position, at most so many, each with the position behind it.
  virtual base::Result<std::vector<std::pair<FeedPosition, UsageRecord>>> written_after(FeedPosition after,
                                                                                        std::size_t most) = 0;
};

}  // namespace events
