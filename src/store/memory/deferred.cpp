// Work that goes on after its reply, in memory.
#include <algorithm>
#include <tuple>

#include "store/memory/memory_store.h"

namespace store {

base::Status MemoryStore::keep_deferred(const quota::Deferred& work) {
  const std::lock_guard lock(mutex_);
  const DeferredName name{work.upstream, work.object};
  if (const auto known = deferred_.find(name); known != deferred_.end())
    return quota::check_same_work(known->second, work);
  std::erase_if(deferred_, [&](const auto& entry) {
    const auto item = unresolved_.find(entry.second.exchange);
    const bool is_held = item != unresolved_.end() && !item->second.correction;
    return entry.second.begun.ms < work.begun.ms - quota::deferred_kept_ms && !is_held;
  });
  deferred_.emplace(name, work);
  return {};
}

base::Result<std::optional<quota::Deferred>> MemoryStore::find_deferred(const quota::DeferredQuestion& question) {
  const std::lock_guard lock(mutex_);
  for (const std::string& upstream : question.upstreams) {
    const auto found = deferred_.find({upstream, question.object});
    const bool there = found != deferred_.end() && found->second.kind != quota::DeferredKind::deleted;
    if (there && found->second.account == question.account) return found->second;
  }
  return std::nullopt;
}

base::Result<std::vector<quota::Deferred>> MemoryStore::list_deferred(const quota::DeferredListing& listing) {
  const std::lock_guard lock(mutex_);
  const auto place = [](const quota::Deferred& work) { return std::tie(work.begun, work.object, work.upstream); };
  const bool newest_first = listing.order == quota::DeferredListing::Order::newest_first;
  const auto before = [&](const quota::Deferred& a, const quota::Deferred& b) {
    return newest_first ? place(a) > place(b) : place(a) < place(b);
  };
  const quota::Deferred* after = nullptr;
  std::vector<quota::Deferred> out;
  for (const auto& [name, work] : deferred_) {
    if (work.account != listing.account ||
        std::ranges::find(listing.upstreams, work.upstream) == listing.upstreams.end())
      continue;
    if (listing.after == work.object) after = &work;
    if (std::ranges::find(listing.kinds, work.kind) != listing.kinds.end()) out.push_back(work);
  }
  if (listing.after && after == nullptr) return quota::nothing_to_list_after(listing);
  if (after != nullptr) std::erase_if(out, [&](const quota::Deferred& work) { return !before(*after, work); });
  std::ranges::sort(out, before);
  if (out.size() > listing.limit) out.resize(listing.limit);
  return out;
}

base::Status MemoryStore::forget_deferred(std::string_view upstream, std::string_view object) {
  const std::lock_guard lock(mutex_);
  const auto found = deferred_.find({std::string(upstream), std::string(object)});
  if (found == deferred_.end()) return {};
  found->second.kind = quota::DeferredKind::deleted;
  found->second.terms.clear();
  return {};
}

}  // namespace store
