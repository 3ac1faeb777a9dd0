// Counters, leases and the flush in memory: the model of how money moves.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <unordered_set>

#include "base/assert.h"
#include "store/evidence.h"
#include "store/memory/memory_store.h"
#include "store/thresholds.h"
#include "store/unaccounted.h"

namespace store {
namespace {

std::unexpected<base::Error> broken(std::string message) {
  return base::fail(base::ErrorType::internal, std::move(message), {}, base::Source::store);
}

base::Status add(std::int64_t& total, std::int64_t amount) {
  ASSERT(amount >= 0);
  if (__builtin_add_overflow(total, amount, &total)) return broken("a counter does not fit in 64 bits");
  return {};
}

}  // namespace

base::Status MemoryStore::Books::book(const events::Hold& hold) {
  ASSERT(hold.reserved >= 0 && hold.spent >= 0 && hold.unresolved >= 0);
  const quota::CounterKey key{hold.limit, hold.label};
  Counter& counter = counters[key];
  TRY_STATUS(add(counter.spent, hold.spent));
  if (hold.sub_window && hold.spent > 0) TRY_STATUS(add(counter.sub_windows[*hold.sub_window], hold.spent));
  TRY_STATUS(add(counter.unresolved, hold.unresolved));
  std::int64_t kept = hold.spent;
  TRY_STATUS(add(kept, hold.unresolved));

  const auto row = leases.find(key);
  if (row == leases.end()) return {};
  const std::int64_t moved = std::min({hold.reserved, kept, row->second.remainder()});
  row->second.consumed += moved;
  counter.leased -= moved;
  ASSERT(row->second.remainder() >= 0 && counter.leased >= 0);
  return {};
}

base::Status MemoryStore::Books::take_back(const quota::LeaseReturn& lease_return) {
  ASSERT(lease_return.returned_total >= 0);
  const auto row = leases.find(lease_return.counter);
  const LeaseRow before = row == leases.end() ? LeaseRow{} : row->second;
  const std::int64_t difference = lease_return.returned_total - before.returned;
  if (difference <= 0) return {};  // seen already
  if (difference > before.remainder())
    return broken(fmt::format("limit {}: {} came back of a lease that holds {}", lease_return.counter.limit.to_string(),
                              difference, before.remainder()));
  row->second.returned += difference;
  counters[lease_return.counter].leased -= difference;
  return {};
}

quota::CounterState MemoryStore::state_of(const quota::CounterQuery& query) const {
  const auto limit = limits_.find(query.counter.limit);
  const auto found = books_.counters.find(query.counter);
  const Counter counter = found == books_.counters.end() ? Counter{} : found->second;
  quota::CounterState state{
      .amount = 0, .spent = counter.spent, .leased = counter.leased, .unresolved = counter.unresolved};
  if (limit != limits_.end() && !limit->second.removed) {
    const catalog::Limit& known = limit->second.limit;
    state.amount = known.amount_at(query.at);
    if (state.amount > known.amount) state.raised_until = known.raise->until;
  }
  if (const auto grant = grant_accounts_.find(query.counter.limit); grant != grant_accounts_.end())
    state.amount = ledger::amount_in(book_of(grant->second), base::GrantId{grant->first.uuid}).nanos();
  if (!query.live_from) return state;
  state.spent = 0;
  const auto live = counter.sub_windows.lower_bound(*query.live_from);
  if (live != counter.sub_windows.end()) state.oldest_sub = live->first;
  for (auto sub = live; sub != counter.sub_windows.end(); ++sub) state.spent += sub->second;
  return state;
}

base::Result<quota::LeftBehind> MemoryStore::left_behind() {
  const std::lock_guard lock(mutex_);
  return quota::LeftBehind{.store = {}, .incarnation = incarnation_, .marks = marks_, .commit = commits_};
}

std::uint64_t MemoryStore::last_commit() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}

base::Result<quota::Recovery> MemoryStore::recover(base::WallTime now, const quota::Evidence& evidence) {
  const std::lock_guard lock(mutex_);
  TRY_STATUS(check_evidence(evidence, incarnation_));
  Books books = books_;
  Remainders remainders;
  for (const auto& [key, row] : books.leases) remainders.emplace(key, row.remainder());
  const auto records = within_rows(evidence, unknown(events::pointers_to(evidence.records)), std::move(remainders));
  TRY(const auto fresh, book_new(events::pointers_to(records), books));
  quota::Recovery recovery{.incarnation = std::max(incarnation_, evidence.seen_incarnation) + 1,
                           .recovered_records = std::ssize(fresh),
                           .unaccounted_leases = 0};
  std::vector<events::UsageRecord> unaccounted;
  for (const auto& [key, row] : std::exchange(books.leases, {})) {
    const std::int64_t remainder = row.remainder();
    if (remainder == 0) continue;
    Counter& counter = books.counters[key];
    counter.leased -= remainder;
    if (evidence.doubt.empty()) continue;  // it goes back
    TRY_STATUS(add(counter.unresolved, remainder));
    const auto [account, payer_key] = payer_of(key.limit);
    unaccounted.push_back(unaccounted_record(
        {.incarnation = incarnation_, .counter = key, .remainder = remainder, .account = account, .key = payer_key},
        now));
    ++recovery.unaccounted_leases;
  }

  // From here on nothing can fail.
  books_ = std::move(books);
  for (const events::UsageRecord* const record : fresh) keep(*record, now);
  for (const events::UsageRecord& record : unaccounted) keep(record, now);
  incarnation_ = recovery.incarnation;
  ++commits_;
  marks_.clear();
  cross_thresholds_of(fresh, now);
  return recovery;
}

base::Result<std::vector<quota::Grant>> MemoryStore::grant(std::span<const quota::GrantRequest> requests) {
  const std::lock_guard lock(mutex_);
  ASSERT(incarnation_ > 0);
  std::vector<quota::Grant> grants;
  for (const quota::GrantRequest& request : requests) {
    ASSERT(0 <= request.at_least && request.at_least <= request.at_most);
    if (const base::LimitId counter = request.of.counter.limit; grant_accounts_.contains(counter))
      make_good(base::GrantId{counter.uuid}, request.of.at);
    quota::CounterState state = state_of(request.of);
    const std::int64_t possible = std::min(request.at_most, state.grantable());
    const std::int64_t granted = possible >= request.at_least ? possible : 0;
    if (granted > 0) {
      books_.counters[request.of.counter].leased += granted;
      books_.leases[request.of.counter].granted += granted;
      state.leased += granted;
      ASSERT(state.spent + state.leased + state.unresolved <= state.amount);
    }
    grants.push_back({.granted = granted, .state = state});
  }
  ++commits_;
  return grants;
}

base::Status MemoryStore::flush(const quota::Flush& flush) {
  const std::lock_guard lock(mutex_);
  ASSERT(incarnation_ > 0);
  Books books = books_;
  TRY(const auto fresh, book_new(flush.records, books));
  for (const quota::LeaseReturn& lease_return : flush.returns) TRY_STATUS(books.take_back(lease_return));

  // From here on nothing can fail.
  books_ = std::move(books);
  for (const events::UsageRecord* const record : fresh) keep(*record);
  for (const quota::JournalMark& mark : flush.marks) {
    if (marks_.size() <= mark.worker) marks_.resize(mark.worker + 1);
    marks_[mark.worker] = std::max(marks_[mark.worker], mark.settled);
  }
  ++commits_;
  cross_thresholds_of(fresh, flush.now);
  return {};
}

base::Result<std::vector<const events::UsageRecord*>> MemoryStore::book_new(
    std::span<const events::UsageRecord* const> records, Books& books) const {
  auto fresh = unknown(records);
  for (const events::UsageRecord* const record : fresh)
    for (const events::Hold& hold : record->holds) TRY_STATUS(books.book(hold));
  return fresh;
}

std::vector<const events::UsageRecord*> MemoryStore::unknown(
    std::span<const events::UsageRecord* const> records) const {
  std::vector<const events::UsageRecord*> fresh;
  std::unordered_set<base::ExchangeId> seen;
  for (const events::UsageRecord* const record : records) {
    ASSERT(!record->id.is_nil());
    ASSERT(!record->cost.is_negative());
    if (!started_.contains(record->id) && seen.insert(record->id).second) fresh.push_back(record);
  }
  return fresh;
}

base::Result<std::vector<quota::CounterState>> MemoryStore::read(std::span<const quota::CounterQuery> counters) {
  const std::lock_guard lock(mutex_);
  std::vector<quota::CounterState> states;
  for (const quota::CounterQuery& query : counters) states.push_back(state_of(query));
  return states;
}

void MemoryStore::cross_thresholds_of(const std::vector<const events::UsageRecord*>& fresh, base::WallTime now) {
  std::map<quota::CounterKey, std::int64_t> added;
  for (const events::UsageRecord* const record : fresh)
    for (const events::Hold& hold : record->holds) {
      const auto limit = limits_.find(hold.limit);
      if (limit == limits_.end() || limit->second.removed || limit->second.limit.thresholds.empty()) continue;
      added[{hold.limit, hold.label}] += counted(hold, counter_at(limit->second.limit, hold.label, now));
    }
  for (const auto& [key, amount] : added) {
    const catalog::Limit& limit = limits_.at(key.limit).limit;
    const std::int64_t after = state_of(counter_at(limit, key.label, now)).spent;
    for (events::LimitEvent event : cross_thresholds(limit, key.label, {after - amount, after}, now, crossed_[key])) {
      event.number = std::ssize(limit_events_) + 1;
      limit_events_.push_back(event);
    }
  }
}

base::Result<std::vector<events::LimitEvent>> MemoryStore::limit_events(const events::LimitEventFilter& filter) {
  const std::lock_guard lock(mutex_);
  std::vector<events::LimitEvent> page;
  for (const events::LimitEvent& event : limit_events_ | std::views::reverse) {
    if (page.size() == static_cast<std::size_t>(filter.limit_to)) break;
    if ((!filter.limit || event.limit == *filter.limit) && (!filter.before || event.number < *filter.before))
      page.push_back(event);
  }
  return page;
}

std::int64_t MemoryStore::limit_events_written(catalog::ThresholdAction action) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::count(limit_events_, action,
                            [](const events::LimitEvent& event) { return event.threshold.action; });
}

void MemoryStore::keep(const events::UsageRecord& record, std::optional<base::WallTime> since) {
  started_.emplace(record.id, record.started);
  usage_.emplace(UsageKey{record.started, record.id}, record);
  const base::WallTime ended{record.started.ms + record.duration_us / 1'000};
  if (quota::is_unresolved(record))
    unresolved_.emplace(record.id, quota::UnresolvedItem{.record = record, .since = since.value_or(ended)});
  if (const auto charge = charge_of(record, grant_accounts_)) append(*charge);
}

std::pair<base::AccountId, base::KeyId> MemoryStore::payer_of(base::LimitId limit) const {
  if (const auto grant = grant_accounts_.find(limit); grant != grant_accounts_.end()) return {grant->second, {}};
  const auto stored = limits_.find(limit);
  if (stored == limits_.end()) return {};
  const catalog::LimitSubject& subject = stored->second.limit.subject;
  if (const auto* const account = std::get_if<base::AccountId>(&subject)) return {*account, base::KeyId{}};
  const base::KeyId key = std::get<base::KeyId>(subject);
  return {keys_.at(key).account, key};
}

}  // namespace store
