// events::UsageLog on SQLite: its own read-only connection, so that a report over a year delays no grant. A page reads
// the segments that may have something for it, newest first, and no more than it needs. Sums read the roll-ups, or the
// table of sums where a filter asks for more than those have, for whole hours or days, and segments only for the parts
// at the edges and for what is not folded yet. Where neither has it, they read all segments of the span.
#include <fmt/format.h>

#include <map>

#include "base/assert.h"
#include "catalog/tags.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/usage_fold.h"
#include "store/sqlite/usage_retention.h"
#include "store/sqlite/usage_rollup.h"
#include "store/sqlite/usage_scan.h"
#include "store/sqlite/usage_segment.h"
#include "store/usage_filter.h"
#include "store/usage_series.h"
#include "store/usage_sums.h"

namespace store {
namespace {

using events::UsageFilter;
using events::UsageGroup;
using sqlite::Database;
using sqlite::Rows;
using sqlite::scan;
using sqlite::Snapshot;
using sqlite::Span;
using sqlite::span_of;
using sqlite::Steps;
using sqlite::time_max;
using sqlite::time_min;

// The newest records before a cursor.
class Page {
 public:
  static constexpr bool needs_all = false;  // what is gone is on no page
  using Key = std::pair<base::WallTime, base::ExchangeId>;
  Page(std::size_t size, Key before) : size_(size), before_(before) {}

  bool wants(base::WallTime last) const { return records_.size() < size_ || last >= records_.begin()->first.first; }
  void begin(const SegmentReader&) {}
  base::Status take(const SegmentReader& segment) {
    const Key key{segment.packed().started, segment.packed().id};
    if (key >= before_ || (records_.size() == size_ && key < records_.begin()->first)) return {};
    TRY(auto record, segment.record());
    records_.emplace(key, std::move(record));
    if (records_.size() > size_) records_.erase(records_.begin());
    return {};
  }
  std::vector<events::UsageRecord> newest_first() && {
    std::vector<events::UsageRecord> list;
    for (auto at = records_.rbegin(); at != records_.rend(); ++at) list.push_back(std::move(at->second));
    return list;
  }

 private:
  std::size_t size_;
  Key before_;
  std::map<Key, events::UsageRecord> records_;
};

// Adds records up. A name is looked up once a segment; from then on its place there is enough.
class Adder {
 public:
  static constexpr bool needs_all = true;
  Adder(UsageSums& sums, UsageGroup group, std::string_view tag_name)
      : sums_(sums), group_(group), tag_name_(tag_name) {}

  bool wants(base::WallTime) const { return true; }
  void begin(const SegmentReader& segment) {
    by_place_.assign(std::max(segment.count_of_ids(), segment.count_of_texts()), nullptr);
  }
  base::Status take(const SegmentReader& segment) {
    const SegmentReader::Packed& record = segment.packed();
    events::UsageSum* sum = nullptr;
    if (group_ == UsageGroup::route || group_ == UsageGroup::reason) {
      TRY(sum, sum_by_manner(segment, record));
    } else {
      sum = sum_of(segment, record);
    }
    if (sum != nullptr) add_to(*sum, {record.outcome, record.usage, record.cost});
    return {};
  }

 private:
  // nullptr: it is in no group.
  base::Result<events::UsageSum*> sum_by_manner(const SegmentReader& segment, const SegmentReader::Packed& record) {
    if (group_ == UsageGroup::reason && !may_have_reason(record.outcome)) return nullptr;
    TRY(const auto manner, segment.manner());
    if (group_ == UsageGroup::route)
      return at_place(manner.route, [&] { return std::string(segment.text_at(manner.route)); });
    const std::string_view reason = reason_of(record.outcome, manner.error);
    return reason.empty() ? nullptr : &sums_.at(std::string(reason));
  }
  events::UsageSum* sum_of(const SegmentReader& segment, const SegmentReader::Packed& record) {
    switch (group_) {
      case UsageGroup::total: return at_place(0, [] { return std::string(); });
      case UsageGroup::account: return at_place(record.account, [&] { return id_name(segment.id_at(record.account)); });
      case UsageGroup::key: return at_place(record.key, [&] { return id_name(segment.id_at(record.key)); });
      case UsageGroup::model: return at_place(record.model, [&] { return std::string(segment.text_at(record.model)); });
      case UsageGroup::upstream:
        return at_place(record.upstream, [&] { return std::string(segment.text_at(record.upstream)); });
      case UsageGroup::tag: return &sums_.at(std::string(catalog::find_tag(segment.tags(), tag_name_).value_or("")));
      case UsageGroup::route:
      case UsageGroup::reason:
      case UsageGroup::day: break;
    }
    if (const std::int64_t day = day_of(record.started); day_sum_ == nullptr || day_ != day) {
      day_ = day;
      day_sum_ = &sums_.at(day_name(record.started));
    }
    return day_sum_;
  }
  template <class Name>
  events::UsageSum* at_place(std::uint32_t place, Name name) {
    events::UsageSum*& sum = by_place_[place];
    if (sum == nullptr) sum = &sums_.at(name());
    return sum;
  }

  UsageSums& sums_;
  UsageGroup group_;
  std::string_view tag_name_;
  std::vector<events::UsageSum*> by_place_;  // of the current segment
  std::int64_t day_ = 0;
  events::UsageSum* day_sum_ = nullptr;
};

// Neither the roll-ups nor the table of sums know these, if a filter asks for more than one thing.
bool needs_records(UsageGroup group) {
  return group == UsageGroup::tag || group == UsageGroup::route || group == UsageGroup::reason;
}

std::string_view group_column(UsageGroup group) {
  switch (group) {
    case UsageGroup::total: return "NULL";
    case UsageGroup::account: return "account_id";
    case UsageGroup::key: return "key_id";
    case UsageGroup::model: return "model";
    case UsageGroup::day: return "day";
    case UsageGroup::upstream: return "upstream";
    case UsageGroup::tag:
    case UsageGroup::route:
    case UsageGroup::reason: break;
  }
  return "NULL";
}

std::string take_group(Rows& rows, UsageGroup group) {
  if (group == UsageGroup::model || group == UsageGroup::upstream) return rows.take_text();
  if (group == UsageGroup::day) return day_name({rows.take_integer() * ms_per_day});
  return id_name(rows.take_uuid());
}

events::UsageSum take_sum(Rows& rows) {
  return {.group = {},
          .requests = rows.take_integer(),
          .refusals = rows.take_integer(),
          .input_tokens = rows.take_integer(),
          .output_tokens = rows.take_integer(),
          .unknown_usage = rows.take_integer(),
          .cost = rows.take_money()};
}

// Shows `see(Rows&)` what the table of sums has of these days: a day, a group, a sum.
template <class See>
base::Status show_some_days(Database& database, const UsageFilter& filter, Steps steps, UsageGroup group, See see) {
  std::string where = "day >= ? AND day < ?";
  std::vector<sqlite::Value> values{steps.from / ms_per_day, steps.to / ms_per_day};
  const auto also = [&](std::string_view condition, sqlite::Value value) {
    where += condition;
    values.push_back(std::move(value));
  };
  if (filter.account) also(" AND account_id = ?", filter.account->uuid);
  if (filter.key) also(" AND key_id = ?", filter.key->uuid);
  if (filter.model) also(" AND model = ?", *filter.model);
  // Tokens are added up here, where a sum that does not fit stays at the largest number.
  TRY(Rows rows, database.query_with(
                     fmt::format("SELECT day, {}, requests, refusals, input_tokens, output_tokens, unknown_usage, cost "
                                 "FROM usage_sums WHERE {}",
                                 group_column(group), where),
                     values));
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return {};
    see(rows);
  }
}

// The same, of an account a day at a time: within a day the table is in the order of the accounts.
template <class See>
base::Status show_days(Database& database, const UsageFilter& filter, Steps steps, UsageGroup group, See see) {
  if (!filter.account) return show_some_days(database, filter, steps, group, see);
  for (std::int64_t next = steps.from / ms_per_day;;) {
    std::int64_t day = 0;
    {
      TRY(Rows rows,
          database.query("SELECT min(day) FROM usage_sums WHERE day >= ? AND day < ?", next, steps.to / ms_per_day));
      TRY_STATUS(rows.next());
      const auto found = rows.take_optional_integer();
      if (!found) return {};
      day = *found;
    }
    next = day + 1;
    TRY_STATUS(show_some_days(database, filter, {day * ms_per_day, next * ms_per_day}, group, see));
  }
}

base::Status add_days(Database& database, const UsageFilter& filter, Steps steps, UsageGroup group, UsageSums& sums) {
  return show_days(database, filter, steps, group, [&](Rows& rows) {
    rows.take_integer();
    events::UsageSum& sum = sums.at(take_group(rows, group));
    add_to(sum, take_sum(rows));
  });
}

// In which group what is rolled up counts.
std::string group_of(const sqlite::RolledUp& rolled_up, UsageGroup group) {
  if (group == UsageGroup::total) return {};
  return group == UsageGroup::day ? day_name(rolled_up.at) : rolled_up.name;
}

// Adds records up over time. In which row a name counts is looked up once a segment.
class SeriesAdder {
 public:
  static constexpr bool needs_all = true;
  SeriesAdder(UsageSeries& series, const events::SeriesQuery& query) : series_(series), query_(query) {}

  bool wants(base::WallTime) const { return true; }
  void begin(const SegmentReader& segment) {
    by_place_.assign(std::max({segment.count_of_ids(), segment.count_of_texts(), std::size_t{1}}), unknown);
  }
  base::Status take(const SegmentReader& segment) {
    const SegmentReader::Packed& record = segment.packed();
    TRY(const auto row, row_of(segment, record));
    if (row) add_to(series_.at(*row, record.started), {record.outcome, record.usage, record.cost});
    return {};
  }

 private:
  static constexpr std::size_t unknown = SIZE_MAX;

  template <class Name>
  std::size_t at_place(std::uint32_t place, Name name) {
    std::size_t& row = by_place_[place];
    if (row == unknown) row = series_.place_of(name());
    return row;
  }
  // nullopt: it is in no group.
  base::Result<std::optional<std::size_t>> row_of(const SegmentReader& segment, const SegmentReader::Packed& record) {
    switch (query_.group) {
      case UsageGroup::total:
      case UsageGroup::day: return at_place(0, [] { return std::string(); });
      case UsageGroup::account: return at_place(record.account, [&] { return id_name(segment.id_at(record.account)); });
      case UsageGroup::key: return at_place(record.key, [&] { return id_name(segment.id_at(record.key)); });
      case UsageGroup::model: return at_place(record.model, [&] { return segment.text_at(record.model); });
      case UsageGroup::upstream: return at_place(record.upstream, [&] { return segment.text_at(record.upstream); });
      case UsageGroup::tag: return series_.place_of(catalog::find_tag(segment.tags(), query_.tag_name).value_or(""));
      case UsageGroup::route:
      case UsageGroup::reason: break;
    }
    if (query_.group == UsageGroup::reason && !may_have_reason(record.outcome)) return std::nullopt;
    TRY(const auto manner, segment.manner());
    if (query_.group == UsageGroup::route) return at_place(manner.route, [&] { return segment.text_at(manner.route); });
    const std::string_view reason = reason_of(record.outcome, manner.error);
    return reason.empty() ? std::nullopt : std::optional(series_.place_of(reason));
  }

  UsageSeries& series_;
  const events::SeriesQuery& query_;
  std::vector<std::size_t> by_place_;  // of the current segment
};

// Counts how long exchanges took.
class Timer {
 public:
  static constexpr bool needs_all = true;
  Timer(LatencySums& sums, UsageGroup group) : sums_(sums), group_(group) {}

  bool wants(base::WallTime) const { return true; }
  void begin(const SegmentReader& segment) { by_place_.assign(segment.count_of_texts(), nullptr); }
  base::Status take(const SegmentReader& segment) {
    const SegmentReader::Packed& record = segment.packed();
    if (!is_timed(record.outcome)) return {};
    TRY(const auto manner, segment.manner());
    const bool total = group_ == UsageGroup::total;
    const std::uint32_t place = total                            ? 0
                                : group_ == UsageGroup::model    ? record.model
                                : group_ == UsageGroup::upstream ? record.upstream
                                                                 : manner.route;
    events::UsageLatency*& latency = by_place_[place];
    if (latency == nullptr) latency = &sums_.at(total ? std::string_view() : segment.text_at(place));
    add_to(*latency, manner.duration_us, manner.first_byte_us);
    return {};
  }

 private:
  LatencySums& sums_;
  UsageGroup group_;
  std::vector<events::UsageLatency*> by_place_;  // of the current segment
};

// Is there any record that started at `from` or later?
base::Result<bool> any_from(Database& database, std::int64_t from) {
  TRY(Rows rows, database.query("SELECT 1 FROM usage_segments WHERE last_started >= ? LIMIT 1", from));
  return rows.next();
}

// Shows `whole(Steps)` the whole steps of so many ms in the filter's span, none or more, and `see` the records of what
// is left of it on both sides and, of the whole steps, of what is not folded yet.
template <class See, class Whole>
base::Status in_steps(Database& database, const UsageFilter& filter, std::int64_t ms, See& see, Whole whole) {
  Span span = span_of(filter);
  // "Until now" is until the end, and needs no part of a step.
  TRY(const bool later, any_from(database, span.to));
  if (!later) span.to = time_max;
  const auto beginning = [ms](std::int64_t at) { return at / ms * ms - (at % ms < 0 ? ms : 0); };
  const Steps steps{span.from == time_min ? time_min / ms * ms : beginning(span.from - 1) + ms, beginning(span.to)};
  if (steps.from >= steps.to) return scan(database, filter, span, 0, see);
  TRY_STATUS(scan(database, filter, {.from = span.from, .to = steps.from}, 0, see));
  TRY_STATUS(whole(steps));
  TRY(const auto folded, sqlite::read_folded(database));
  TRY_STATUS(scan(database, filter, {.from = steps.from, .to = steps.to}, folded.through, see));
  return scan(database, filter, {.from = steps.to, .to = span.to}, 0, see);
}

}  // namespace

base::Result<std::optional<events::UsageRecord>> SqliteStore::find_record(base::ExchangeId id) {
  TRY(const Snapshot snapshot, Snapshot::begin(reader_));
  std::optional<events::UsageRecord> record;
  const auto look = [&](SegmentReader& segment) -> base::Status {
    for (;;) {
      TRY(const bool another, segment.next());
      if (!another) return {};
      if (segment.packed().id != id) continue;
      TRY(record, segment.record());
      return {};
    }
  };
  TRY(const auto folded, sqlite::find_folded(reader_, id.uuid));
  if (folded) {
    TRY(const bool kept, sqlite::is_kept(reader_, *folded));
    if (!kept) return no_longer_kept(id);
    TRY_STATUS(sqlite::read_segment(reader_, *folded, look));
    if (!record)
      return base::fail(base::ErrorType::unavailable,
                        fmt::format("record {} is not in its usage segment {}", id.to_string(), *folded), {},
                        base::Source::store);
    return record;
  }
  // What is not folded has no index: these are a few dozen segments.
  TRY(const auto fold, sqlite::read_folded(reader_));
  TRY(Rows rows,
      reader_.query("SELECT number FROM usage_segments WHERE number > ? ORDER BY number DESC", fold.through));
  while (!record) {
    TRY(const bool found, rows.next());
    if (!found) break;
    TRY_STATUS(sqlite::read_segment(reader_, rows.take_integer(), look));
  }
  return record;
}

base::Result<std::optional<events::UsageRecord>> SqliteStore::record(base::ExchangeId id) {
  const std::lock_guard lock(reader_mutex_);
  return find_record(id);
}

base::Result<std::vector<events::UsageRecord>> SqliteStore::records(const UsageFilter& filter) {
  TRY_STATUS(check_page(filter));
  const std::lock_guard lock(reader_mutex_);
  Span span = span_of(filter);
  Page::Key before{base::WallTime{time_max}, base::ExchangeId{}};
  if (filter.before) {
    TRY(const auto cursor, find_record(*filter.before));
    if (!cursor) return unknown_cursor(*filter.before);
    before = {cursor->started, cursor->id};
    span.to = std::min(span.to, cursor->started.ms + 1);
  }
  Page page(static_cast<std::size_t>(filter.limit), before);
  TRY_STATUS(scan(reader_, filter, span, 0, page));
  return std::move(page).newest_first();
}

base::Result<std::vector<events::UsageSum>> SqliteStore::sums(const UsageFilter& filter, UsageGroup group,
                                                              std::string_view tag_name) {
  const std::lock_guard lock(reader_mutex_);
  TRY(const Snapshot snapshot, Snapshot::begin(reader_));
  UsageSums sums(group);
  Adder adder(sums, group, tag_name);
  const Span span = span_of(filter);
  if (span.empty()) return std::move(sums).listed();
  if (const auto rollup = sqlite::rollup_for(filter, group)) {
    TRY_STATUS(in_steps(reader_, filter, ms_of(sqlite::step_of(*rollup)), adder, [&](Steps steps) {
      return sqlite::show_rolled_up(reader_, *rollup, filter, steps, [&](const sqlite::RolledUp& one) {
        add_to(sums.at(group_of(one, group)), one.sum);
      });
    }));
  } else if (needs_records(group) || filter.tag) {
    TRY_STATUS(scan(reader_, filter, span, 0, adder));
  } else {
    TRY_STATUS(in_steps(reader_, filter, ms_per_day, adder,
                        [&](Steps steps) { return add_days(reader_, filter, steps, group, sums); }));
  }
  return std::move(sums).listed();
}

base::Result<std::vector<events::UsageRow>> SqliteStore::series(const events::SeriesQuery& query) {
  const std::lock_guard lock(reader_mutex_);
  TRY(const Snapshot snapshot, Snapshot::begin(reader_));
  const UsageFilter filter = whole_steps(query);
  UsageSeries series(query);
  SeriesAdder adder(series, query);
  const Steps steps{filter.from->ms, filter.to->ms};
  const auto rollup = sqlite::rollup_for(filter, query.group);
  std::int64_t after = 0;
  if (rollup && ms_of(sqlite::step_of(*rollup)) <= ms_of(query.step)) {
    TRY_STATUS(sqlite::show_rolled_up(reader_, *rollup, filter, steps, [&](const sqlite::RolledUp& one) {
      add_to(series.at(series.place_of(group_of(one, query.group)), one.at), one.sum);
    }));
    TRY(const auto folded, sqlite::read_folded(reader_));
    after = folded.through;
  } else if (query.step == events::UsageStep::day && !needs_records(query.group) && !filter.tag) {
    TRY_STATUS(show_days(reader_, filter, steps, query.group, [&](Rows& rows) {
      const base::WallTime day{rows.take_integer() * ms_per_day};
      const std::size_t row = series.place_of(take_group(rows, query.group));
      add_to(series.at(row, day), take_sum(rows));
    }));
    TRY(const auto folded, sqlite::read_folded(reader_));
    after = folded.through;
  }
  TRY_STATUS(scan(reader_, filter, span_of(filter), after, adder));
  return std::move(series).listed();
}

base::Result<std::vector<events::UsageLatency>> SqliteStore::latencies(const UsageFilter& filter, UsageGroup group) {
  const std::lock_guard lock(reader_mutex_);
  TRY(const Snapshot snapshot, Snapshot::begin(reader_));
  LatencySums sums;
  Timer timer(sums, group);
  if (span_of(filter).empty()) return std::move(sums).listed();
  const auto rollup = sqlite::rollup_for(filter, group);
  if (rollup && sqlite::has_latencies(*rollup)) {
    TRY_STATUS(in_steps(reader_, filter, ms_of(sqlite::step_of(*rollup)), timer, [&](Steps steps) {
      return sqlite::add_rolled_up(reader_, *rollup, filter, steps, group, sums);
    }));
  } else {
    TRY_STATUS(scan(reader_, filter, span_of(filter), 0, timer));
  }
  return std::move(sums).listed();
}

}  // namespace store
