#pragma once
// The windows that a limit may have. A window is a pure function of (policy, time): no job ever resets a counter, and
// a past window stays what it was.
//
// What always holds:
// - The windows of a policy follow each other without gap or overlap, and a later one has a larger label.
// - A label names one window for ever. It is what a counter is keyed by: the local date and time at which the window
//   begins, so a zone whose rules change keeps its counters (money-rules.md "Window and stamp").
//
// Where local clocks are odd, windows may merge and never split: a label's amount may have to last longer, and no label
// gets a second one.
// - Where clocks are put back, the window of that moment goes on until they have caught up. Put back from 03:00 to
//   02:00, the hour of 02:00 lasts two hours; put back over midnight, a day that has begun does not give way to the old
//   one again.
// - What clocks leave out is in no window. A day whose midnight is missing begins with its first instant; an hour or a
//   date that is missing altogether has no window, and the one before it ends where the one after it begins.
// - An hour begins where the local clock shows a full hour, so with an offset of 5:45 at a quarter past in UTC. Where
//   clocks change by half an hour, it lasts 30 or 90 minutes.
// - Minutes are counted by UTC, whatever the zone. All offsets in use are whole minutes, so local minutes are the same;
//   and by the first rule the last minute before clocks are put back would have to last for an hour.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/time_zone.h"

namespace base {

// 9999-12-31T23:59:59.999Z: the end of a window that does not end. RFC 3339 can write it.
inline constexpr WallTime far_future{253'402'300'799'999};

// What a counter is keyed by, in milliseconds since 1970-01-01T00:00:00: of local time for hours and longer calendar
// windows, of UTC for minutes and for the sub-windows of a rolling window; 0 where a limit has one counter for ever.
struct WindowLabel {
  std::int64_t ms = 0;
  constexpr auto operator<=>(const WindowLabel&) const = default;
};

// Which windows a limit has. A value, cheap to copy; parse_window() makes only sound ones.
struct WindowPolicy {
  enum class Kind : std::uint8_t {
    minute,
    hour,
    day,
    week,  // ISO: from Monday
    month,
    year,
    cycle,    // from a day of the month to the same day of the next, as invoices go
    rolling,  // the span up to now, at every moment
    total,    // all time
  };
  Kind kind = Kind::day;
  int cycle_day = 0;         // cycle only: 1 to 31; a shorter month's cycle begins on its last day
  std::int64_t span_ms = 0;  // rolling only: whole seconds, 1 s to 366 days
  TimeZone zone = {};        // whose midnights count; does not matter to minute, rolling and total
  bool operator==(const WindowPolicy&) const = default;
};

// Whether the zone matters: to all but minute, rolling and total.
constexpr bool has_zone(const WindowPolicy& policy) {
  using enum WindowPolicy::Kind;
  return policy.kind != minute && policy.kind != rolling && policy.kind != total;
}

// The half-open span [start, end) in which stamps count on the counter of `label`.
struct Window {
  WindowLabel label;
  WallTime start;
  WallTime end;
  constexpr bool contains(WallTime at) const { return start <= at && at < end; }
  bool operator==(const Window&) const = default;
};

// The window that `at` lies in. Windows are right for the years 1970 to 2200, and sound ever after; a time before 1970
// or after far_future counts as the nearest that is not, so a clock gone wrong finds one counter and no fresh ones.
// A rolling and a total window have one counter, label 0, from 1970 to far_future; what counts of a rolling window's is
// said below.
Window window_at(const WindowPolicy& policy, WallTime at);

// A rolling window is a ring of sub-windows: each a round unit of at most a sixtieth of the span, or one second. Spend
// is booked in the sub-window of its stamp and counts as long as any part of it may be younger than the span: so
// nothing younger is left out, and what is older by up to one sub-window is still counted. What is leased or unresolved
// has no sub-window and always counts (money-rules.md "Rolling"). These take rolling policies only.

// How long a sub-window is. Counters are stored by it: for a given span it never changes.
std::int64_t sub_window_ms(const WindowPolicy& policy);
// The sub-window that a stamp books into; its label is its start in UTC.
WindowLabel sub_label(const WindowPolicy& policy, WallTime stamp);
// The oldest sub-window that counts: it and all later ones, those ahead of `now` too, touch
// (now - span - max_skew, ∞). `max_skew_ms` is how far another node's clock may be from this one's; not negative.
WindowLabel first_live_sub_label(const WindowPolicy& policy, WallTime now, std::int64_t max_skew_ms);
// When that sub-window no longer counts: for the oldest one with spend in it, the `resets_at` of a refusal, at which
// some of the money may be free again.
WallTime sub_window_leaves_at(const WindowPolicy& policy, WindowLabel sub, std::int64_t max_skew_ms);

// A span as it is written there: a whole number and s, m (minutes), h, d or w, from 1s to 366d. In milliseconds.
std::optional<std::int64_t> parse_span_ms(std::string_view text);

// Reads what files, the command line and the API write:
//   minute hour day week month year total   also minutely, hourly, daily, weekly, monthly, yearly
//   cycle:15                                from the 15th; 1 to 31
//   rolling:5h                              s, m (minutes), h, d or w; 1s to 366d
// The zone is written apart. invalid_request, with the field "window", names the text and says what is allowed.
Result<WindowPolicy> parse_window(std::string_view text, TimeZone zone = {});
// The text without the zone; parse_window() reads it back. Spans come in their largest unit: rolling:3600s is
// "rolling:1h", and a week is "rolling:7d".
std::string to_string(const WindowPolicy& policy);

}  // namespace base
