#pragma once
// A window is a pure function of (kind, time): no job ever resets a counter, and a past window stays what it was.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace base {

// Calendar windows in UTC.
enum class WindowKind : std::uint8_t { day, month };

// The half-open span [start, end) that a window covers.
struct TimeWindow {
  WallTime start;
  WallTime end;
  bool contains(WallTime at) const { return start <= at && at < end; }
  bool operator==(const TimeWindow&) const = default;
};

TimeWindow window_at(WindowKind kind, WallTime at);

std::string_view to_string(WindowKind kind) noexcept;                        // "day", "month"
std::optional<WindowKind> window_kind_from(std::string_view text) noexcept;  // also "daily", "monthly"

// RFC 3339 in UTC with milliseconds: "2026-11-21T04:06:00.000Z".
std::string to_rfc3339(WallTime at);

}  // namespace base
