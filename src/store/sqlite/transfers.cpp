#include "store/sqlite/transfers.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "store/sqlite/enum_text.h"
#include "store/usage_filter.h"

namespace store::sqlite {
namespace {

using ledger::Posting;
using ledger::Transfer;

constexpr std::int64_t newest = std::numeric_limits<std::int64_t>::max();

base::Status read_postings(Database& database, std::int64_t number, Transfer& transfer) {
  TRY(Rows rows,
      database.query("SELECT source, target, amount FROM postings WHERE transfer = ? ORDER BY place", number));
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return {};
    Posting posting;
    posting.source = rows.take_text();
    posting.target = rows.take_text();
    posting.amount = rows.take_money();
    transfer.postings.push_back(std::move(posting));
  }
}

// The transfers that `rows` gives as number, id, at, kind, account_id, subject, amount, note; with their postings.
base::Result<std::vector<Transfer>> take_transfers(Database& database, base::Result<Rows> query) {
  std::vector<Transfer> transfers;
  std::vector<std::int64_t> numbers;
  {
    TRY(Rows rows, std::move(query));
    for (;;) {
      TRY(const bool found, rows.next());
      if (!found) break;
      numbers.push_back(rows.take_integer());
      Transfer transfer;
      transfer.id = rows.take_id<base::TransferId>();
      transfer.at = rows.take_time();
      TRY(transfer.kind, enum_from(rows.take_text(), ledger::TransferKind::cover, "transfers.kind"));
      transfer.account = rows.take_id<base::AccountId>();
      transfer.subject = rows.take_uuid();
      transfer.amount = rows.take_money();
      transfer.note = rows.take_text();
      transfers.push_back(std::move(transfer));
    }
  }
  for (std::size_t i = 0; i < transfers.size(); ++i) TRY_STATUS(read_postings(database, numbers[i], transfers[i]));
  return transfers;
}

catalog::Grant take_terms(Rows& rows, catalog::GrantKind kind) {
  catalog::Grant grant;
  grant.kind = kind;
  grant.id = rows.take_id<base::GrantId>();
  grant.account = rows.take_id<base::AccountId>();
  grant.priority = static_cast<int>(rows.take_integer());
  grant.amount = rows.take_money();
  grant.effective = rows.take_time();
  grant.expires = rows.take_time();
  grant.note = rows.take_text();
  grant.created = rows.take_time();
  grant.voided = rows.take_flag();
  grant.credited = rows.take_money();
  return grant;
}

}  // namespace

base::Status append(Database& database, const Transfer& transfer) {
  TRY(const std::int64_t before, count_transfers(database));
  const std::int64_t number = before + 1;
  const base::ExchangeId subject{transfer.subject};
  TRY_STATUS(
      database.run("INSERT INTO transfers (number, id, at, kind, account_id, subject, amount, note) "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                   number, transfer.id, transfer.at, to_string(transfer.kind), transfer.account, subject,
                   transfer.amount, transfer.note));
  std::int64_t place = 0;
  for (const Posting& posting : transfer.postings)
    TRY_STATUS(database.run("INSERT INTO postings (transfer, place, source, target, amount) VALUES (?, ?, ?, ?, ?)",
                            number, place++, posting.source, posting.target, posting.amount));
  if (transfer.kind == ledger::TransferKind::charge) return {};
  for (const ledger::GrantChange& change : ledger::changes_of(transfer))
    TRY_STATUS(
        database.run("UPDATE grants SET credited = credited + ?2, disputed = disputed + ?3, expired = expired + ?4 "
                     "WHERE id = ?1",
                     change.grant, change.credited, change.disputed, change.expired));
  return {};
}

base::Status insert(Database& database, const catalog::Grant& grant) {
  TRY_STATUS(
      database.run("INSERT INTO grants (id, account_id, kind, priority, amount, effective, expires, note, created, "
                   "voided, credited, disputed, expired) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)",
                   grant.id, grant.account, to_string(grant.kind), static_cast<std::int64_t>(grant.priority),
                   grant.amount, grant.effective, grant.expires, grant.note, grant.created));
  return {};
}

base::Result<std::int64_t> count_transfers(Database& database) {
  TRY(Rows rows, database.query("SELECT coalesce(max(number), 0) FROM transfers"));
  TRY_STATUS(rows.next());
  return rows.take_integer();
}

base::Result<std::optional<Transfer>> read_transfer(Database& database, base::TransferId id) {
  TRY(auto found,
      take_transfers(database, database.query("SELECT number, id, at, kind, account_id, subject, amount, note "
                                              "FROM transfers WHERE id = ?",
                                              id)));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

base::Result<std::vector<Transfer>> read_transfers(Database& database, const ledger::TransferFilter& filter) {
  std::int64_t before = newest;
  if (filter.before) {
    TRY(Rows rows, database.query("SELECT number FROM transfers WHERE id = ?", *filter.before));
    TRY(const bool found, rows.next());
    if (!found) return unknown_transfer(*filter.before);
    before = rows.take_integer();
  }
  constexpr std::string_view of_account =
      "SELECT number, id, at, kind, account_id, subject, amount, note FROM transfers "
      "WHERE number < ?1 AND account_id = ?3 ORDER BY number DESC LIMIT ?2";
  constexpr std::string_view of_all =
      "SELECT number, id, at, kind, account_id, subject, amount, note FROM transfers "
      "WHERE number < ?1 ORDER BY number DESC LIMIT ?2";
  const std::int64_t limit = filter.limit;
  if (filter.account) return take_transfers(database, database.query(of_account, before, limit, *filter.account));
  return take_transfers(database, database.query(of_all, before, limit));
}

base::Result<std::optional<ledger::Charge>> read_charge(Database& database, base::ExchangeId exchange) {
  TRY(const auto charged, read_transfer(database, base::TransferId{exchange.uuid}));
  if (!charged || charged->kind != ledger::TransferKind::charge) return std::nullopt;
  TRY(const auto refunds,
      take_transfers(database, database.query("SELECT number, id, at, kind, account_id, subject, amount, note "
                                              "FROM transfers WHERE subject = ? AND kind = 'refund' ORDER BY number",
                                              exchange)));
  return ledger::charge_from(*charged, refunds);
}

base::Result<ledger::Book> read_book(Database& database, base::AccountId account) {
  constexpr std::string_view select =
      "SELECT kind, id, account_id, priority, amount, effective, expires, note, created, voided, credited, disputed, "
      "expired, coalesce(spent, 0), coalesce(leased + quoted, 0), coalesce(unresolved, 0) "
      "FROM grants LEFT JOIN counters ON limit_id = id AND label = 0";
  TRY(Rows rows, account.is_nil() ? database.query(select)
                                  : database.query(fmt::format("{} WHERE account_id = ?", select), account));
  ledger::Book book;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) break;
    TRY(const auto kind, enum_from(rows.take_text(), catalog::GrantKind::paid, "grants.kind"));
    ledger::GrantState state{.grant = take_terms(rows, kind)};
    state.disputed = rows.take_money();
    state.expired = rows.take_money();
    state.spent = rows.take_money();
    state.leased = rows.take_money();
    state.unresolved = rows.take_money();
    book.push_back(std::move(state));
  }
  std::ranges::sort(book, catalog::burns_before, &ledger::GrantState::grant);
  return book;
}

base::Result<std::vector<catalog::Grant>> live_grants(Database& database, base::AccountId account) {
  TRY(const auto book, read_book(database, account));
  std::vector<catalog::Grant> grants;
  for (const ledger::GrantState& state : book)
    if (ledger::is_live(state)) grants.push_back(state.grant);
  std::ranges::sort(grants, {}, &catalog::Grant::id);
  return grants;
}

base::Result<GrantAccounts> read_grant_accounts(Database& database) {
  TRY(Rows rows, database.query("SELECT id, account_id FROM grants"));
  GrantAccounts accounts;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return accounts;
    const auto counter = rows.take_id<base::LimitId>();
    accounts.emplace(counter, rows.take_id<base::AccountId>());
  }
}

base::Result<ledger::Derivation> derive(Database& database) {
  TRY(Rows rows, database.query("SELECT transfers.number, kind, source, target, postings.amount FROM transfers "
                                "JOIN postings ON transfer = transfers.number ORDER BY transfers.number, place"));
  ledger::Derivation derivation;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return derivation;
    (void)rows.take_integer();
    Transfer one;  // what a posting changes does not depend on those beside it
    TRY(one.kind, enum_from(rows.take_text(), ledger::TransferKind::cover, "transfers.kind"));
    Posting posting;
    posting.source = rows.take_text();
    posting.target = rows.take_text();
    posting.amount = rows.take_money();
    one.postings.push_back(std::move(posting));
    derivation.add(one);
  }
}

}  // namespace store::sqlite
