#pragma once
// The store that a life's processes have, one after another or together. It outlives them: in memory as it is, on files
// by what lies in them.

#include <filesystem>
#include <memory>

#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/sim/plan.h"

namespace sim {

class Truth {
 public:
  explicit Truth(StoreKind kind);
  Truth(const Truth&) = delete;
  Truth& operator=(const Truth&) = delete;
  ~Truth();

  catalog::Store& catalog() { return *catalog_; }
  quota::Store& quota() { return *quota_; }
  ledger::Store& ledger() { return *ledger_; }
  events::UsageLog& usage() { return *usage_; }
  events::LimitEventLog& crossings() { return *crossings_; }
  idempotency::Store& keys() { return *keys_; }
  quota::UnresolvedStore& unresolved() { return *unresolved_; }

  // The process that had it to itself has closed it, or was killed: what it knew of it is gone with it.
  void close();
  void kill();

  // Of a fleet, which has it in memory.
  std::unique_ptr<quota::Store> join(base::Uuid node, const base::Clock& clock, store::MemoryStore::Fleet fleet) {
    return memory_->join(node, clock, fleet);
  }
  std::unique_ptr<idempotency::Store> join_keys(base::Uuid node) { return memory_->join_keys(node); }
  // The open lease rows; on files there is one node, and it has all that is leased.
  std::vector<store::MemoryStore::OpenRow> open_rows() const {
    return memory_ ? memory_->open_rows() : std::vector<store::MemoryStore::OpenRow>();
  }
  bool tells_rows() const { return memory_ != nullptr; }

 private:
  template <class Store>
  void serve(Store& store);
  void open();

  std::filesystem::path root_, folder_;  // empty: in memory
  int killed_ = 0;
  std::unique_ptr<store::MemoryStore> memory_;
  std::unique_ptr<store::SqliteStore> sqlite_;
  catalog::Store* catalog_ = nullptr;
  quota::Store* quota_ = nullptr;
  ledger::Store* ledger_ = nullptr;
  events::UsageLog* usage_ = nullptr;
  events::LimitEventLog* crossings_ = nullptr;
  idempotency::Store* keys_ = nullptr;
  quota::UnresolvedStore* unresolved_ = nullptr;
};

}  // namespace sim
