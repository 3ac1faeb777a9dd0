// Usage over time, and how long calls took.
#include <fmt/format.h>

#include <algorithm>

#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/usage_query.h"

namespace admin {
namespace {

namespace json = boost::json;
using events::UsageGroup;
using events::UsageStep;

constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t day_ms = 24 * hour_ms;
constexpr std::int64_t steps_max = 1000;
constexpr std::int64_t rows_max = 50;
constexpr std::int64_t rows_unless_told = 10;
constexpr std::int64_t hours_unless_told = 24;
constexpr std::int64_t days_unless_told = 30;

std::int64_t ms_of(UsageStep step) { return step == UsageStep::hour ? hour_ms : day_ms; }

base::Result<UsageStep> read_step(Query& query) {
  TRY(const auto text, query.text("step"));
  if (!text || *text == "day") return UsageStep::day;
  if (*text == "hour") return UsageStep::hour;
  return base::invalid("the parameter 'step' must be hour or day", "step");
}

// Fills in the time that is not told, and makes whole steps of it.
base::Status settle_span(events::SeriesQuery& query, base::WallTime now) {
  const std::int64_t step = ms_of(query.step);
  const std::int64_t unless_told = query.step == UsageStep::hour ? hours_unless_told : days_unless_told;
  events::UsageFilter& filter = query.filter;
  const std::int64_t to = filter.to ? filter.to->ms : now.ms + 1;
  filter.to = base::WallTime{(to + step - 1) / step * step};
  filter.from = base::WallTime{filter.from ? filter.from->ms / step * step : filter.to->ms - unless_told * step};
  const std::int64_t steps = (filter.to->ms - filter.from->ms) / step;
  if (steps < 1) return base::invalid("the parameter 'to' must be later than 'from'", "to");
  if (steps > steps_max)
    return base::invalid(fmt::format("from 'from' to 'to' are {} steps; at most {} are told at once: ask for a shorter "
                                     "time{}",
                                     steps, steps_max, query.step == UsageStep::hour ? ", or for step=day" : ""),
                         "from");
  return {};
}

json::object point_json(base::WallTime at, const events::UsageSum& sum) {
  json::object point = to_json(sum);
  point.stable_erase("group");
  point["at"] = time_text(at);
  return point;
}

json::object row_json(const events::UsageRow& row, const std::string& name) {
  json::array points;
  for (const auto& [at, sum] : row.points) points.push_back(point_json(at, sum));
  json::object out{{"group", row.rest ? json::value(nullptr) : text_or_null(row.group)},
                   {"rest", row.rest},
                   {"points", std::move(points)}};
  if (!name.empty()) out["name"] = name;
  return out;
}

json::object latency_json(const events::LatencyHistogram& histogram) {
  const auto at = [&](int thousandths) {
    return histogram.count() == 0 ? json::value(nullptr) : json::value(histogram.percentile_us(thousandths));
  };
  return {{"count", histogram.count()},
          {"p50_us", at(500)},
          {"p90_us", at(900)},
          {"p99_us", at(990)},
          {"max_us", at(1000)}};
}

}  // namespace

base::Result<Response> usage_series(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const NamedGroup group, read_group(call.query));
  if (group.group == UsageGroup::day)
    return base::invalid("a series is by 'step' over time already; 'group' cannot be day", "group");
  events::SeriesQuery query{.filter = {}, .group = group.group, .tag_name = group.tag_name, .apart = {}};
  TRY(query.step, read_step(call.query));
  TRY(const auto top, call.query.integer("top", 1, rows_max));
  TRY(query.filter, read_usage_filter(call, *snapshot));
  TRY_STATUS(call.query.finish());
  TRY_STATUS(settle_span(query, services.clock.wall_now()));
  // The largest groups of the whole time have a row each.
  TRY(const auto sums, services.usage.sums(query.filter, group.group, group.tag_name));
  for (const events::UsageSum& sum : sums) {
    if (std::ssize(query.apart) == top.value_or(rows_unless_told)) break;
    query.apart.push_back(sum.group);
  }
  TRY(const auto rows, services.usage.series(query));
  json::array data;
  for (const events::UsageRow& row : rows)
    if (!row.rest || !row.points.empty()) data.push_back(row_json(row, name_of(*snapshot, group.group, row.group)));
  return json_reply(200, {{"group", group.text()},
                          {"step", query.step == UsageStep::hour ? "hour" : "day"},
                          {"from", time_text(*query.filter.from)},
                          {"to", time_text(*query.filter.to)},
                          {"data", std::move(data)}});
}

base::Result<Response> usage_latency(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const NamedGroup group, read_group(call.query));
  TRY(const auto filter, read_usage_filter(call, *snapshot));
  TRY_STATUS(call.query.finish());
  if (group.group != UsageGroup::total && group.group != UsageGroup::model && group.group != UsageGroup::upstream &&
      group.group != UsageGroup::route)
    return base::invalid("of latency, the parameter 'group' must be total, model, upstream or route", "group");
  TRY(const auto latencies, services.usage.latencies(filter, group.group));
  json::array data;
  for (const events::UsageLatency& one : latencies)
    data.push_back(json::object{{"group", text_or_null(one.group)},
                                {"duration", latency_json(one.duration)},
                                {"first_byte", latency_json(one.first_byte)}});
  return json_reply(200, {{"group", group.text()}, {"data", std::move(data)}});
}

}  // namespace admin
