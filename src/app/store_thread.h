#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "catalog/secret_store.h"
#include "catalog/store.h"
#include "ledger/store.h"
#include "quota/keeper.h"
#include "quota/unresolved.h"

namespace app {

// The only thread that talks to the store for grants, flushes and changes. It sleeps until it is woken or a flush is
// due.
class StoreThread {
 public:
  explicit StoreThread(const base::Clock& clock) : clock_(clock) {}
  ~StoreThread();

  void start(quota::Keeper& keeper);
  // Called from any thread.
  void wake();
  // Ends the thread; what the keeper has left to do is done with Keeper::close().
  void stop();

 private:
  void run(quota::Keeper& keeper);

  const base::Clock& clock_;
  std::mutex mutex_;
  std::condition_variable condition_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

// The catalog's port for other threads: each call runs on the store thread.
class CatalogOnStoreThread final : public catalog::Store {
 public:
  CatalogOnStoreThread(catalog::Store& store, quota::Keeper& keeper) : store_(store), keeper_(keeper) {}

  base::Result<catalog::Contents> load() override;
  base::Result<std::vector<catalog::Grant>> load_grants(std::optional<base::AccountId> account) override;
  base::Status apply(const catalog::Changes& changes, base::WallTime now) override;
  base::Status look_ahead(const catalog::Changes& changes, base::WallTime now) override;

 private:
  catalog::Store& store_;
  quota::Keeper& keeper_;
};

// The same for the secrets of upstreams.
class SecretsOnStoreThread final : public catalog::SecretStore {
 public:
  SecretsOnStoreThread(catalog::SecretStore& store, quota::Keeper& keeper) : store_(store), keeper_(keeper) {}

  base::Result<std::vector<std::string>> secret_names() override;
  base::Result<std::optional<base::Secret>> find_secret(std::string_view upstream) override;
  base::Status put_secret(std::string_view upstream, const base::Secret& secret) override;
  base::Status remove_secret(std::string_view upstream) override;

 private:
  catalog::SecretStore& store_;
  quota::Keeper& keeper_;
};

// What is unresolved, for other threads. Corrections run on the store thread; after one, what the process has leased of
// the limits that it touched goes back, so that an overrun holds from there on and whoever waits is tried again.
class UnresolvedOnStoreThread final : public quota::UnresolvedStore {
 public:
  UnresolvedOnStoreThread(quota::UnresolvedStore& store, quota::Keeper& keeper) : store_(store), keeper_(keeper) {}

  base::Result<std::vector<quota::UnresolvedItem>> open_items(const quota::UnresolvedFilter& filter) override;
  base::Result<quota::UnresolvedItem> item(base::ExchangeId id) override;
  base::Result<quota::UnresolvedItem> correct(const quota::Correction& correction) override;

 private:
  quota::UnresolvedStore& store_;
  quota::Keeper& keeper_;
};

// The same for the ledger; what only reads does not wait for the store thread.
class LedgerOnStoreThread final : public ledger::Store {
 public:
  LedgerOnStoreThread(ledger::Store& store, quota::Keeper& keeper) : store_(store), keeper_(keeper) {}

  base::Result<ledger::Decided> post(const ledger::Order& order, base::WallTime now) override;
  base::Result<std::int64_t> sweep(base::WallTime now) override;
  base::Result<std::optional<catalog::Grant>> find_grant(base::GrantId id) override;
  base::Result<ledger::Book> book(base::AccountId account) override;
  base::Result<std::vector<ledger::Transfer>> transfers(const ledger::TransferFilter& filter) override;
  base::Result<std::optional<ledger::Transfer>> find_transfer(base::TransferId id) override;
  base::Result<std::vector<ledger::Discrepancy>> check() override;

 private:
  ledger::Store& store_;
  quota::Keeper& keeper_;
};

// Names the calling thread, as `top -H` and `strace -f` show it; at most 15 characters.
void name_thread(const std::string& name);

}  // namespace app
