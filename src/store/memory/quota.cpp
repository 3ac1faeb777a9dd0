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

base::Status MemoryStore::Books::book(const events::Hold& hold, base::Uuid node) {
  ASSERT(hold.reserved >= 0 && hold.spent >= 0 && hold.unresolved >= 0);
  const quota::CounterKey key{hold.limit, hold.label};
  Counter& counter = counters[key];
  TRY_STATUS(add(counter.spent, hold.spent));
  if (hold.sub_window && hold.spent > 0) TRY_STATUS(add(counter.sub_windows[*hold.sub_window], hold.spent));
  TRY_STATUS(add(counter.unresolved, hold.unresolved));
  std::int64_t kept = hold.spent;
  TRY_STATUS(add(kept, hold.unresolved));

  const auto row = leases.find({node, {hold.lease_epoch, key}});
  if (row == leases.end()) return {};
  const std::int64_t moved = std::min({hold.reserved, kept, row->second.totals.remainder()});
  row->second.totals.consumed += moved;
  leaves(row->first, row->second, moved);
  return {};
}

void MemoryStore::Books::leaves(const RowName& name, const LeaseRow& row, std::int64_t amount) {
  Counter& counter = counters[name.row.counter];
  (row.expired ? counter.unresolved : counter.leased) -= amount;
  ASSERT(row.totals.remainder() >= 0 && counter.leased >= 0 && counter.unresolved >= 0);
}

base::Status MemoryStore::Books::take_back(const quota::LeaseReturn& lease_return, base::Uuid node) {
  ASSERT(lease_return.returned_total >= 0);
  const auto row = leases.find({node, {lease_return.epoch, lease_return.counter}});
  const quota::LeaseTotals before = row == leases.end() ? quota::LeaseTotals{} : row->second.totals;
  const std::int64_t difference = lease_return.returned_total - before.returned;
  if (difference <= 0) return {};  // seen already
  if (difference > before.remainder())
    return broken(fmt::format("limit {}: {} came back of a lease that holds {}", lease_return.counter.limit.to_string(),
                              difference, before.remainder()));
  row->second.totals.returned += difference;
  leaves(row->first, row->second, difference);
  return {};
}

std::int64_t MemoryStore::Books::leased_by_others(const quota::CounterKey& counter, base::Uuid node) const {
  std::int64_t others = 0;
  for (const auto& [name, row] : leases)
    if (name.row.counter == counter && name.node != node && !row.expired) others += row.totals.remainder();
  return others;
}

quota::CounterState MemoryStore::state_of(const quota::CounterQuery& query) const {
  const auto limit = limits_.find(query.counter.limit);
  const auto found = books_.counters.find(query.counter);
  const Counter counter = found == books_.counters.end() ? Counter{} : found->second;
  quota::CounterState state{
      .amount = 0, .spent = counter.spent, .leased = counter.leased, .unresolved = counter.unresolved};
  state.quoted = counter.quoted - due_of(query.counter, query.at);
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

quota::LeftBehind MemoryStore::left_behind_of(base::Uuid node) const {
  const auto known = nodes_.find(node);
  quota::LeftBehind left{.store = {}, .node = node, .incarnation = 0, .marks = {}, .commit = commits_};
  if (known == nodes_.end()) return left;
  left.incarnation = known->second.incarnation;
  left.marks = known->second.marks;
  return left;
}

base::Result<quota::Recovery> MemoryStore::recover_node(base::Uuid node, base::WallTime now,
                                                        const quota::Evidence& evidence) {
  const std::int64_t last = nodes_[node].incarnation;
  TRY_STATUS(check_evidence(evidence, last));
  Books books = books_;
  Remainders remainders;
  for (const auto& [name, row] : books.leases)
    if (name.node == node) remainders.emplace(name.row, row.totals.remainder());
  const auto records = within_rows(evidence, unknown(events::pointers_to(evidence.records)), std::move(remainders));
  TRY(const auto fresh, book_new(events::pointers_to(records), node, books));
  std::vector<events::UsageRecord> unaccounted;
  TRY_STATUS(close_rows(node, now, evidence.doubt.empty(), books, unaccounted));

  // From here on nothing can fail.
  books_ = std::move(books);
  for (const events::UsageRecord* const record : fresh) keep(*record, now);
  for (const events::UsageRecord& record : unaccounted) keep(record, now);
  if (evidence.seen_incarnation > 0) end_all_quotes();
  nodes_[node] = {.incarnation = std::max(last, evidence.seen_incarnation) + 1};
  ++commits_;
  cross_thresholds_of(fresh, now);
  return quota::Recovery{.incarnation = nodes_[node].incarnation,
                         .recovered_records = std::ssize(fresh),
                         .unaccounted_leases = std::ssize(unaccounted)};
}

base::Status MemoryStore::close_rows(base::Uuid node, base::WallTime now, bool goes_back, Books& books,
                                     std::vector<events::UsageRecord>& unaccounted) const {
  for (auto at = books.leases.begin(); at != books.leases.end();) {
    const auto& [name, row] = *at;
    const std::int64_t remainder = row.totals.remainder();
    const bool closes = name.node == node;
    if (closes && remainder > 0) {
      LeaseRow& closed = at->second;
      closed.totals.returned += remainder;
      books.leaves(name, closed, remainder);
    }
    if (closes && remainder > 0 && !goes_back) {
      TRY_STATUS(add(books.counters[name.row.counter].unresolved, remainder));
      const auto [account, payer_key] = payer_of(name.row.counter.limit);
      unaccounted.push_back(unaccounted_record({.node = node,
                                                .incarnation = nodes_.at(node).incarnation,
                                                .counter = name.row.counter,
                                                .epoch = name.row.epoch,
                                                .remainder = remainder,
                                                .account = account,
                                                .key = payer_key},
                                               now));
    }
    at = closes ? books.leases.erase(at) : std::next(at);
  }
  return {};
}

base::Result<std::vector<quota::Grant>> MemoryStore::grant_to(base::Uuid node,
                                                              std::span<const quota::GrantRequest> requests) {
  std::vector<quota::Grant> grants;
  for (const quota::GrantRequest& request : requests)
    if (request.epoch != nodes_.at(node).epoch)
      return base::fail(base::ErrorType::unavailable, "the leases of this node have expired", {}, base::Source::store);
  for (const quota::GrantRequest& request : requests) {
    (void)end_due(request.of.at);
    grants.push_back(grant_one(node, request));
  }
  ++commits_;
  return grants;
}

quota::Grant MemoryStore::grant_one(base::Uuid node, const quota::GrantRequest& request) {
  ASSERT(0 <= request.at_least && request.at_least <= request.at_most);
  const quota::CounterKey& counter = request.of.counter;
  if (grant_accounts_.contains(counter.limit)) make_good(base::GrantId{counter.limit.uuid}, request.of.at);
  quota::CounterState state = state_of(request.of);
  const RowName name{node, {request.epoch, counter}};
  const std::int64_t unheard = unheard_of(name, request);
  const std::int64_t possible = std::min(std::max<std::int64_t>(request.at_most - unheard, 0), state.grantable());
  const std::int64_t granted = unheard + possible >= request.at_least ? possible : 0;
  if (granted > 0) {
    books_.counters[counter].leased += granted;
    books_.leases[name].totals.granted += granted;
    state.leased += granted;
    ASSERT(state.spent + state.leased + state.unresolved + state.quoted <= state.amount);
  }
  const std::int64_t others = books_.leased_by_others(counter, node);
  if (unheard + granted < request.needed && others > 0) ask_others_for(counter, node);
  return {.granted = unheard + granted, .state = state, .others = others};
}

std::int64_t MemoryStore::unheard_of(const RowName& name, const quota::GrantRequest& request) const {
  const auto row = books_.leases.find(name);
  const std::int64_t total = row == books_.leases.end() ? 0 : row->second.totals.granted;
  return total - std::min(total, request.granted_before.value_or(total));
}

base::Status MemoryStore::flush_of(base::Uuid node, const quota::Flush& flush) {
  Books books = books_;
  TRY(const auto fresh, book_new(flush.records, node, books));
  for (const quota::LeaseReturn& lease_return : flush.returns) TRY_STATUS(books.take_back(lease_return, node));

  // From here on nothing can fail.
  books_ = std::move(books);
  for (const events::UsageRecord* const record : fresh) keep(*record);
  auto& marks = nodes_.at(node).marks;
  for (const quota::JournalMark& mark : flush.marks) {
    if (marks.size() <= mark.worker) marks.resize(mark.worker + 1);
    marks[mark.worker] = std::max(marks[mark.worker], mark.settled);
  }
  // What was spent beyond a reservation is not there for others either.
  for (const events::UsageRecord* const record : fresh)
    for (const events::Hold& hold : record->holds)
      if (hold.spent > hold.reserved) ask_others_for({hold.limit, hold.label}, node);
  ++commits_;
  cross_thresholds_of(fresh, flush.now);
  return {};
}

base::Result<std::vector<const events::UsageRecord*>> MemoryStore::book_new(
    std::span<const events::UsageRecord* const> records, base::Uuid node, Books& books) const {
  auto fresh = unknown(records);
  for (const events::UsageRecord* const record : fresh)
    for (const events::Hold& hold : record->holds) TRY_STATUS(books.book(hold, node));
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

void MemoryStore::cross_thresholds_of(const std::vector<const events::UsageRecord*>& fresh, base::WallTime now,
                                      const std::vector<quota::CounterKey>& also) {
  const auto is_watched = [&](base::LimitId id) {
    const auto limit = limits_.find(id);
    return limit != limits_.end() && !limit->second.removed && !limit->second.limit.thresholds.empty();
  };
  std::map<quota::CounterKey, std::int64_t> added;
  for (const quota::CounterKey& counter : also)
    if (is_watched(counter.limit)) added.try_emplace(counter, 0);
  for (const events::UsageRecord* const record : fresh)
    for (const events::Hold& hold : record->holds)
      if (is_watched(hold.limit))
        added[{hold.limit, hold.label}] += counted(hold, counter_at(limits_.at(hold.limit).limit, hold.label, now));
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
  written_.push_back({record.started, record.id});
  events::UsageRecord& kept = usage_.emplace(UsageKey{record.started, record.id}, record).first->second;
  for (events::Hold& hold : kept.holds) hold.lease_epoch = quota::first_epoch;  // no usage log keeps it
  const base::WallTime ended{record.started.ms + record.duration_us / 1'000};
  if (quota::is_unresolved(record))
    unresolved_.emplace(record.id, quota::UnresolvedItem{.record = kept, .since = since.value_or(ended)});
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
