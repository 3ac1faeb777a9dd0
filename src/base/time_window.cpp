#include "base/time_window.h"

#include <fmt/format.h>

#include <chrono>

namespace base {
namespace {

using Days = std::chrono::sys_days;
using Millis = std::chrono::sys_time<std::chrono::milliseconds>;

Millis to_chrono(WallTime at) { return Millis(std::chrono::milliseconds(at.ms)); }
WallTime from_days(Days days) { return WallTime{Millis(days).time_since_epoch().count()}; }

}  // namespace

TimeWindow window_at(WindowKind kind, WallTime at) {
  const Days today = std::chrono::floor<std::chrono::days>(to_chrono(at));
  if (kind == WindowKind::day) return {from_days(today), from_days(today + std::chrono::days(1))};
  const std::chrono::year_month_day date(today);
  const auto month = date.year() / date.month();
  return {from_days(Days(month / 1)), from_days(Days((month + std::chrono::months(1)) / 1))};
}

std::string_view to_string(WindowKind kind) noexcept { return kind == WindowKind::day ? "day" : "month"; }

std::optional<WindowKind> window_kind_from(std::string_view text) noexcept {
  if (text == "day" || text == "daily") return WindowKind::day;
  if (text == "month" || text == "monthly") return WindowKind::month;
  return std::nullopt;
}

std::string to_rfc3339(WallTime at) {
  const auto time = to_chrono(at);
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto ms = (time - Millis(day)).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), ms / 3'600'000,
                     ms / 60'000 % 60, ms / 1000 % 60, ms % 1000);
}

}  // namespace base
