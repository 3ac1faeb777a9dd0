// Reading the usage records back from memory.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/time_window.h"
#include "store/memory/memory_store.h"
#include "store/usage_filter.h"

namespace store {
namespace {

bool matches(const events::UsageFilter& filter, const events::UsageRecord& record) {
  return (!filter.account || record.account == *filter.account) && (!filter.key || record.key == *filter.key) &&
         (!filter.model || record.model == *filter.model) && (!filter.from || record.started >= *filter.from) &&
         (!filter.to || record.started < *filter.to);
}

std::string group_of(const events::UsageRecord& record, events::UsageGroup group) {
  switch (group) {
    case events::UsageGroup::total: return {};
    case events::UsageGroup::account: return record.account.is_nil() ? std::string() : record.account.to_string();
    case events::UsageGroup::key: return record.key.is_nil() ? std::string() : record.key.to_string();
    case events::UsageGroup::model: return record.model;
    case events::UsageGroup::day: return base::to_rfc3339(record.started).substr(0, 10);
  }
  return {};
}

void add(events::UsageSum& sum, const events::UsageRecord& record) {
  const bool refused = record.outcome == events::Outcome::refused;
  const bool exchange = record.outcome != events::Outcome::unaccounted;
  sum.requests += exchange && !refused ? 1 : 0;
  sum.refusals += refused ? 1 : 0;
  sum.unknown_usage += !refused && !record.usage ? 1 : 0;
  if (record.usage) {
    sum.input_tokens += record.usage->input_tokens.value_or(0);
    sum.output_tokens += record.usage->output_tokens.value_or(0);
  }
  sum.cost += record.cost;
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
                                                              events::UsageGroup group) {
  const std::lock_guard lock(mutex_);
  std::map<std::string, events::UsageSum> by_group;
  if (group == events::UsageGroup::total) by_group[{}];  // a total of nothing is a total, too
  for (const auto& [key, record] : usage_)
    if (matches(filter, record)) add(by_group[group_of(record, group)], record);

  std::vector<events::UsageSum> sums;
  for (auto& [name, sum] : by_group) {
    sum.group = name;
    sums.push_back(sum);
  }
  if (group != events::UsageGroup::day) std::ranges::stable_sort(sums, std::ranges::greater{}, &events::UsageSum::cost);
  return sums;
}

}  // namespace store
