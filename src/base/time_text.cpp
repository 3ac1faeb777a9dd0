#include "base/time_text.h"

#include <chrono>
#include <optional>

namespace base {
namespace {

// Takes exactly `digits` digits from the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// Days since 1970, of "2026-11-21".
std::optional<std::int64_t> take_date(std::string_view& text) {
  const auto year = take_number(text, 4);
  if (!year || *year < 1970 || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  const auto date = std::chrono::year(*year) / *month / *day;
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

// Milliseconds since midnight, of "04:06:00.123".
std::optional<std::int64_t> take_time_of_day(std::string_view& text) {
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59 || !take(text, ':')) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *second > 59) return std::nullopt;
  std::int64_t ms = ((*hour * 60 + *minute) * 60 + *second) * 1000LL;
  if (!take(text, '.')) return ms;
  int weight = 100;
  bool any = false;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    ms += weight * (text.front() - '0');
    weight /= 10;
    any = true;
    text.remove_prefix(1);
  }
  return any ? std::optional(ms) : std::nullopt;
}

// Minutes east of UTC, of "Z" or "+02:00".
std::optional<int> take_offset(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return 0;
  const bool west = text.starts_with('-');
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take(text, ':')) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return (west ? -1 : 1) * (*hours * 60 + *minutes);
}

constexpr std::int64_t ms_per_day = 86'400'000;

}  // namespace

Result<WallTime> parse_time(std::string_view text) {
  const auto date = take_date(text);
  const bool separated = date && (take(text, 'T') || take(text, 't'));
  const auto time = separated ? take_time_of_day(text) : std::nullopt;
  const auto offset = time ? take_offset(text) : std::nullopt;
  if (!offset || !text.empty()) return invalid("must be a time such as 2026-11-21T04:06:00Z");
  const auto ms = *date * ms_per_day + *time - *offset * 60'000LL;
  if (ms < 0) return invalid("must be a time after 1970");
  return WallTime{ms};
}

Result<WallTime> parse_time_or_date(std::string_view text) {
  auto rest = text;
  if (const auto date = take_date(rest); date && rest.empty()) return WallTime{*date * ms_per_day};
  if (auto time = parse_time(text)) return *time;
  return invalid("must be a date or time such as 2026-11-21 or 2026-11-21T04:06:00Z");
}

}  // namespace base
