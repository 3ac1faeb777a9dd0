#include "base/rfc3339.h"

#include <fmt/format.h>

#include <chrono>

namespace base {

std::string to_rfc3339(WallTime at) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(at.ms)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto ms = (time - day).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), ms / 3'600'000,
                     ms / 60'000 % 60, ms / 1000 % 60, ms % 1000);
}

std::string to_date_or_rfc3339(WallTime at) {
  constexpr std::size_t date_length = 10;
  constexpr std::int64_t ms_per_day = 86'400'000;
  std::string text = to_rfc3339(at);
  if (at.ms % ms_per_day == 0) text.resize(date_length);
  return text;
}

}  // namespace base
