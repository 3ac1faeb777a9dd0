#pragma once

#include <boost/container/small_vector.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "catalog/account.h"
#include "catalog/key.h"
#include "catalog/limit.h"
#include "catalog/slot_index.h"
#include "catalog/store.h"
#include "catalog/table.h"

namespace catalog {

// What a prepaid account pays from. Points into the snapshot that it is of.
struct Balance {
  const Account* account = nullptr;
  std::span<const Grant> grants = {};  // in burn order; which of them are usable depends on the stamp
};

using LimitList = boost::container::small_vector<const Limit*, 8>;

// A key with all that applies to it, resolved: the data plane asks one table and follows slots. Points into the
// snapshot that it is of.
struct KeyEntry {
  const Key* key = nullptr;
  const Account* account = nullptr;  // never null for a data key
  bool usable = false;               // active, and so are its account and all accounts above it
  // When the key ends, or the secret that it was found by: to be compared on use.
  std::optional<base::WallTime> ends = std::nullopt;
  LimitList limits = {};                // of the key, its account and the accounts above, nearest first
  bool filtered = false;                // one of them is not for every exchange
  std::optional<Balance> balance = {};  // of the nearest credit_only account, its own or above; none is prepaid: none
  BookName book = {};                   // of the nearest account that names one; none does: none

  // As it is passed on to what can do without.
  const Balance* payer() const { return balance ? &*balance : nullptr; }
};

// The catalog at one moment. Immutable, shared by all threads; pointers into it live as long as it does.
//
// The next one is made from it by what changes, and shares the rest (table.h): a change costs what it names, with
// however many accounts beside it. What is stored of an account says nothing of those below it, and is resolved on the
// way up when a key is looked up; so a limit of an organization is one row, whoever is under it.
class Snapshot {
 public:
  // Fails if the contents do not hold together: a parent, account or subject that does not exist, a cycle in the tree.
  static base::Result<std::shared_ptr<const Snapshot>> build(Contents contents);
  // This one with these changes; what is opened is in force. Fails as build() does.
  base::Result<std::shared_ptr<const Snapshot>> with(const Changes& changes) const;
  // This one with these grants in place of those of the account, or of all; in `moved`, if given, the accounts whose
  // grants are not what they were.
  base::Result<std::shared_ptr<const Snapshot>> with_grants(std::span<const Grant> grants,
                                                            std::optional<base::AccountId> account,
                                                            std::vector<base::AccountId>& moved) const;

  std::optional<KeyEntry> find_key(const base::Sha256& hash) const;
  std::optional<KeyEntry> find_key(base::KeyId id) const;
  const Account* find_account(base::AccountId id) const;
  // Whether it is that account, or below it.
  bool is_within(base::AccountId account, base::AccountId top) const;
  // By the customer's own name for it, which is not empty.
  const Account* find_account_named(std::string_view external_id) const;
  const Limit* find_limit(base::LimitId id) const;
  const LimitTemplate* find_template(base::LimitId id) const;
  const Grant* find_grant(base::GrantId id) const;
  // Removed ones too, by their account and by their code.
  const Limiter* find_limiter(base::AccountId id) const;
  const Limiter* find_limiter(std::string_view code) const;
  std::optional<Balance> find_balance(base::AccountId id) const;  // of a credit_only account
  // In burn order, whether it is prepaid or not.
  std::span<const Grant> grants_of(base::AccountId id) const;
  // Of the account itself, in the order in which they came.
  LimitList limits_on(base::AccountId id) const;

  // All there are, in no order that anybody may go by.
  const Table<Account>& accounts() const { return accounts_; }
  const Table<Key>& keys() const { return keys_; }
  const Table<Limit>& limits() const { return limits_; }
  const std::vector<LimitTemplate>& templates() const { return templates_; }
  const Table<Limiter>& limiters() const { return limiters_; }
  std::vector<Grant> grants() const;
  // What build() makes it from.
  Contents contents() const { return {accounts_, keys_, limits_, grants(), templates_, limiters_}; }

  // How much of it another one does not share.
  Sharing sharing_with(const Snapshot& other) const;

 private:
  // What a row points to, beside it under its slot.
  struct AccountLinks {
    Slot parent = no_slot;
    Slot first_limit = no_slot;
    Slot purse = no_slot;
  };
  struct KeyLinks {
    Slot account = no_slot;
    Slot first_limit = no_slot;
  };
  struct LimitLinks {
    Slot next = no_slot;  // of the same subject
    bool filtered = false;
  };
  using Purse = std::shared_ptr<const std::vector<Grant>>;  // an account's grants in burn order; null: none any more

  base::Status index_all();
  base::Status index_account(Slot slot);
  base::Status index_key(Slot slot);
  base::Status index_limit(Slot slot);
  // Whether what it points to is there.
  base::Status check_limiter(const Limiter& limiter) const;
  base::Status index_limiter(Slot slot);
  base::Status check_templates() const;
  base::Status link_all();
  base::Status link_account(Slot slot);
  base::Status link_key(Slot slot);
  // At the front of its subject's list; the other one at its end.
  base::Status link_limit(Slot slot);
  base::Status append_limit(Slot slot);
  base::Result<Slot*> first_limit_of(const Limit& limit);

  base::Result<Slot> put(const Account& account);
  base::Result<Slot> put(const Key& key);
  base::Status index_secrets(Slot slot);
  void forget_secrets(Slot slot);
  base::Status put(const Limit& limit);
  base::Status put(const LimitTemplate& one);
  base::Status put(const Limiter& limiter);
  base::Status remove_limit(base::LimitId id);
  base::Status remove_template(base::LimitId id);
  base::Status put_grants(Slot account, std::vector<Grant> grants);

  Slot slot_of(base::AccountId id) const;
  Slot slot_of(base::KeyId id) const;
  Slot slot_of(const base::Sha256& hash) const;
  Slot slot_of(base::LimitId id) const;
  Slot limiter_slot(base::AccountId id) const;
  std::optional<KeyEntry> entry_at(Slot slot) const;
  void add_limits(Slot first, KeyEntry& entry) const;
  std::span<const Grant> grants_at(Slot account) const;
  std::optional<Balance> balance_at(Slot account) const;

  Table<Account> accounts_;
  Table<Key> keys_;
  Table<Limit> limits_;
  std::vector<LimitTemplate> templates_;
  Table<Limiter> limiters_;
  Sequence<AccountLinks> account_links_;
  Sequence<KeyLinks> key_links_;
  Sequence<LimitLinks> limit_links_;
  Sequence<Purse> purses_;
  SlotIndex accounts_by_id_;
  SlotIndex accounts_by_external_id_;  // those that have one
  SlotIndex keys_by_hash_;
  SlotIndex keys_by_id_;
  SlotIndex limits_by_id_;
  SlotIndex accounts_by_grant_;
  SlotIndex limiters_by_account_;
  SlotIndex limiters_by_code_;
};

}  // namespace catalog
