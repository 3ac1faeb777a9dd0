// What a limit opens with, in memory: everything is looked through once.
#include <fmt/format.h>

#include <utility>

#include "base/assert.h"
#include "store/memory/memory_store.h"

namespace store {

base::Status MemoryStore::look_ahead(const catalog::Limit&, base::WallTime) { return {}; }

Opening MemoryStore::opening_of(const catalog::Limit& limit, base::WallTime now) const {
  Opening::Scope scope;
  for (const auto& [id, stored] : limits_) scope.units.emplace(id, stored.limit.unit);
  if (const auto* const key = std::get_if<base::KeyId>(&limit.subject)) {
    scope.key = *key;
    scope.payer = keys_.at(*key).account;
  } else {
    scope.payer = std::get<base::AccountId>(limit.subject);
    for (const auto& [id, account] : accounts_)
      for (const catalog::Account* above = &account; above != nullptr;
           above = above->parent ? &accounts_.at(*above->parent) : nullptr)
        if (above->id == scope.payer) scope.accounts.insert(id);
  }
  Opening opening(limit, std::move(scope), now);
  for (const auto& [key, record] : usage_) {
    if (const auto item = unresolved_.find(record.id); item != unresolved_.end()) {
      opening.add(item->second);
    } else {
      opening.add(record);
    }
  }
  return opening;
}

base::Status MemoryStore::open(const catalog::Limit& limit, base::WallTime now) {
  const std::lock_guard lock(mutex_);
  TRY_STATUS(check_subject(limit));
  if (const auto known = limits_.find(limit.id); known != limits_.end() && !known->second.removed)
    return base::fail(base::ErrorType::conflict, fmt::format("limit {} is in force already", limit.id.to_string()), {},
                      base::Source::store);
  const Opening opening = opening_of(limit, now);
  const Counter kept = books_.counters.contains(opening.counter()) ? books_.counters.at(opening.counter()) : Counter{};
  const bool rolling = limit.window.kind == base::WindowPolicy::Kind::rolling;
  const auto record = opening.record(rolling ? kept.sub_windows : KeptSpend{{opening.counter().label, kept.spent}},
                                     opening_id(opening.counter(), commits_, now), now);
  Books books = books_;
  if (record)
    for (const events::Hold& hold : record->holds) TRY_STATUS(books.book(hold));

  // From here on nothing can fail.
  limits_[limit.id] = {.limit = limit, .removed = false};
  ++commits_;
  if (!record) return {};
  books_ = std::move(books);
  started_.emplace(record->id, record->started);
  usage_.emplace(UsageKey{record->started, record->id}, *record);
  for (const auto& [id, hold] : opening.carried()) unresolved_.at(id).record.holds.push_back(hold);
  cross_thresholds_of({&*record}, now);
  return {};
}

}  // namespace store
