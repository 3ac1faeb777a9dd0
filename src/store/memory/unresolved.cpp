// What is unresolved, in memory.
#include <fmt/format.h>

#include <ranges>

#include "base/assert.h"
#include "store/memory/memory_store.h"

namespace store {

base::Status MemoryStore::Books::correct(const events::Hold& hold) {
  ASSERT(hold.reserved == 0 && hold.spent >= 0 && hold.unresolved <= 0);
  Counter& counter = counters[{hold.limit, hold.label}];
  if (counter.unresolved + hold.unresolved < 0 || __builtin_add_overflow(counter.spent, hold.spent, &counter.spent))
    return base::fail(
        base::ErrorType::internal,
        fmt::format("limit {}: what is unresolved of it does not cover a correction", hold.limit.to_string()), {},
        base::Source::store);
  counter.unresolved += hold.unresolved;
  if (hold.sub_window && hold.spent > 0) counter.sub_windows[*hold.sub_window] += hold.spent;
  return {};
}

base::Result<std::vector<quota::UnresolvedItem>> MemoryStore::open_items(const quota::UnresolvedFilter& filter) {
  const std::lock_guard lock(mutex_);
  std::vector<quota::UnresolvedItem> page;
  for (const auto& [id, item] : unresolved_ | std::views::reverse) {
    if (page.size() == filter.limit) break;
    if (item.correction || (filter.before && id >= *filter.before)) continue;
    if (filter.account && item.record.account != *filter.account) continue;
    if (filter.key && item.record.key != *filter.key) continue;
    if (filter.since_before && item.since >= *filter.since_before) continue;
    page.push_back(item);
  }
  return page;
}

quota::UnresolvedItem MemoryStore::with_grants(quota::UnresolvedItem item) const {
  for (const events::Hold& hold : item.record.holds) {
    const auto grant = grant_accounts_.find(hold.limit);
    if (grant == grant_accounts_.end()) continue;
    item.grants.push_back(hold.limit);
    item.payer = grant->second;
  }
  return item;
}

base::Result<quota::UnresolvedItem> MemoryStore::item(base::ExchangeId id) {
  const std::lock_guard lock(mutex_);
  const auto found = unresolved_.find(id);
  if (found == unresolved_.end()) return quota::no_such_item(id);
  return with_grants(found->second);
}

base::Result<quota::UnresolvedItem> MemoryStore::correct(const quota::Correction& correction) {
  const std::lock_guard lock(mutex_);
  const auto found = unresolved_.find(correction.item);
  if (found == unresolved_.end()) return quota::no_such_item(correction.item);
  quota::UnresolvedItem& item = found->second;
  TRY_STATUS(quota::check_same_decision(item, correction));
  if (item.correction) return with_grants(item);
  ASSERT(!started_.contains(correction.record.id));
  Books books = books_;
  for (const events::Hold& hold : correction.record.holds) TRY_STATUS(books.correct(hold));
  books_ = std::move(books);
  ++commits_;
  keep(correction.record);
  cross_thresholds_of({&correction.record}, correction.record.started);
  item.correction = correction;
  return with_grants(item);
}

}  // namespace store
