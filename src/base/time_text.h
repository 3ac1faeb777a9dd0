#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace base {

// Reads a point in time as RFC 3339 writes it, years 1970 to 9999: "2026-11-21T04:06:00Z", with a fraction of a second
// (kept to the millisecond, the rest dropped) or an offset ("+02:00"). Leap seconds are refused. The error's message
// goes on from the name of what was read.
Result<WallTime> parse_time(std::string_view text);
// The same, or a date alone: its midnight in UTC.
Result<WallTime> parse_time_or_date(std::string_view text);

}  // namespace base
