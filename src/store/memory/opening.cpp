// What a limit opens with, in memory: everything is looked through once.
#include <fmt/format.h>

#include <utility>

#include "base/assert.h"
#include "store/memory/memory_store.h"
#include "store/usage_remains.h"

namespace store {

base::Status MemoryStore::look_ahead(const catalog::Changes&, base::WallTime) { return {}; }

base::Result<Opening> MemoryStore::opening_of(const catalog::Limit& limit, const catalog::RouteWeights& weights,
                                              base::WallTime now) const {
  Opening::Scope scope;
  if (limit.unit == catalog::LimitUnit::named) scope.weights = weights;
  auto units = std::make_shared<Opening::Units>();
  for (const auto& [id, stored] : limits_) units->emplace(id, stored.limit.unit);
  scope.units = std::move(units);
  if (const auto* const key = std::get_if<base::KeyId>(&limit.subject)) {
    scope.key = *key;
    scope.payer = keys_.at(*key).account;
    scope.since = keys_.at(*key).created;
  } else {
    scope.payer = std::get<base::AccountId>(limit.subject);
    Members::Parents parents;
    for (const auto& [id, account] : accounts_) parents.emplace(id, account.parent);
    scope.accounts = Members::of(scope.payer, parents, moves_);
    scope.since = accounts_.at(scope.payer).created;
  }
  UsageRemains remains(scope.units, [this](base::LimitId counter) { return grants_.contains({counter.uuid}); });
  Opening opening(limit, std::move(scope), now);
  if (kept_from_) TRY_STATUS(opening.check_kept(*kept_from_));
  for (const auto& [key, record] : aged_) {
    remains.take(record);
    if (const auto item = unresolved_.find(record.id); item != unresolved_.end() && opening.may_count(record.started))
      opening.add(item->second);
  }
  for (const auto& [group, amounts] : remains.taken()) {
    const auto& [day, account, key, model, route] = group;
    opening.add(TakenUsage{day, account, key, model, route, amounts});
  }
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
    TRY(Opening opening, opening_of(limit, changes.weights, now));
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
