#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/sha256.h"
#include "catalog/account.h"
#include "catalog/key.h"
#include "catalog/limit.h"
#include "catalog/store.h"

namespace catalog {

// What a prepaid account pays from.
struct Balance {
  const Account* account = nullptr;
  std::vector<const Grant*> grants;  // in burn order; which of them are usable depends on the stamp
};

// A key with all that applies to it, resolved: the data plane asks one table and follows pointers.
struct KeyEntry {
  Key key;
  const Account* account = nullptr;  // never null for a data key
  bool usable = false;  // active, and so are its account and all accounts above it (expiry is checked on use)
  std::vector<const Limit*> limits;  // of the key, its account and the accounts above, nearest first
  bool filtered = false;             // one of them is not for every exchange
  const Balance* balance = nullptr;  // of the nearest credit_only account, its own or above; nullptr: none is prepaid
};

// The catalog at one moment. Immutable, shared by all threads; pointers into it live as long as it does.
class Snapshot {
 public:
  // Fails if the contents do not hold together: a parent, account or subject that does not exist, a cycle in the tree.
  static base::Result<std::shared_ptr<const Snapshot>> build(Contents contents);

  const KeyEntry* find_key(const base::Sha256& hash) const;
  const KeyEntry* find_key(base::KeyId id) const;
  const Account* find_account(base::AccountId id) const;
  const Limit* find_limit(base::LimitId id) const;
  const LimitTemplate* find_template(base::LimitId id) const;
  const Grant* find_grant(base::GrantId id) const;
  const Balance* find_balance(base::AccountId id) const;  // of a credit_only account
  const Contents& contents() const { return contents_; }

 private:
  base::Status index_accounts();
  base::Status index_keys();
  base::Status index_templates();
  base::Status attach_limits();
  base::Status attach_balances();
  const Account* parent_of(const Account& account) const;

  Contents contents_;
  std::vector<KeyEntry> entries_;
  std::unordered_map<base::Sha256, const KeyEntry*, base::Sha256Hash> by_hash_;
  std::unordered_map<base::KeyId, const KeyEntry*> by_key_id_;
  std::unordered_map<base::AccountId, const Account*> accounts_;
  std::unordered_map<base::LimitId, const Limit*> limits_;
  std::unordered_map<base::LimitId, const LimitTemplate*> templates_;
  std::unordered_map<base::GrantId, const Grant*> grants_;
  std::unordered_map<base::AccountId, Balance> balances_;
};

}  // namespace catalog
