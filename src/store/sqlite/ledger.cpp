// ledger::Store on SQLite. What may be posted is ledger::decide's to say; here it is read, asked and written.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/assert.h"
#include "ledger/monthly_fee.h"
#include "store/sqlite/fees.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/transfers.h"
#include "store/usage_filter.h"

namespace store {

using sqlite::Snapshot;
using sqlite::Transaction;

base::Result<ledger::Decided> SqliteStore::post(const ledger::Order& order, base::WallTime now) {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto transaction, Transaction::begin(writer_));
  ledger::Known known;
  TRY(known.same_id, sqlite::read_transfer(writer_, order.id));
  TRY(known.book, sqlite::read_book(writer_, order.account));
  if (known.same_id && known.same_id->kind == ledger::TransferKind::top_up) {
    TRY(const auto book, sqlite::read_book(writer_, known.same_id->account));
    known.its_grant = ledger::grant_in(book, base::GrantId{known.same_id->subject});
  }
  if (order.kind == ledger::TransferKind::refund) {
    TRY(known.charge, sqlite::read_charge(writer_, base::ExchangeId{order.subject}));
  }
  ledger::Decided decided = ledger::decide(order, known, now);
  if (decided.status != ledger::PostStatus::posted) return decided;

  if (decided.opened) TRY_STATUS(sqlite::insert(writer_, *decided.opened));
  TRY_STATUS(sqlite::append(writer_, decided.transfer));
  if (order.kind == ledger::TransferKind::void_grant)
    TRY_STATUS(writer_.run("UPDATE grants SET voided = 1 WHERE id = ?", base::GrantId{order.subject}));
  TRY_STATUS(count_commit());
  TRY_STATUS(transaction.commit());
  ++commits_;
  if (decided.opened) grant_accounts_.emplace(catalog::counter_of(decided.opened->id), decided.opened->account);
  return decided;
}

base::Result<std::int64_t> SqliteStore::sweep(base::WallTime now) {
  const std::lock_guard lock(writer_mutex_);
  if (grant_accounts_.empty()) return 0;
  TRY(auto transaction, Transaction::begin(writer_));
  TRY(const auto book, sqlite::read_book(writer_, {}));
  TRY(const std::int64_t number, sqlite::count_transfers(writer_));
  const auto ended = ledger::sweep(book, now, number);
  for (const ledger::Transfer& transfer : ended) TRY_STATUS(sqlite::append(writer_, transfer));
  TRY(const FeesPosted fees, post_fees(now));
  if (ended.empty() && !fees.changed) return 0;
  TRY_STATUS(count_commit());
  TRY_STATUS(transaction.commit());
  ++commits_;
  return std::ssize(ended) + fees.count;
}

base::Result<SqliteStore::FeesPosted> SqliteStore::post_fees(base::WallTime now) {
  FeesPosted posted;
  TRY(const auto accounts, sqlite::read_fees(writer_));
  for (const auto& [account, through] : accounts) {
    for (const ledger::DueFee& due : ledger::due_fees(account, through, now)) {
      ledger::Known known;
      TRY(known.same_id, sqlite::read_transfer(writer_, due.order.id));
      TRY(known.book, sqlite::read_book(writer_, account.id));
      const ledger::Decided decided = ledger::decide(due.order, known, now);
      if (decided.status == ledger::PostStatus::exceeds_balance) break;  // it stays due, and those after it
      if (decided.status == ledger::PostStatus::posted) {
        TRY_STATUS(sqlite::append(writer_, decided.transfer));
        ++posted.count;
      }
      TRY_STATUS(writer_.run("UPDATE accounts SET fee_through = ?2 WHERE id = ?1", account.id, due.period));
      posted.changed = true;
    }
  }
  return posted;
}

base::Result<std::optional<catalog::Grant>> SqliteStore::find_grant(base::GrantId id) {
  const std::lock_guard lock(writer_mutex_);
  const auto account = grant_accounts_.find(catalog::counter_of(id));
  if (account == grant_accounts_.end()) return std::nullopt;
  TRY(const auto book, sqlite::read_book(writer_, account->second));
  return ledger::grant_in(book, id);
}

base::Result<ledger::Book> SqliteStore::book(base::AccountId account) {
  ASSERT(!account.is_nil());
  const std::lock_guard lock(writer_mutex_);
  return sqlite::read_book(writer_, account);
}

base::Result<std::vector<ledger::Transfer>> SqliteStore::transfers(const ledger::TransferFilter& filter) {
  TRY_STATUS(check_page_size(filter.limit));
  const std::lock_guard lock(reader_mutex_);
  TRY(const Snapshot snapshot, Snapshot::begin(reader_));
  return sqlite::read_transfers(reader_, filter);
}

base::Result<std::optional<ledger::Transfer>> SqliteStore::find_transfer(base::TransferId id) {
  const std::lock_guard lock(reader_mutex_);
  {
    TRY(const Snapshot snapshot, Snapshot::begin(reader_));
    TRY(auto transfer, sqlite::read_transfer(reader_, id));
    if (transfer) return transfer;
  }
  TRY(const auto record, find_record({id.uuid}));
  return record ? ledger::transfer_of(*record) : std::nullopt;
}

base::Result<std::vector<ledger::Discrepancy>> SqliteStore::check() {
  const std::lock_guard lock(reader_mutex_);
  TRY(const Snapshot snapshot, Snapshot::begin(reader_));
  TRY(const auto derivation, sqlite::derive(reader_));
  TRY(const auto book, sqlite::read_book(reader_, {}));
  return derivation.compare(book);
}

base::Status SqliteStore::post_charges(std::span<const events::UsageRecord* const> records) {
  for (const events::UsageRecord* const record : records)
    if (const auto charge = charge_of(*record, grant_accounts_)) TRY_STATUS(sqlite::append(writer_, *charge));
  return {};
}

base::Status SqliteStore::make_good(base::GrantId payer, base::WallTime at) {
  const auto account = grant_accounts_.find(catalog::counter_of(payer));
  ASSERT(account != grant_accounts_.end());
  TRY(const auto book, sqlite::read_book(writer_, account->second));
  if (ledger::debt_beside(book, payer).is_zero()) return {};
  TRY(const std::int64_t number, sqlite::count_transfers(writer_));
  if (const auto cover = ledger::cover(book, payer, at, number)) TRY_STATUS(sqlite::append(writer_, *cover));
  return {};
}

base::Result<std::int64_t> SqliteStore::amount_of(base::GrantId grant) {
  const auto account = grant_accounts_.find(catalog::counter_of(grant));
  ASSERT(account != grant_accounts_.end());
  TRY(const auto book, sqlite::read_book(writer_, account->second));
  return ledger::amount_in(book, grant).nanos();
}

}  // namespace store
