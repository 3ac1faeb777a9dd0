#pragma once
// Port: reading the usage records back. They are written by the flush (quota/store.h), never on the side.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "events/latency.h"
#include "events/usage_record.h"

namespace events {

struct UsageFilter {
  std::optional<base::AccountId> account;
  std::optional<base::KeyId> key;
  std::optional<std::string> model;
  std::optional<std::string> tag = std::nullopt;  // "team=search"
  std::optional<base::WallTime> from;             // started >= from
  std::optional<base::WallTime> to;               // started < to
  std::optional<base::ExchangeId> before;         // records older than this one: the cursor of a page
  int limit = 100;                                // 1 to 1000
};

// By tag: by the value that the tag named `tag_name` has; what has none is in the group of the empty text. By reason:
// by the error of what was refused or failed; what has none is in no group.
enum class UsageGroup : std::uint8_t { total, account, key, model, day, tag, upstream, route, reason };

struct UsageSum {
  std::string group;          // account or key id, model, "2026-11-21", a tag's value; empty for the total
  std::int64_t requests = 0;  // admitted
  std::int64_t refusals = 0;
  std::int64_t input_tokens = 0;  // of the exchanges that know theirs
  std::int64_t output_tokens = 0;
  std::int64_t unknown_usage = 0;  // admitted exchanges without usage: their tokens are not in the sums
  base::Money cost;
};

enum class UsageStep : std::uint8_t { hour, day };  // of UTC

// What is asked of a series.
struct SeriesQuery {
  UsageFilter filter;  // whole steps: from its `from`'s to before its `to`'s; both are there
  UsageStep step = UsageStep::day;
  UsageGroup group = UsageGroup::total;
  std::string tag_name = {};       // of the group by tag
  std::vector<std::string> apart;  // the groups that have a row of their own; all others share one
};

// One group over time. Steps in which nothing happened are not there.
struct UsageRow {
  std::string group;
  bool rest = false;  // all groups that have no row of their own
  std::map<base::WallTime, UsageSum> points;
};

// How long admitted exchanges took, to their end and to their first byte.
struct UsageLatency {
  std::string group;
  LatencyHistogram duration = {};
  LatencyHistogram first_byte = {};  // of those that had one
};

class UsageLog {
 public:
  virtual ~UsageLog() = default;
  // Newest first.
  virtual base::Result<std::vector<UsageRecord>> records(const UsageFilter& filter) = 0;
  // nullopt: there is none, or it is not flushed yet. Not found: it was dropped for its age.
  virtual base::Result<std::optional<UsageRecord>> record(base::ExchangeId id) = 0;
  // All records that started there or later are kept (events/usage_retention.h); nullopt: all are.
  virtual base::Result<std::optional<base::WallTime>> kept_from() = 0;
  // Largest cost first; by day, oldest first. `before` and `limit` of the filter do not apply.
  // `tag_name` is for the group by tag alone. With that, with a tag in the filter, or by route or reason of an account,
  // key or model, it takes time with the records of the span; else most is added up already.
  virtual base::Result<std::vector<UsageSum>> sums(const UsageFilter& filter, UsageGroup group,
                                                   std::string_view tag_name) = 0;
  base::Result<std::vector<UsageSum>> sums(const UsageFilter& filter, UsageGroup group) {
    return sums(filter, group, {});
  }
  // A row for each of query.apart, in their order, and the rest's behind them. It takes time with the records of the
  // span where sums() does, and by hour of an account or a key, or by those.
  virtual base::Result<std::vector<UsageRow>> series(const SeriesQuery& query) = 0;
  // By name; of the groups total, model, upstream and route. With a filter, but for a model's own, it takes time with
  // the records of the span.
  virtual base::Result<std::vector<UsageLatency>> latencies(const UsageFilter& filter, UsageGroup group) = 0;
};

}  // namespace events
