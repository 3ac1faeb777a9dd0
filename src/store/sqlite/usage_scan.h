#pragma once
// Reading the usage log's segments, no more of them than a question needs.

#include <fmt/format.h>

#include <limits>

#include "base/result.h"
#include "catalog/tags.h"
#include "events/usage_log.h"
#include "store/sqlite/database.h"
#include "store/sqlite/usage_retention.h"
#include "store/sqlite/usage_segment.h"

namespace store::sqlite {

inline constexpr std::int64_t time_min = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t time_max = std::numeric_limits<std::int64_t>::max();

// A half-open span of starting times.
struct Span {
  std::int64_t from = time_min;
  std::int64_t to = time_max;
  bool empty() const { return from >= to; }
};

inline Span span_of(const events::UsageFilter& filter) {
  return {.from = filter.from ? filter.from->ms : time_min, .to = filter.to ? filter.to->ms : time_max};
}

// Does the segment have, for all that one can tell, what the filter asks for?
inline bool digest_fits(const events::UsageFilter& filter, std::string_view digest) {
  return (!filter.account || digest_may_hold(digest, filter.account->uuid)) &&
         (!filter.key || digest_may_hold(digest, filter.key->uuid)) &&
         (!filter.model || digest_may_hold(digest, *filter.model));
}

// The filter in the words of one segment: names are places there, and a name that it does not have fits nothing.
class Matcher {
 public:
  Matcher(const events::UsageFilter& filter, Span span, const SegmentReader& segment) : span_(span) {
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
base::Status show(SegmentReader& segment, const events::UsageFilter& filter, Span span, See& see) {
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

// Of what cannot be answered without records that were dropped.
base::Status check_all_kept(Database& database, Span span);

// Reads the segments after `after` that may have something between `span.from` and `span.to`, latest first, as long as
// `see` wants one with such a last time, and shows it every record that fits.
template <class See>
base::Status scan(Database& database, const events::UsageFilter& filter, Span span, std::int64_t after, See& see) {
  if (span.empty()) return {};
  if (See::needs_all && after == 0) TRY_STATUS(check_all_kept(database, span));
  const bool by_digest = filter.account || filter.key || filter.model;
  // An index has all of it but the digest.
  const std::string sql = fmt::format(
      "SELECT number, last_started, {} FROM usage_segments WHERE last_started >= ? AND first_started < ? "
      "AND number > ? AND {} ORDER BY last_started DESC",
      by_digest ? "digest" : "x''", segment_is_kept);
  TRY(Rows segments, database.query(sql, span.from, span.to, after));
  for (;;) {
    TRY(const bool found, segments.next());
    if (!found) return {};
    const std::int64_t number = segments.take_integer();
    if (!see.wants(segments.take_time())) return {};
    if (by_digest && !digest_fits(filter, segments.borrow_blob())) continue;
    TRY_STATUS(
        read_segment(database, number, [&](SegmentReader& segment) { return show(segment, filter, span, see); }));
  }
}

}  // namespace store::sqlite
