// Work that goes on after its reply, in memory.
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
    if (found != deferred_.end() && found->second.account == question.account) return found->second;
  }
  return std::nullopt;
}

base::Status MemoryStore::forget_deferred(std::string_view upstream, std::string_view object) {
  const std::lock_guard lock(mutex_);
  deferred_.erase({std::string(upstream), std::string(object)});
  return {};
}

}  // namespace store
