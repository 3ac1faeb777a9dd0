// What is kept in memory, shown as it lies.
#include "store/memory/memory_store.h"

namespace store {

base::Result<quota::Books::Kept> MemoryStore::show(quota::BooksReader& reader) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, counter] : books_.counters) {
    reader.see(quota::KeptCounter{.counter = key,
                                  .spent = counter.spent,
                                  .leased = counter.leased,
                                  .unresolved = counter.unresolved,
                                  .quoted = counter.quoted});
    for (const auto& [label, spent] : counter.sub_windows)
      reader.see(quota::KeptSubWindow{.limit = key.limit, .label = label, .spent = spent});
  }
  for (const auto& [name, row] : books_.leases)
    reader.see(quota::KeptLease{.incarnation = nodes_.at(name.node).incarnation,
                                .counter = name.row.counter,
                                .granted = row.totals.granted,
                                .returned = row.totals.returned,
                                .consumed = row.totals.consumed,
                                .open = true});
  for (const auto& [id, quote] : quotes_)
    for (const quota::QuotePart& part : quote.parts) reader.see(part);
  for (const auto& [id, stored] : grants_)
    reader.see(quota::KeptGrant{
        .id = id, .credited = stored.grant.credited, .disputed = stored.disputed, .expired = stored.expired});
  for (const ledger::Transfer& transfer : transfers_)
    for (const ledger::Posting& posting : transfer.postings) reader.see(posting, transfer.kind);
  for (const auto& [id, item] : unresolved_) reader.see(item);
  for (const auto* const records : {&aged_, &usage_})
    for (const auto& [key, record] : *records) reader.see(record, false);
  return Kept{.incarnation = nodes_.at({}).incarnation, .transfers = std::ssize(transfers_)};
}

}  // namespace store
