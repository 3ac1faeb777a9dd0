// Reading the usage records back from memory.
#include <ranges>

#include "catalog/tags.h"
#include "store/memory/memory_store.h"
#include "store/usage_filter.h"
#include "store/usage_series.h"
#include "store/usage_sums.h"

namespace store {
namespace {

bool matches(const events::UsageFilter& filter, const events::UsageRecord& record) {
  return (!filter.account || record.account == *filter.account) && (!filter.key || record.key == *filter.key) &&
         (!filter.model || record.model == *filter.model) &&
         (!filter.tag || catalog::has_tag(record.tags, *filter.tag)) &&
         (!filter.from || record.started >= *filter.from) && (!filter.to || record.started < *filter.to);
}

std::string group_of(const events::UsageRecord& record, events::UsageGroup group, std::string_view tag_name) {
  switch (group) {
    case events::UsageGroup::total: return {};
    case events::UsageGroup::account: return id_name(record.account.uuid);
    case events::UsageGroup::key: return id_name(record.key.uuid);
    case events::UsageGroup::model: return record.model;
    case events::UsageGroup::day: return day_name(record.started);
    case events::UsageGroup::tag: return std::string(catalog::find_tag(record.tags, tag_name).value_or(""));
    case events::UsageGroup::upstream: return record.upstream;
    case events::UsageGroup::route: return record.route;
    case events::UsageGroup::reason: return std::string(reason_of(record.outcome, record.error));
  }
  return {};
}

bool counts_in(const events::UsageRecord& record, events::UsageGroup group) {
  return group != events::UsageGroup::reason || !reason_of(record.outcome, record.error).empty();
}

}  // namespace

base::Result<std::vector<events::UsageRecord>> MemoryStore::records(const events::UsageFilter& filter) {
  TRY_STATUS(check_page(filter));
  const std::lock_guard lock(mutex_);
  auto end = usage_.end();
  if (filter.before) {
    const auto started = started_.find(*filter.before);
    if (started == started_.end()) return unknown_cursor(*filter.before);
    end = usage_.find({started->second, *filter.before});
    if (end == usage_.end()) return no_longer_kept(*filter.before);
  }
  std::vector<events::UsageRecord> page;
  for (const auto& [key, record] : std::ranges::subrange(usage_.begin(), end) | std::views::reverse) {
    if (page.size() == static_cast<std::size_t>(filter.limit)) break;
    if (matches(filter, record)) page.push_back(record);
  }
  return page;
}

base::Result<std::optional<events::UsageRecord>> MemoryStore::record(base::ExchangeId id) {
  const std::lock_guard lock(mutex_);
  const auto started = started_.find(id);
  if (started == started_.end()) return std::nullopt;
  const auto record = usage_.find({started->second, id});
  if (record == usage_.end()) return no_longer_kept(id);
  return record->second;
}

base::Result<std::vector<events::UsageSum>> MemoryStore::sums(const events::UsageFilter& filter,
                                                              events::UsageGroup group, std::string_view tag_name) {
  const std::lock_guard lock(mutex_);
  UsageSums sums(group);
  TRY_STATUS(check_all_kept(filter, group));
  for (const auto* const records : {&aged_, &usage_})
    for (const auto& [key, record] : *records)
      if (matches(filter, record) && counts_in(record, group))
        add_to(sums.at(group_of(record, group, tag_name)), {record.outcome, record.usage, record.cost});
  return std::move(sums).listed();
}

base::Result<std::vector<events::UsageRow>> MemoryStore::series(const events::SeriesQuery& query) {
  const std::lock_guard lock(mutex_);
  const events::UsageFilter filter = whole_steps(query);
  UsageSeries series(query);
  TRY_STATUS(check_all_kept(filter, query.group));
  for (const auto* const records : {&aged_, &usage_})
    for (const auto& [key, record] : *records)
      if (matches(filter, record) && counts_in(record, query.group))
        add_to(series.at(series.place_of(group_of(record, query.group, query.tag_name)), record.started),
               {record.outcome, record.usage, record.cost});
  return std::move(series).listed();
}

base::Result<std::vector<events::UsageLatency>> MemoryStore::latencies(const events::UsageFilter& filter,
                                                                       events::UsageGroup group) {
  const std::lock_guard lock(mutex_);
  LatencySums sums;
  for (const auto* const records : {&aged_, &usage_})
    for (const auto& [key, record] : *records)
      if (matches(filter, record) && is_timed(record.outcome))
        add_to(sums.at(group_of(record, group, {})), record.duration_us, record.first_byte_us);
  return std::move(sums).listed();
}

base::Result<events::Dropped> MemoryStore::drop_records(base::WallTime before) {
  const std::lock_guard lock(mutex_);
  const base::WallTime day{day_of(before) * ms_per_day};
  events::Dropped dropped;
  while (!usage_.empty() && usage_.begin()->first.first < day) {
    aged_.insert(usage_.extract(usage_.begin()));
    ++dropped.records;
  }
  if (dropped.records > 0) kept_from_ = std::max(day, kept_from_.value_or(day));
  return dropped;
}

base::Result<std::optional<base::WallTime>> MemoryStore::kept_from() {
  const std::lock_guard lock(mutex_);
  return kept_from_;
}

// What no sum says, as the stores have them that keep sums.
base::Status MemoryStore::check_all_kept(const events::UsageFilter& filter, events::UsageGroup group) const {
  const bool needs_records = group == events::UsageGroup::tag || filter.tag;
  const bool reaches_back = kept_from_ && filter.from.value_or(base::WallTime{}) < *kept_from_;
  return needs_records && reaches_back ? records_no_longer_kept(*kept_from_) : base::Status{};
}

base::Result<events::FeedPosition> MemoryStore::end_of_feed() {
  const std::lock_guard lock(mutex_);
  return events::FeedPosition{.record = std::ssize(written_)};
}

base::Result<std::vector<std::pair<events::FeedPosition, events::UsageRecord>>> MemoryStore::written_after(
    events::FeedPosition after, std::size_t most) {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<events::FeedPosition, events::UsageRecord>> found;
  for (std::int64_t at = std::max<std::int64_t>(after.record, 0); at < std::ssize(written_) && found.size() < most;
       ++at)
    if (const auto record = usage_.find(written_[static_cast<std::size_t>(at)]); record != usage_.end())
      found.emplace_back(events::FeedPosition{.record = at + 1}, record->second);
  return found;
}

}  // namespace store
