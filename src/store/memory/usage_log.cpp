// Reading the usage records back from memory.
#include <ranges>

#include "catalog/tags.h"
#include "store/memory/memory_store.h"
#include "store/usage_filter.h"
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
  }
  return {};
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
  }
  std::vector<events::UsageRecord> page;
  for (const auto& [key, record] : std::ranges::subrange(usage_.begin(), end) | std::views::reverse) {
    if (page.size() == static_cast<std::size_t>(filter.limit)) break;
    if (matches(filter, record)) page.push_back(record);
  }
  return page;
}

base::Result<std::vector<events::UsageSum>> MemoryStore::sums(const events::UsageFilter& filter,
                                                              events::UsageGroup group, std::string_view tag_name) {
  const std::lock_guard lock(mutex_);
  UsageSums sums(group);
  for (const auto& [key, record] : usage_)
    if (matches(filter, record))
      add_to(sums.at(group_of(record, group, tag_name)), {record.outcome, record.usage, record.cost});
  return std::move(sums).listed();
}

}  // namespace store
