#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "catalog/snapshot.h"
#include "catalog/store.h"

namespace catalog {

struct NewAccount {
  std::string name;
  std::string external_id = {};  // optional
  std::optional<base::AccountId> parent = std::nullopt;
};
// How an account pays. What is not named stays.
struct AccountEdit {
  std::optional<bool> credit_only = std::nullopt;
  std::optional<base::BasisPoints> markup = std::nullopt;      // 0 to BasisPoints::most
  std::optional<base::BasisPoints> top_up_fee = std::nullopt;  // 0 to below 100 %
};
struct NewKey {
  base::AccountId account;  // nil for an admin key
  std::string name;
  KeyRole role = KeyRole::data;
  std::optional<base::WallTime> expires = std::nullopt;
  std::string tags = {};  // as parse_tags() reads them
};
struct CreatedKey {
  Key key;
  std::string secret;  // shown once, kept nowhere
};
struct NewLimit {
  LimitSubject subject;
  std::string name = {};  // empty: default_name
  LimitUnit unit = LimitUnit::usd;
  base::WindowPolicy window = {};
  std::int64_t amount = 0;
  int refusal_status = 402;
  Clamp clamp = Clamp::on;
  LimitFilter filter = {};
  LimitMode mode = LimitMode::enforce;
  LimitAdmission admission = LimitAdmission::reserve;
  Thresholds thresholds = {};
};
// What may change of a limit; its unit, window, filter and subject are its identity.
struct LimitEdit {
  std::optional<std::string> name = std::nullopt;
  std::optional<std::int64_t> amount = std::nullopt;
  std::optional<int> refusal_status = std::nullopt;
  std::optional<Clamp> clamp = std::nullopt;
  std::optional<LimitMode> mode = std::nullopt;
  std::optional<LimitAdmission> admission = std::nullopt;
  std::optional<Thresholds> thresholds = std::nullopt;  // in place of those that it has
  bool operator==(const LimitEdit&) const = default;
};

// Who prepares calls for a limit before it comes into force, so that none escapes it: what is under way takes it on,
// and what comes waits for it. Called with the catalog's lock held; neither may change the catalog.
class LimitPreparer {
 public:
  virtual ~LimitPreparer() = default;
  // `next` is the catalog with the limit. A failure means that the limit is not created; abandon() is called then, too.
  virtual base::Status prepare(const Limit& limit, const std::shared_ptr<const Snapshot>& next) = 0;
  // It does not come into force after all; `current` is the catalog without it.
  virtual void abandon(base::LimitId limit, const std::shared_ptr<const Snapshot>& current) = 0;
};

// The owner of the catalog: checks every change, stores it, then publishes a new snapshot. Thread-safe; a change is
// durable and visible to current() when the call returns. Errors name the field (`name`, `parent`, `amount`, …).
class Catalog {
 public:
  using Listener = std::function<void(std::shared_ptr<const Snapshot>)>;

  // Loads what the store holds.
  static base::Result<std::unique_ptr<Catalog>> open(Store& store, const base::Clock& clock, base::Random& random);

  std::shared_ptr<const Snapshot> current() const;
  // Called with every new snapshot, in order, from the thread that made the change, which must not make another one
  // from there. One listener, set before use.
  void on_change(Listener listener);
  // Likewise one, set before use. It outlives the catalog.
  void prepare_with(LimitPreparer& preparer);

  base::Result<Account> create_account(const NewAccount& wanted);  // conflict: external_id taken
  base::Result<Account> set_account_status(base::AccountId id, AccountStatus status);
  // Grants of an account that is no longer prepaid rest until it is again. A markup is without effect on an account
  // that is not prepaid.
  base::Result<Account> edit_account(base::AccountId id, const AccountEdit& edit);
  base::Result<CreatedKey> create_key(const NewKey& wanted);
  base::Result<Key> revoke_key(base::KeyId id);
  // The limit opens with what its window's usage records say (Store::open). It takes time with the records of the
  // window, in which no other change is made.
  base::Result<Limit> create_limit(const NewLimit& wanted);
  base::Result<Limit> edit_limit(base::LimitId id, const LimitEdit& edit);
  // Raises the amount for a time, in place of any raise before; nullopt ends it now. The raise is above the amount and
  // its end lies ahead. Errors name `amount` and `until`.
  base::Result<Limit> raise_limit(base::LimitId id, const std::optional<Raise>& raise);
  base::Status remove_limit(base::LimitId id);
  // The ledger made, changed or ended grants: reads them again and publishes.
  base::Status reload_grants();

 private:
  Catalog(Store& store, const base::Clock& clock, base::Random& random, std::shared_ptr<const Snapshot> snapshot);
  // Checks that `changed` holds together, stores the one change that led to it, replaces the snapshot and tells the
  // listener. Called with changing_ held.
  base::Status publish(Contents changed, const std::function<base::Status()>& store_change);

  // Brings a new limit into force: prepared, then stored and opened, then published.
  base::Status put_into_force(const Limit& limit, Contents with_it);

  Store& store_;
  const base::Clock& clock_;
  base::Random& random_;
  LimitPreparer* preparer_ = nullptr;
  std::mutex changing_;            // one change at a time; held while the store writes
  mutable std::mutex publishing_;  // over the pointer only, so that current() never waits for the store
  std::shared_ptr<const Snapshot> snapshot_;
  Listener listener_;
};

}  // namespace catalog
