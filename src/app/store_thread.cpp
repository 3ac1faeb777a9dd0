#include "app/store_thread.h"

#include <pthread.h>

#include <chrono>
#include <optional>

namespace app {

void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

StoreThread::~StoreThread() { stop(); }

void StoreThread::start(quota::Keeper& keeper) {
  thread_ = std::thread([this, &keeper] { run(keeper); });
}

void StoreThread::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  condition_.notify_one();
}

void StoreThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  condition_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void StoreThread::run(quota::Keeper& keeper) {
  name_thread("mg-store");
  while (true) {
    const std::optional<base::Instant> next = keeper.turn();
    std::unique_lock lock(mutex_);
    const auto due = [&] { return woken_ || stopping_; };
    if (next) {
      condition_.wait_for(lock, std::chrono::nanoseconds(base::ns_between(clock_.now(), *next)), due);
    } else {
      condition_.wait(lock, due);
    }
    woken_ = false;
    if (stopping_) return;
  }
}

namespace {

template <class Call>
auto on_store_thread(quota::Keeper& keeper, const Call& call) {
  std::optional<decltype(call())> answer;
  keeper.run_and_wait([&] { answer.emplace(call()); });
  return std::move(*answer);
}

}  // namespace

base::Result<catalog::Contents> CatalogOnStoreThread::load() {
  return on_store_thread(keeper_, [&] { return store_.load(); });
}
base::Result<std::vector<catalog::Grant>> CatalogOnStoreThread::load_grants(std::optional<base::AccountId> account) {
  return on_store_thread(keeper_, [&] { return store_.load_grants(account); });
}
base::Status CatalogOnStoreThread::apply(const catalog::Changes& changes, base::WallTime now) {
  if (changes.opened.empty()) return on_store_thread(keeper_, [&] { return store_.apply(changes, now); });
  std::vector<base::LimitId> opened;
  for (const catalog::Limit& limit : changes.opened) opened.push_back(limit.id);
  return keeper_.open_limits(opened, [&](base::WallTime at) { return store_.apply(changes, at); });
}
// Long, and through the store's own connection: the store thread does not wait for it.
base::Status CatalogOnStoreThread::look_ahead(const catalog::Changes& changes, base::WallTime now) {
  return store_.look_ahead(changes, now);
}

base::Result<std::vector<std::string>> SecretsOnStoreThread::secret_names() {
  return on_store_thread(keeper_, [&] { return store_.secret_names(); });
}
base::Result<std::optional<base::Secret>> SecretsOnStoreThread::find_secret(std::string_view upstream) {
  return on_store_thread(keeper_, [&] { return store_.find_secret(upstream); });
}
base::Status SecretsOnStoreThread::put_secret(std::string_view upstream, const base::Secret& secret) {
  return on_store_thread(keeper_, [&] { return store_.put_secret(upstream, secret); });
}
base::Status SecretsOnStoreThread::remove_secret(std::string_view upstream) {
  return on_store_thread(keeper_, [&] { return store_.remove_secret(upstream); });
}

// A list may be long, and is read through the store's own connection for that.
base::Result<std::vector<quota::UnresolvedItem>> UnresolvedOnStoreThread::open_items(
    const quota::UnresolvedFilter& filter) {
  return store_.open_items(filter);
}
base::Result<quota::UnresolvedItem> UnresolvedOnStoreThread::item(base::ExchangeId id) { return store_.item(id); }
base::Result<quota::UnresolvedItem> UnresolvedOnStoreThread::correct(const quota::Correction& correction) {
  auto corrected = on_store_thread(keeper_, [&] { return store_.correct(correction); });
  // Where the store does not say whether it was, it may have been.
  if (corrected || corrected.error().type == base::ErrorType::unavailable)
    for (const events::Hold& hold : correction.record.holds) keeper_.limit_changed(hold.limit);
  return corrected;
}

base::Result<ledger::Decided> LedgerOnStoreThread::post(const ledger::Order& order, base::WallTime now) {
  return on_store_thread(keeper_, [&] { return store_.post(order, now); });
}
base::Result<std::int64_t> LedgerOnStoreThread::sweep(base::WallTime now) {
  return on_store_thread(keeper_, [&] { return store_.sweep(now); });
}
base::Result<std::optional<catalog::Grant>> LedgerOnStoreThread::find_grant(base::GrantId id) {
  return store_.find_grant(id);
}
base::Result<ledger::Book> LedgerOnStoreThread::book(base::AccountId account) { return store_.book(account); }
base::Result<std::vector<ledger::Transfer>> LedgerOnStoreThread::transfers(const ledger::TransferFilter& filter) {
  return store_.transfers(filter);
}
base::Result<std::optional<ledger::Transfer>> LedgerOnStoreThread::find_transfer(base::TransferId id) {
  return store_.find_transfer(id);
}
base::Result<std::vector<ledger::Discrepancy>> LedgerOnStoreThread::check() { return store_.check(); }

}  // namespace app
