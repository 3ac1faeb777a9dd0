#pragma once
// Usage over time, added up from records: what the stores' series() gives.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "events/usage_log.h"
#include "store/usage_sums.h"

namespace store {

// The beginning of the step that the time is in, UTC.
constexpr std::int64_t ms_of(events::UsageStep step) {
  return step == events::UsageStep::hour ? 3'600'000 : ms_per_day;
}
constexpr base::WallTime step_of(base::WallTime at, events::UsageStep step) {
  const std::int64_t ms = ms_of(step);
  return {at.ms / ms * ms - (at.ms % ms < 0 ? ms : 0)};
}

// The filter of a series, from the beginning of its first step to the end of its last one.
inline events::UsageFilter whole_steps(const events::SeriesQuery& query) {
  events::UsageFilter filter = query.filter;
  filter.from = step_of(*filter.from, query.step);
  filter.to = base::WallTime{step_of({filter.to->ms - 1}, query.step).ms + ms_of(query.step)};
  return filter;
}

// The error by which the record counts in the group `reason`; empty: in none.
std::string_view reason_of(events::Outcome outcome, const std::optional<base::ErrorType>& error);

constexpr bool may_have_reason(events::Outcome outcome) {
  return outcome == events::Outcome::refused || outcome == events::Outcome::failed;
}

class UsageSeries {
 public:
  explicit UsageSeries(const events::SeriesQuery& query) : query_(query) {
    for (const std::string& name : query.apart) rows_.push_back({.group = name, .points = {}});
    rows_.push_back({.group = {}, .rest = true, .points = {}});
  }
  // Which row counts what has this name; place_count() - 1 is that of the rest.
  std::size_t place_of(std::string_view name) const {
    const auto found = std::ranges::find(query_.apart, name);
    return static_cast<std::size_t>(found - query_.apart.begin());
  }
  events::UsageSum& at(std::size_t place, base::WallTime started) {
    return rows_[place].points[step_of(started, query_.step)];
  }
  std::vector<events::UsageRow> listed() && { return std::move(rows_); }

 private:
  const events::SeriesQuery& query_;
  std::vector<events::UsageRow> rows_;
};

// How long calls took, added up from records: what the stores' latencies() gives.
class LatencySums {
 public:
  events::UsageLatency& at(std::string_view name) {
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) return found->second;
    return by_name_.emplace(name, events::UsageLatency{.group = std::string(name)}).first->second;
  }
  // By name.
  std::vector<events::UsageLatency> listed() && {
    std::vector<events::UsageLatency> list;
    for (auto& [name, latency] : by_name_) list.push_back(std::move(latency));
    return list;
  }

 private:
  std::map<std::string, events::UsageLatency, std::less<>> by_name_;
};

// Whether it is an admitted exchange: a refusal takes no time of an upstream's, and other records are no exchanges.
constexpr bool is_timed(events::Outcome outcome) {
  using enum events::Outcome;
  return outcome == served || outcome == failed || outcome == deferred;
}
void add_to(events::UsageLatency& latency, std::int64_t duration_us, std::int64_t first_byte_us);

}  // namespace store
