// Held quotes on SQLite: held, redeemed and ended, each in one transaction.
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "store/redemption.h"
#include "store/sqlite/enum_text.h"
#include "store/sqlite/sqlite_store.h"

namespace store {

using quota::Quote;
using quota::QuoteState;
using sqlite::Database;
using sqlite::Rows;
using sqlite::Transaction;

namespace {

// How many that have ended a new one takes away: more than it adds.
constexpr std::int64_t forgotten_with_a_hold = 4;

base::Result<std::vector<quota::QuotePart>> parts_of(Database& database, base::QuoteId id) {
  TRY(Rows rows,
      database.query("SELECT limit_id, label, amount, of_balance FROM quote_parts WHERE quote_id = ? ORDER BY place",
                     id));
  std::vector<quota::QuotePart> parts;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return parts;
    const quota::CounterKey counter{rows.take_id<base::LimitId>(), rows.take_label()};
    const std::int64_t amount = rows.take_integer();
    parts.push_back({.counter = counter, .amount = amount, .of_balance = rows.take_flag()});
  }
}

base::Result<std::optional<Quote>> read_quote(Database& database, base::QuoteId id) {
  Quote quote{.id = id, .key = {}, .created = {}, .expires = {}};
  {
    TRY(Rows rows, database.query("SELECT key_id, state, created, expires FROM quotes WHERE id = ?", id));
    TRY(const bool found, rows.next());
    if (!found) return std::nullopt;
    quote.key = rows.take_id<base::KeyId>();
    TRY(quote.state, sqlite::enum_from(rows.take_text(), quota::last_quote_state, "quotes.state"));
    quote.created = base::WallTime{rows.take_integer()};
    quote.expires = base::WallTime{rows.take_integer()};
  }
  TRY(quote.parts, parts_of(database, id));
  return quote;
}

base::Result<std::vector<base::QuoteId>> held_quotes(Database& database, base::WallTime until) {
  TRY(Rows rows, database.query("SELECT id FROM quotes WHERE state = 'held' AND expires <= ? ORDER BY id", until));
  std::vector<base::QuoteId> ids;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return ids;
    ids.push_back(rows.take_id<base::QuoteId>());
  }
}

// Ends a quote, and gives back what it holds; false: it had ended already. `exchange`: what redeems it.
base::Result<bool> end(Database& database, base::QuoteId id, std::optional<base::ExchangeId> exchange,
                       std::set<quota::CounterKey>& counters) {
  TRY(const std::int64_t updated,
      database.run("UPDATE quotes SET state = ?2, exchange = ?3 WHERE id = ?1 AND state = 'held'", id,
                   quota::to_string(exchange ? QuoteState::redeemed : QuoteState::expired), exchange));
  if (updated == 0) return false;
  TRY(const auto parts, parts_of(database, id));
  for (const quota::QuotePart& part : parts) {
    if (part.amount == 0) continue;
    TRY_STATUS(database.run("UPDATE counters SET quoted = quoted - ?3 WHERE limit_id = ?1 AND label = ?2",
                            part.counter.limit, part.counter.label, part.amount));
    counters.insert(part.counter);
  }
  TRY_STATUS(database.run("DELETE FROM quote_parts WHERE quote_id = ?", id));
  return true;
}

}  // namespace

base::Status SqliteStore::hold(const Quote& quote, std::int64_t) {
  ASSERT(!quote.id.is_nil() && quote.state == QuoteState::held && quote.created < quote.expires);
  const std::lock_guard lock(writer_mutex_);
  TRY(auto transaction, Transaction::begin(writer_));
  TRY_STATUS(check_incarnation());
  {
    TRY(Rows rows, writer_.query("SELECT 1 FROM quotes WHERE id = ?", quote.id));
    TRY(const bool known, rows.next());
    if (known) return {};
  }
  TRY_STATUS(
      writer_.run("DELETE FROM quotes WHERE id IN (SELECT id FROM quotes WHERE state <> 'held' AND expires <= ?1 "
                  "ORDER BY state, expires LIMIT ?2)",
                  base::WallTime{quote.created.ms - quota::ended_quotes_kept_ms}, forgotten_with_a_hold));
  TRY_STATUS(writer_.run("INSERT INTO quotes (id, key_id, state, created, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
                         quote.id, quote.key, quota::to_string(QuoteState::held), quote.created, quote.expires));
  std::int64_t place = 0;
  for (const quota::QuotePart& part : quote.parts) {
    TRY_STATUS(writer_.run(
        "INSERT INTO quote_parts (quote_id, place, limit_id, label, amount, of_balance) VALUES (?1, ?2, ?3, ?4, ?5, "
        "?6)",
        quote.id, place++, part.counter.limit, part.counter.label, part.amount, std::int64_t{part.of_balance}));
    TRY_STATUS(take_for_quote(part));
  }
  TRY_STATUS(count_commit());
  TRY_STATUS(transaction.commit());
  ++commits_;
  next_quote_end_ = std::min(next_quote_end_.value_or(quote.expires), quote.expires);
  return {};
}

base::Status SqliteStore::take_for_quote(const quota::QuotePart& part) {
  ASSERT(part.amount >= 0);
  if (part.amount == 0) return {};
  lease_rows_.erase(part.counter);
  TRY(const std::int64_t updated,
      writer_.run("UPDATE leases SET consumed = consumed + ?4 WHERE incarnation = ?1 AND limit_id = ?2 AND label = ?3 "
                  "AND open = 1 AND granted - returned - consumed >= ?4",
                  incarnation_, part.counter.limit, part.counter.label, part.amount));
  if (updated != 1)
    return base::fail(base::ErrorType::internal,
                      fmt::format("limit {}: a quote takes {} of a lease that does not hold it",
                                  part.counter.limit.to_string(), part.amount),
                      {}, base::Source::store);
  TRY_STATUS(
      writer_.run("UPDATE counters SET leased = leased - ?3, quoted = quoted + ?3 WHERE limit_id = ?1 AND label = ?2",
                  part.counter.limit, part.counter.label, part.amount));
  return {};
}

base::Result<std::optional<Quote>> SqliteStore::find_quote(base::QuoteId id, base::WallTime now) {
  const std::lock_guard lock(writer_mutex_);
  TRY_STATUS(end_due_quotes(now));
  return read_quote(writer_, id);
}

base::Result<quota::Redeemed> SqliteStore::redeem(const quota::Redemption& redemption) {
  const std::lock_guard lock(writer_mutex_);
  TRY_STATUS(end_due_quotes(redemption.now));
  TRY(auto transaction, Transaction::begin(writer_));
  TRY_STATUS(check_incarnation());
  TRY(const auto quote, read_quote(writer_, redemption.quote));
  if (!quote || quote->state != QuoteState::held) return quota::Redeemed{};

  std::vector<quota::CounterState> limits, grants;
  for (const quota::GrantRequest& request : redemption.grants)
    TRY_STATUS(make_good(base::GrantId{request.of.counter.limit.uuid}, request.of.at));
  for (const quota::GrantRequest& request : redemption.limits) {
    TRY(limits.emplace_back(), state_of(request.of));
  }
  for (const quota::GrantRequest& request : redemption.grants) {
    TRY(grants.emplace_back(), state_of(request.of));
  }
  const RedemptionPlan plan = plan_redemption(redemption, quote->parts, limits, grants);
  quota::Redeemed redeemed{.was_held = true, .short_of = plan.short_of, .state = plan.state};
  if (!plan.short_of) {
    std::set<quota::CounterKey> counters;
    TRY_STATUS(end(writer_, redemption.quote, redemption.exchange, counters));
    for (std::size_t i = 0; i < limits.size(); ++i) {
      TRY(redeemed.limits.emplace_back(), grant_out(redemption.limits[i], plan.limits[i]));
    }
    for (std::size_t i = 0; i < grants.size(); ++i) {
      TRY(redeemed.grants.emplace_back(), grant_out(redemption.grants[i], plan.grants[i]));
    }
  }
  TRY_STATUS(count_commit());
  TRY_STATUS(transaction.commit());
  ++commits_;
  return redeemed;
}

base::Result<quota::Grant> SqliteStore::grant_out(const quota::GrantRequest& request, std::int64_t amount) {
  const quota::CounterKey& key = request.of.counter;
  lease_rows_.erase(key);
  TRY(const std::int64_t unheard, unheard_of(request));
  if (amount > 0) TRY_STATUS(lease_out(key, amount));
  TRY(const quota::CounterState state, state_of(request.of));
  return quota::Grant{.granted = unheard + amount, .state = state};
}

base::Result<quota::EndedQuotes> SqliteStore::end_quotes(base::WallTime now, std::span<const base::QuoteId> also) {
  const std::lock_guard lock(writer_mutex_);
  return end_quotes_now(now, also);
}

base::Status SqliteStore::end_due_quotes(base::WallTime now) {
  if (now == base::far_future || !next_quote_end_ || now < *next_quote_end_) return {};
  TRY_STATUS(end_quotes_now(now, {}));
  return {};
}

base::Result<quota::EndedQuotes> SqliteStore::end_quotes_now(base::WallTime now, std::span<const base::QuoteId> also) {
  TRY(auto transaction, Transaction::begin(writer_));
  TRY_STATUS(check_incarnation());
  TRY(auto ids, held_quotes(writer_, now));
  std::ranges::copy(also, std::back_inserter(ids));
  std::set<quota::CounterKey> counters;
  bool any = false;
  for (const base::QuoteId id : ids) {
    TRY(const bool ended, end(writer_, id, std::nullopt, counters));
    any = any || ended;
  }
  TRY(const auto next, stored_next_quote_end());
  if (any) {
    TRY_STATUS(count_commit());
    TRY_STATUS(transaction.commit());
    ++commits_;
  }
  next_quote_end_ = next;
  return quota::EndedQuotes{.counters = {counters.begin(), counters.end()}, .next_end = next};
}

base::Status SqliteStore::end_all_quotes() {
  TRY(const auto ids, held_quotes(writer_, base::far_future));
  std::set<quota::CounterKey> counters;
  for (const base::QuoteId id : ids) TRY_STATUS(end(writer_, id, std::nullopt, counters));
  return {};
}

base::Result<std::optional<base::WallTime>> SqliteStore::stored_next_quote_end() {
  TRY(Rows rows, writer_.query("SELECT min(expires) FROM quotes WHERE state = 'held'"));
  TRY_STATUS(rows.next());
  const auto next = rows.take_optional_integer();
  return next ? std::optional(base::WallTime{*next}) : std::nullopt;
}

base::Result<std::int64_t> SqliteStore::due_of(const quota::CounterKey& counter, base::WallTime now) {
  if (now == base::far_future || !next_quote_end_ || now < *next_quote_end_) return 0;
  TRY(Rows rows, writer_.query("SELECT coalesce(sum(amount), 0) FROM quote_parts JOIN quotes ON id = quote_id "
                               "WHERE state = 'held' AND expires <= ?3 AND limit_id = ?1 AND label = ?2",
                               counter.limit, counter.label, now));
  TRY_STATUS(rows.next());
  return rows.take_integer();
}

}  // namespace store
