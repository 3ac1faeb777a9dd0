#include "base/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>

#include "base/assert.h"

namespace base {
namespace {

using Kind = WindowPolicy::Kind;
using std::chrono::days;
using std::chrono::months;
using std::chrono::sys_days;
using std::chrono::year_month;
using Millis = std::chrono::sys_time<std::chrono::milliseconds>;

constexpr std::int64_t second_ms = 1000;
constexpr std::int64_t minute_ms = 60 * second_ms;
constexpr std::int64_t hour_ms = 60 * minute_ms;
constexpr std::int64_t day_ms = 24 * hour_ms;
constexpr std::int64_t max_span_ms = 366 * day_ms;

constexpr WallTime beginning{0};

// Rounds towards the past.
std::int64_t floor_to(std::int64_t unit_ms, std::int64_t ms) {
  const std::int64_t into = ms % unit_ms;
  return ms - (into < 0 ? into + unit_ms : into);
}

WallTime within_range(WallTime at) { return std::clamp(at, beginning, WallTime{far_future.ms - 1}); }

LocalTime midnight(sys_days date) { return {Millis(date).time_since_epoch().count()}; }

struct LocalSpan {
  LocalTime start;
  LocalTime end;
};

LocalSpan between(sys_days start, sys_days end) { return {midnight(start), midnight(end)}; }

// The day of a month on which its cycle begins.
sys_days cycle_begin(year_month month, int cycle_day) {
  const sys_days last = month / std::chrono::last;
  return std::min(sys_days(month / 1) + days(cycle_day - 1), last);
}

// The calendar's window around a local time, between local midnights or full hours.
LocalSpan calendar_span(const WindowPolicy& policy, LocalTime local) {
  if (policy.kind == Kind::hour) {
    const std::int64_t start_ms = floor_to(hour_ms, local.ms);
    return {{start_ms}, {start_ms + hour_ms}};
  }
  const auto today = std::chrono::floor<days>(Millis(std::chrono::milliseconds(local.ms)));
  if (policy.kind == Kind::day) return between(today, today + days(1));
  if (policy.kind == Kind::week) {
    const sys_days monday = today - (std::chrono::weekday(today) - std::chrono::Monday);
    return between(monday, monday + days(7));
  }
  const std::chrono::year_month_day date(today);
  if (policy.kind == Kind::year) {
    const auto january = date.year() / std::chrono::January;
    return between(january / 1, (january + months(12)) / 1);
  }
  // A month is the cycle from its first day.
  const int cycle_day = policy.kind == Kind::month ? 1 : policy.cycle_day;
  ASSERT(1 <= cycle_day && cycle_day <= 31);
  const auto month = date.year() / date.month();
  const sys_days turn = cycle_begin(month, cycle_day);
  return today < turn ? between(cycle_begin(month - months(1), cycle_day), turn)
                      : between(turn, cycle_begin(month + months(1), cycle_day));
}

}  // namespace

Window window_at(const WindowPolicy& policy, WallTime at) {
  if (policy.kind == Kind::total || policy.kind == Kind::rolling) return {{0}, beginning, far_future};
  at = within_range(at);
  if (policy.kind == Kind::minute) {
    const std::int64_t start_ms = floor_to(minute_ms, at.ms);
    return {{start_ms}, {start_ms}, std::min(WallTime{start_ms + minute_ms}, far_future)};
  }
  // The local clock never steps back, so a label cannot return; first_at() gives the instants at which it passes.
  const LocalSpan span = calendar_span(policy, policy.zone.local_at(at));
  return {{span.start.ms}, policy.zone.first_at(span.start), std::min(policy.zone.first_at(span.end), far_future)};
}

std::int64_t sub_window_ms(const WindowPolicy& policy) {
  ASSERT(policy.kind == Kind::rolling && second_ms <= policy.span_ms && policy.span_ms <= max_span_ms);
  // Stored labels depend on this table: an entry that is added or taken away loses spend that still counts.
  constexpr std::array round_ms{
      1 * second_ms, 2 * second_ms, 5 * second_ms,  10 * second_ms, 15 * second_ms, 30 * second_ms, 1 * minute_ms,
      2 * minute_ms, 5 * minute_ms, 10 * minute_ms, 15 * minute_ms, 30 * minute_ms, 1 * hour_ms,    2 * hour_ms,
      3 * hour_ms,   6 * hour_ms,   12 * hour_ms,   1 * day_ms,     2 * day_ms,     5 * day_ms,
  };
  const auto* const above = std::ranges::upper_bound(round_ms, policy.span_ms / 60);
  return above == round_ms.begin() ? round_ms.front() : *std::prev(above);
}

WindowLabel sub_label(const WindowPolicy& policy, WallTime stamp) {
  return {floor_to(sub_window_ms(policy), within_range(stamp).ms)};
}

WindowLabel first_live_sub_label(const WindowPolicy& policy, WallTime now, std::int64_t max_skew_ms) {
  ASSERT(max_skew_ms >= 0);
  return {floor_to(sub_window_ms(policy), within_range(now).ms - policy.span_ms - max_skew_ms)};
}

WallTime sub_window_leaves_at(const WindowPolicy& policy, WindowLabel sub, std::int64_t max_skew_ms) {
  ASSERT(max_skew_ms >= 0);
  return {sub.ms + sub_window_ms(policy) + policy.span_ms + max_skew_ms};
}

namespace {

struct CalendarName {
  Kind kind;
  std::string_view name;
  std::string_view alias;
};
constexpr std::array calendar_names{
    CalendarName{Kind::minute, "minute", "minutely"}, CalendarName{Kind::hour, "hour", "hourly"},
    CalendarName{Kind::day, "day", "daily"},          CalendarName{Kind::week, "week", "weekly"},
    CalendarName{Kind::month, "month", "monthly"},    CalendarName{Kind::year, "year", "yearly"},
    CalendarName{Kind::total, "total", "total"},
};

struct Unit {
  char letter;
  std::int64_t ms;
};
// From large to small; a week is only read.
constexpr std::array units{Unit{'w', 7 * day_ms}, Unit{'d', day_ms}, Unit{'h', hour_ms}, Unit{'m', minute_ms},
                           Unit{'s', second_ms}};

constexpr std::string_view cycle_prefix = "cycle:";
constexpr std::string_view rolling_prefix = "rolling:";

// Takes a whole number from the front of `text`; nullopt if there is none or it is beyond 64 bits.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return number;
}

std::optional<int> parse_cycle_day(std::string_view text) {
  const auto day = take_number(text);
  if (!day || !text.empty() || *day < 1 || *day > 31) return std::nullopt;
  return static_cast<int>(*day);
}

}  // namespace

std::optional<std::int64_t> parse_span_ms(std::string_view text) {
  const auto count = take_number(text);
  if (!count || text.size() != 1) return std::nullopt;
  const auto* const unit = std::ranges::find(units, text.front(), &Unit::letter);
  if (unit == units.end() || *count < 1 || *count > max_span_ms / unit->ms) return std::nullopt;
  return *count * unit->ms;
}

Result<WindowPolicy> parse_window(std::string_view text, TimeZone zone) {
  for (const CalendarName& known : calendar_names)
    if (text == known.name || text == known.alias) return WindowPolicy{.kind = known.kind, .zone = zone};
  const std::string_view shown = text.substr(0, 64);
  if (text.starts_with(cycle_prefix)) {
    const auto day = parse_cycle_day(text.substr(cycle_prefix.size()));
    if (!day) return invalid(fmt::format("'{}' is not a cycle; write cycle:1 to cycle:31", shown), "window");
    return WindowPolicy{.kind = Kind::cycle, .cycle_day = *day, .zone = zone};
  }
  if (text.starts_with(rolling_prefix)) {
    const auto span_ms = parse_span_ms(text.substr(rolling_prefix.size()));
    if (!span_ms)
      return invalid(fmt::format("'{}' is not a rolling window; write a whole number of s, m, h, d or w from "
                                 "rolling:1s to rolling:366d",
                                 shown),
                     "window");
    return WindowPolicy{.kind = Kind::rolling, .span_ms = *span_ms, .zone = zone};
  }
  return invalid(fmt::format("'{}' is not a window; windows are minute, hour, day, week, month, year, total, a cycle "
                             "from a day of the month (cycle:15) and a rolling span (rolling:5h)",
                             shown),
                 "window");
}

std::string to_string(const WindowPolicy& policy) {
  if (policy.kind == Kind::cycle) return fmt::format("{}{}", cycle_prefix, policy.cycle_day);
  if (policy.kind == Kind::rolling) {
    const auto* const unit = std::find_if(units.begin() + 1, units.end(),
                                          [&](const Unit& candidate) { return policy.span_ms % candidate.ms == 0; });
    ASSERT(unit != units.end());
    return fmt::format("{}{}{}", rolling_prefix, policy.span_ms / unit->ms, unit->letter);
  }
  const auto* const known = std::ranges::find(calendar_names, policy.kind, &CalendarName::kind);
  ASSERT(known != calendar_names.end());
  return std::string(known->name);
}

}  // namespace base
