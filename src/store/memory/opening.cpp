// What a limit opens with, in memory: everything is looked through once.
#include <fmt/format.h>

#include <utility>

#include "base/assert.h"
#include "store/memory/memory_store.h"

namespace store {

base::Status MemoryStore::look_ahead(const catalog::Changes&, base::WallTime) { return {}; }

Opening MemoryStore::opening_of(const catalog::Limit& limit, const catalog::RouteWeights& weights,
                                base::WallTime now) const {
  Opening::Scope scope;
  if (limit.unit == catalog::LimitUnit::named) scope.weights = weights;
  auto units = std::make_shared<Opening::Units>();
  for (const auto& [id, stored] : limits_) units->emplace(id, stored.limit.unit);
  scope.units = std::move(units);
  if (const auto* const key = std::get_if<base::KeyId>(&limit.subject)) {
    scope.key = *key;
    scope.payer = keys_.at(*key).account;
  } else {
    scope.payer = std::get<base::AccountId>(limit.subject);
    Members::Parents parents;
    for (const auto& [id, account] : accounts_) parents.emplace(id, account.parent);
    scope.accounts = Members::of(scope.payer, parents, moves_);
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

base::Status MemoryStore::open_all(const catalog::Changes& changes, base::WallTime now) {
  Books books = books_;
  std::vector<std::pair<Opening, std::optional<events::UsageRecord>>> openings;
  for (const catalog::Limit& limit : changes.opened) {
    Opening opening = opening_of(limit, changes.weights, now);
    const auto known = books_.counters.find(opening.counter());
    const Counter kept = known == books_.counters.end() ? Counter{} : known->second;
    const bool rolling = limit.window.kind == base::WindowPolicy::Kind::rolling;
    auto record = opening.record(rolling ? kept.sub_windows : KeptSpend{{opening.counter().label, kept.spent}},
                                 opening_id(opening.counter(), commits_, now), now);
    if (record)
      for (const events::Hold& hold : record->holds) TRY_STATUS(books.book(hold, {}));
    openings.emplace_back(std::move(opening), std::move(record));
  }

  // From here on nothing can fail.
  ++commits_;
  books_ = std::move(books);
  for (const auto& [opening, record] : openings) {
    // What its exchanges have spent before it was in force stands on the counter already.
    if (!record) cross_thresholds_of({}, now, {opening.counter()});
    if (!record) continue;
    started_.emplace(record->id, record->started);
    written_.push_back({record->started, record->id});
    usage_.emplace(UsageKey{record->started, record->id}, *record);
    for (const auto& [id, hold] : opening.carried()) unresolved_.at(id).record.holds.push_back(hold);
    cross_thresholds_of({&*record}, now);
  }
  return {};
}

}  // namespace store
