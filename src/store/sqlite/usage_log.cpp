// events::UsageLog on SQLite: its own read-only connection, so that a report over a year delays no grant. A page reads
// the segments that may have something for it, newest first, and no more than it needs; sums read the table of sums for
// whole days, and segments only for the parts of days at the edges and for what is not folded yet.
#include <fmt/format.h>

#include <limits>
#include <map>

#include "base/assert.h"
#include "catalog/tags.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/usage_fold.h"
#include "store/sqlite/usage_segment.h"
#include "store/usage_filter.h"
#include "store/usage_sums.h"

namespace store {
namespace {

using events::UsageFilter;
using events::UsageGroup;
using sqlite::Database;
using sqlite::Rows;
using sqlite::Snapshot;

constexpr std::int64_t time_min = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t time_max = std::numeric_limits<std::int64_t>::max();

// A half-open span of starting times.
struct Span {
  std::int64_t from = time_min;
  std::int64_t to = time_max;
  bool empty() const { return from >= to; }
};

Span span_of(const UsageFilter& filter) {
  return {.from = filter.from ? filter.from->ms : time_min, .to = filter.to ? filter.to->ms : time_max};
}

// Does the segment have, for all that one can tell, what the filter asks for?
bool digest_fits(const UsageFilter& filter, std::string_view digest) {
  return (!filter.account || digest_may_hold(digest, filter.account->uuid)) &&
         (!filter.key || digest_may_hold(digest, filter.key->uuid)) &&
         (!filter.model || digest_may_hold(digest, *filter.model));
}

// The filter in the words of one segment: names are places there, and a name that it does not have fits nothing.
class Matcher {
 public:
  Matcher(const UsageFilter& filter, Span span, const SegmentReader& segment) : span_(span) {
    if (filter.account) account_ = segment.find_id(filter.account->uuid).value_or(nowhere);
    if (filter.key) key_ = segment.find_id(filter.key->uuid).value_or(nowhere);
    if (filter.model) model_ = segment.find_text(*filter.model).value_or(nowhere);
  }
  bool fits_nothing() const { return account_ == nowhere || key_ == nowhere || model_ == nowhere; }
  bool fits(const SegmentReader::Packed& record) const {
    return (account_ == anything || account_ == record.account) && (key_ == anything || key_ == record.key) &&
           (model_ == anything || model_ == record.model) && record.started.ms >= span_.from &&
           record.started.ms < span_.to;
  }

 private:
  static constexpr std::uint32_t anything = 0xFFFF'FFFF;
  static constexpr std::uint32_t nowhere = 0xFFFF'FFFE;
  Span span_;
  std::uint32_t account_ = anything;
  std::uint32_t key_ = anything;
  std::uint32_t model_ = anything;
};

template <class See>
base::Status show(SegmentReader& segment, const UsageFilter& filter, Span span, See& see) {
  const Matcher matcher(filter, span, segment);
  if (matcher.fits_nothing()) return {};
  see.begin(segment);
  for (;;) {
    TRY(const bool another, segment.next());
    if (!another) return {};
    if (!matcher.fits(segment.packed())) continue;
    if (!filter.tag || catalog::has_tag(segment.tags(), *filter.tag)) TRY_STATUS(see.take(segment));
  }
}

// Reads the segments after `after` that may have something between `span.from` and `span.to`, latest first, as long as
// `see` wants one with such a last time, and shows it every record that fits.
template <class See>
base::Status scan(Database& database, const UsageFilter& filter, Span span, std::int64_t after, See& see) {
  if (span.empty()) return {};
  const bool by_digest = filter.account || filter.key || filter.model;
  // An index has all of it but the digest.
  const std::string_view sql = by_digest ? "SELECT number, last_started, digest FROM usage_segments WHERE "
                                           "last_started >= ? AND first_started < ? AND number > ? "
                                           "ORDER BY last_started DESC"
                                         : "SELECT number, last_started, x'' FROM usage_segments WHERE "
                                           "last_started >= ? AND first_started < ? AND number > ? "
                                           "ORDER BY last_started DESC";
  TRY(Rows segments, database.query(sql, span.from, span.to, after));
  for (;;) {
    TRY(const bool found, segments.next());
    if (!found) return {};
    const std::int64_t number = segments.take_integer();
    if (!see.wants(segments.take_time())) return {};
    if (by_digest && !digest_fits(filter, segments.borrow_blob())) continue;
    TRY_STATUS(sqlite::read_segment(database, number,
                                    [&](SegmentReader& segment) { return show(segment, filter, span, see); }));
  }
}

// The newest records before a cursor.
class Page {
 public:
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
  Adder(UsageSums& sums, UsageGroup group, std::string_view tag_name)
      : sums_(sums), group_(group), tag_name_(tag_name) {}

  bool wants(base::WallTime) const { return true; }
  void begin(const SegmentReader& segment) {
    by_place_.assign(std::max(segment.count_of_ids(), segment.count_of_texts()), nullptr);
  }
  base::Status take(const SegmentReader& segment) {
    const SegmentReader::Packed& record = segment.packed();
    add_to(*sum_of(segment, record), {record.outcome, record.usage, record.cost});
    return {};
  }

 private:
  events::UsageSum* sum_of(const SegmentReader& segment, const SegmentReader::Packed& record) {
    switch (group_) {
      case UsageGroup::total: return at_place(0, [] { return std::string(); });
      case UsageGroup::account: return at_place(record.account, [&] { return id_name(segment.id_at(record.account)); });
      case UsageGroup::key: return at_place(record.key, [&] { return id_name(segment.id_at(record.key)); });
      case UsageGroup::model: return at_place(record.model, [&] { return std::string(segment.text_at(record.model)); });
      case UsageGroup::tag: return &sums_.at(std::string(catalog::find_tag(segment.tags(), tag_name_).value_or("")));
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

std::string_view group_column(UsageGroup group) {
  switch (group) {
    case UsageGroup::total: return "NULL";
    case UsageGroup::account: return "account_id";
    case UsageGroup::key: return "key_id";
    case UsageGroup::model: return "model";
    case UsageGroup::day: return "day";
    case UsageGroup::tag: break;  // the table of sums knows none
  }
  return "NULL";
}

std::string take_group(Rows& rows, UsageGroup group) {
  if (group == UsageGroup::model) return rows.take_text();
  if (group == UsageGroup::day) return day_name({rows.take_integer() * ms_per_day});
  return id_name(rows.take_uuid());
}

// Adds what the table of sums has of the days from `first` to before `last`.
base::Status add_days(Database& database, const UsageFilter& filter, std::int64_t first, std::int64_t last,
                      UsageGroup group, UsageSums& sums) {
  std::string where = "day >= ? AND day < ?";
  std::vector<sqlite::Value> values{first, last};
  const auto also = [&](std::string_view condition, sqlite::Value value) {
    where += condition;
    values.push_back(std::move(value));
  };
  if (filter.account) also(" AND account_id = ?", filter.account->uuid);
  if (filter.key) also(" AND key_id = ?", filter.key->uuid);
  if (filter.model) also(" AND model = ?", *filter.model);
  // Tokens are added up here, where a sum that does not fit stays at the largest number.
  TRY(Rows rows,
      database.query_with(fmt::format("SELECT {}, requests, refusals, input_tokens, output_tokens, unknown_usage, cost "
                                      "FROM usage_sums WHERE {}",
                                      group_column(group), where),
                          values));
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return {};
    events::UsageSum& sum = sums.at(take_group(rows, group));
    add_to(sum, events::UsageSum{.group = {},
                                 .requests = rows.take_integer(),
                                 .refusals = rows.take_integer(),
                                 .input_tokens = rows.take_integer(),
                                 .output_tokens = rows.take_integer(),
                                 .unknown_usage = rows.take_integer(),
                                 .cost = rows.take_money()});
  }
}

// Is there any record that started at `from` or later?
base::Result<bool> any_from(Database& database, std::int64_t from) {
  TRY(Rows rows, database.query("SELECT 1 FROM usage_segments WHERE last_started >= ? LIMIT 1", from));
  return rows.next();
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
  Span span = span_of(filter);
  if (span.empty()) return std::move(sums).listed();
  if (group == UsageGroup::tag || filter.tag) {  // in no table of sums
    TRY_STATUS(scan(reader_, filter, span, 0, adder));
    return std::move(sums).listed();
  }
  // "Until now" is until the end, and needs no part of a day.
  TRY(const bool later, any_from(reader_, span.to));
  if (!later) span.to = time_max;
  // The whole days in the span, and what is left of it on both sides. Of the whole days, what is not folded yet.
  const std::int64_t first = span.from == time_min ? time_min / ms_per_day : day_of({span.from - 1}) + 1;
  const std::int64_t last = day_of({span.to});
  if (first >= last) {
    TRY_STATUS(scan(reader_, filter, span, 0, adder));
    return std::move(sums).listed();
  }
  TRY_STATUS(scan(reader_, filter, {.from = span.from, .to = first * ms_per_day}, 0, adder));
  TRY_STATUS(add_days(reader_, filter, first, last, group, sums));
  TRY(const auto folded, sqlite::read_folded(reader_));
  TRY_STATUS(scan(reader_, filter, {.from = first * ms_per_day, .to = last * ms_per_day}, folded.through, adder));
  TRY_STATUS(scan(reader_, filter, {.from = last * ms_per_day, .to = span.to}, 0, adder));
  return std::move(sums).listed();
}

}  // namespace store
