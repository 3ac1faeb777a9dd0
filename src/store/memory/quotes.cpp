// Held quotes in memory: the model of what they do to counters and leases.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/assert.h"
#include "store/memory/memory_store.h"
#include "store/redemption.h"

namespace store {

using quota::Quote;
using quota::QuoteState;

namespace {

bool is_due(const Quote& quote, base::WallTime now) {
  return quote.state == QuoteState::held && now != base::far_future && quote.expires <= now;
}

std::unexpected<base::Error> epoch_is_over() {
  return base::fail(base::ErrorType::unavailable, "the leases of this node have expired", {}, base::Source::store);
}

}  // namespace

std::int64_t MemoryStore::due_of(const quota::CounterKey& counter, base::WallTime now) const {
  std::int64_t due = 0;
  for (const Quote& quote : quotes_ | std::views::values)
    if (is_due(quote, now))
      for (const quota::QuotePart& part : quote.parts)
        if (part.counter == counter) due += part.amount;
  return due;
}

void MemoryStore::end(Quote& quote, QuoteState as, std::set<quota::CounterKey>& counters) {
  ASSERT(quote.state == QuoteState::held && as != QuoteState::held);
  for (const quota::QuotePart& part : quote.parts) {
    if (part.amount == 0) continue;
    Counter& counter = books_.counters.at(part.counter);
    counter.quoted -= part.amount;
    ASSERT(counter.quoted >= 0);
    counters.insert(part.counter);
  }
  quote.parts.clear();
  quote.state = as;
}

std::set<quota::CounterKey> MemoryStore::end_due(base::WallTime now) {
  std::set<quota::CounterKey> counters;
  bool ended = false;
  for (Quote& quote : quotes_ | std::views::values) {
    if (!is_due(quote, now)) continue;
    end(quote, QuoteState::expired, counters);
    ended = true;
  }
  if (ended) ++commits_;
  return counters;
}

base::Status MemoryStore::hold_for(base::Uuid node, const Quote& quote, std::int64_t epoch) {
  ASSERT(!quote.id.is_nil() && quote.state == QuoteState::held && quote.created < quote.expires);
  if (epoch != nodes_.at(node).epoch) return epoch_is_over();
  if (quotes_.contains(quote.id)) return {};
  Books books = books_;
  for (const quota::QuotePart& part : quote.parts) {
    ASSERT(part.amount >= 0);
    if (part.amount == 0) continue;
    const auto row = books.leases.find({node, {epoch, part.counter}});
    const std::int64_t remainder = row == books.leases.end() ? 0 : row->second.totals.remainder();
    if (part.amount > remainder)
      return base::fail(base::ErrorType::internal,
                        fmt::format("limit {}: a quote takes {} of a lease that holds {}",
                                    part.counter.limit.to_string(), part.amount, remainder),
                        {}, base::Source::store);
    row->second.totals.consumed += part.amount;
    books.leaves(row->first, row->second, part.amount);
    books.counters[part.counter].quoted += part.amount;
  }
  books_ = std::move(books);
  std::erase_if(quotes_, [&](const auto& entry) {
    const Quote& one = entry.second;
    return one.state != QuoteState::held && one.expires.ms + quota::ended_quotes_kept_ms <= quote.created.ms;
  });
  quotes_.emplace(quote.id, quote);
  ++commits_;
  return {};
}

base::Result<std::optional<Quote>> MemoryStore::quote_of(base::QuoteId id, base::WallTime now) {
  (void)end_due(now);
  const auto found = quotes_.find(id);
  return found == quotes_.end() ? std::nullopt : std::optional(found->second);
}

base::Result<quota::Redeemed> MemoryStore::redeem_for(base::Uuid node, const quota::Redemption& redemption) {
  for (const auto* const requests : {&redemption.limits, &redemption.grants})
    for (const quota::GrantRequest& request : *requests)
      if (request.epoch != nodes_.at(node).epoch) return epoch_is_over();
  (void)end_due(redemption.now);
  const auto found = quotes_.find(redemption.quote);
  if (found == quotes_.end() || found->second.state != QuoteState::held) return quota::Redeemed{};

  std::vector<quota::CounterState> limits, grants;
  for (const quota::GrantRequest& request : redemption.grants)
    make_good(base::GrantId{request.of.counter.limit.uuid}, request.of.at);
  for (const quota::GrantRequest& request : redemption.limits) limits.push_back(state_of(request.of));
  for (const quota::GrantRequest& request : redemption.grants) grants.push_back(state_of(request.of));
  const RedemptionPlan plan = plan_redemption(redemption, found->second.parts, limits, grants);
  ++commits_;
  if (plan.short_of) {
    const bool of_balance = *plan.short_of == limits.size();
    for (std::size_t i = 0; i < redemption.grants.size() && of_balance; ++i)
      ask_others_for(redemption.grants[i].of.counter, node);
    if (!of_balance) ask_others_for(redemption.limits[*plan.short_of].of.counter, node);
    return quota::Redeemed{.was_held = true, .short_of = plan.short_of, .state = plan.state};
  }
  std::set<quota::CounterKey> counters;
  end(found->second, QuoteState::redeemed, counters);
  quota::Redeemed redeemed{.was_held = true};
  for (std::size_t i = 0; i < limits.size(); ++i)
    redeemed.limits.push_back(grant_out(node, redemption.limits[i], plan.limits[i]));
  for (std::size_t i = 0; i < grants.size(); ++i)
    redeemed.grants.push_back(grant_out(node, redemption.grants[i], plan.grants[i]));
  return redeemed;
}

quota::Grant MemoryStore::grant_out(base::Uuid node, const quota::GrantRequest& request, std::int64_t amount) {
  const quota::CounterKey& counter = request.of.counter;
  const RowName name{node, {request.epoch, counter}};
  const std::int64_t unheard = unheard_of(name, request);
  if (amount > 0) {
    books_.counters[counter].leased += amount;
    books_.leases[name].totals.granted += amount;
  }
  return {.granted = unheard + amount, .state = state_of(request.of), .others = books_.leased_by_others(counter, node)};
}

quota::EndedQuotes MemoryStore::end_quotes_of(base::WallTime now, std::span<const base::QuoteId> also) {
  std::set<quota::CounterKey> counters = end_due(now);
  for (const base::QuoteId id : also) {
    const auto found = quotes_.find(id);
    if (found == quotes_.end() || found->second.state != QuoteState::held) continue;
    end(found->second, QuoteState::expired, counters);
    ++commits_;
  }
  quota::EndedQuotes ended{.counters = {counters.begin(), counters.end()}};
  for (const Quote& quote : quotes_ | std::views::values)
    if (quote.state == QuoteState::held)
      ended.next_end = std::min(ended.next_end.value_or(quote.expires), quote.expires);
  return ended;
}

void MemoryStore::end_all_quotes() {
  std::set<quota::CounterKey> counters;
  for (Quote& quote : quotes_ | std::views::values)
    if (quote.state == QuoteState::held) end(quote, QuoteState::expired, counters);
}

// --- the embedded one ------------------------------------------------------------------------------------------------

base::Status MemoryStore::hold(const Quote& quote, std::int64_t epoch) {
  const std::lock_guard lock(mutex_);
  ASSERT(nodes_.at({}).incarnation > 0);
  return hold_for({}, quote, epoch);
}

base::Result<std::optional<Quote>> MemoryStore::find_quote(base::QuoteId id, base::WallTime now) {
  const std::lock_guard lock(mutex_);
  return quote_of(id, now);
}

base::Result<quota::Redeemed> MemoryStore::redeem(const quota::Redemption& redemption) {
  const std::lock_guard lock(mutex_);
  ASSERT(nodes_.at({}).incarnation > 0);
  return redeem_for({}, redemption);
}

base::Result<quota::EndedQuotes> MemoryStore::end_quotes(base::WallTime now, std::span<const base::QuoteId> also) {
  const std::lock_guard lock(mutex_);
  return end_quotes_of(now, also);
}

}  // namespace store
