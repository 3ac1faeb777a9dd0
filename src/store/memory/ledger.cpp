// ledger::Store in memory: the model of how balances are kept.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/assert.h"
#include "ledger/monthly_fee.h"
#include "store/memory/memory_store.h"
#include "store/usage_filter.h"

namespace store {

using ledger::Transfer;

ledger::Book MemoryStore::book_of(base::AccountId account) const {
  ledger::Book book;
  for (const auto& [id, stored] : grants_) {
    if (!account.is_nil() && stored.grant.account != account) continue;
    ledger::GrantState state{.grant = stored.grant, .disputed = stored.disputed, .expired = stored.expired};
    const auto counter = books_.counters.find({catalog::counter_of(id), {}});
    if (counter != books_.counters.end()) {
      state.spent = base::Money::from_nanos(counter->second.spent);
      state.leased = base::Money::from_nanos(counter->second.leased + counter->second.quoted);
      state.unresolved = base::Money::from_nanos(counter->second.unresolved);
    }
    book.push_back(std::move(state));
  }
  std::ranges::sort(book, catalog::burns_before, &ledger::GrantState::grant);
  return book;
}

void MemoryStore::append(const Transfer& transfer) {
  ASSERT(!transfer_at_.contains(transfer.id));
  transfer_at_.emplace(transfer.id, transfers_.size());
  transfers_.push_back(transfer);
  if (transfer.kind == ledger::TransferKind::charge) return;
  for (const ledger::GrantChange& change : ledger::changes_of(transfer)) {
    StoredGrant& stored = grants_.at(change.grant);
    stored.grant.credited += change.credited;
    stored.disputed += change.disputed;
    stored.expired += change.expired;
  }
}

const Transfer* MemoryStore::transfer_with(base::TransferId id) const {
  const auto found = transfer_at_.find(id);
  return found == transfer_at_.end() ? nullptr : &transfers_[found->second];
}

base::Result<ledger::Decided> MemoryStore::post(const ledger::Order& order, base::WallTime now) {
  const std::lock_guard lock(mutex_);
  ledger::Known known;
  known.book = book_of(order.account);
  if (const Transfer* const same = transfer_with(order.id)) {
    known.same_id = *same;
    if (same->kind == ledger::TransferKind::top_up) known.its_grant = grants_.at(base::GrantId{same->subject}).grant;
  }
  if (const Transfer* const charge = transfer_with(base::TransferId{order.subject});
      charge != nullptr && charge->kind == ledger::TransferKind::charge) {
    std::vector<Transfer> refunds;
    for (const Transfer& other : transfers_)
      if (other.kind == ledger::TransferKind::refund && other.subject == order.subject) refunds.push_back(other);
    known.charge = ledger::charge_from(*charge, refunds);
  }
  ledger::Decided decided = ledger::decide(order, known, now);
  if (decided.status != ledger::PostStatus::posted) return decided;

  if (decided.opened) {
    StoredGrant& stored = grants_[decided.opened->id];
    stored.grant = *decided.opened;
    stored.grant.credited = {};  // what the postings say comes on top
    grant_accounts_.emplace(catalog::counter_of(decided.opened->id), decided.opened->account);
  }
  append(decided.transfer);
  if (order.kind == ledger::TransferKind::void_grant) grants_.at(base::GrantId{order.subject}).grant.voided = true;
  ++commits_;
  return decided;
}

base::Result<std::int64_t> MemoryStore::sweep(base::WallTime now) {
  const std::lock_guard lock(mutex_);
  const auto ended = ledger::sweep(book_of({}), now, std::ssize(transfers_));
  for (const Transfer& transfer : ended) append(transfer);
  std::int64_t fees = 0;
  for (const auto& [id, account] : accounts_) fees += post_fees(account, now);
  if (ended.empty() && fees == 0) return 0;
  ++commits_;
  return std::ssize(ended) + fees;
}

std::int64_t MemoryStore::post_fees(const catalog::Account& account, base::WallTime now) {
  const auto through = fees_through_.find(account.id);
  std::int64_t posted = 0;
  for (const ledger::DueFee& due :
       ledger::due_fees(account, through == fees_through_.end() ? std::nullopt : std::optional(through->second), now)) {
    ledger::Known known;
    known.book = book_of(account.id);
    if (const Transfer* const same = transfer_with(due.order.id)) known.same_id = *same;
    const ledger::Decided decided = ledger::decide(due.order, known, now);
    if (decided.status == ledger::PostStatus::exceeds_balance) break;  // it stays due, and those after it
    if (decided.status == ledger::PostStatus::posted) {
      append(decided.transfer);
      ++posted;
    }
    fees_through_[account.id] = due.period;
  }
  return posted;
}

base::Result<std::optional<catalog::Grant>> MemoryStore::find_grant(base::GrantId id) {
  const std::lock_guard lock(mutex_);
  const auto found = grants_.find(id);
  return found == grants_.end() ? std::nullopt : std::optional(found->second.grant);
}

base::Result<ledger::Book> MemoryStore::book(base::AccountId account) {
  ASSERT(!account.is_nil());
  const std::lock_guard lock(mutex_);
  return book_of(account);
}

base::Result<std::vector<Transfer>> MemoryStore::transfers(const ledger::TransferFilter& filter) {
  TRY_STATUS(check_page_size(filter.limit));
  const std::lock_guard lock(mutex_);
  std::size_t end = transfers_.size();
  if (filter.before) {
    const auto before = transfer_at_.find(*filter.before);
    if (before == transfer_at_.end()) return unknown_transfer(*filter.before);
    end = before->second;
  }
  std::vector<Transfer> page;
  for (const Transfer& transfer : transfers_ | std::views::take(end) | std::views::reverse) {
    if (page.size() == static_cast<std::size_t>(filter.limit)) break;
    if (!filter.account || transfer.account == *filter.account) page.push_back(transfer);
  }
  return page;
}

base::Result<std::optional<Transfer>> MemoryStore::find_transfer(base::TransferId id) {
  const std::lock_guard lock(mutex_);
  if (const Transfer* const transfer = transfer_with(id)) return *transfer;
  const base::ExchangeId exchange{id.uuid};
  const auto started = started_.find(exchange);
  if (started == started_.end()) return std::nullopt;
  const auto record = usage_.find({started->second, exchange});
  if (record == usage_.end()) return no_longer_kept(exchange);
  return ledger::transfer_of(record->second);
}

base::Result<std::vector<ledger::Discrepancy>> MemoryStore::check() {
  const std::lock_guard lock(mutex_);
  ledger::Derivation derivation;
  for (const Transfer& transfer : transfers_) derivation.add(transfer);
  return derivation.compare(book_of({}));
}

void MemoryStore::make_good(base::GrantId payer, base::WallTime at) {
  const auto book = book_of(grants_.at(payer).grant.account);
  if (const auto cover = ledger::cover(book, payer, at, std::ssize(transfers_))) append(*cover);
}

}  // namespace store
