#pragma once

#include <string>

#include "base/clock.h"

namespace base {

// RFC 3339 in UTC with milliseconds: "2026-11-21T04:06:00.000Z".
std::string to_rfc3339(WallTime at);
// The same, but of a midnight in UTC the date alone: "2026-11-21".
std::string to_date_or_rfc3339(WallTime at);

}  // namespace base
