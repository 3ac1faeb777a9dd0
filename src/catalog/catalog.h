#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "catalog/snapshot.h"
#include "catalog/store.h"

namespace catalog {

// How an account pays. What is not named stays; of a new account, what account.h says.
struct AccountTerms {
  std::optional<bool> credit_only = std::nullopt;
  std::optional<base::BasisPoints> markup = std::nullopt;      // 0 to BasisPoints::most
  std::optional<base::BasisPoints> top_up_fee = std::nullopt;  // 0 to below 100 %
  // Of the monthly fee; zero ends it. With another day or zone its periods begin anew: the next one is due on its day.
  std::optional<base::Money> monthly_fee = std::nullopt;
  std::optional<int> fee_day = std::nullopt;
  std::optional<base::TimeZone> fee_zone = std::nullopt;
  std::optional<BookName> book = std::nullopt;  // that the configuration has; none: the account above says it
  bool operator==(const AccountTerms&) const = default;
};
struct NewAccount {
  std::string name;
  std::string external_id = {};  // optional
  std::optional<base::AccountId> parent = std::nullopt;
  AccountTerms terms = {};
};
// What is not named stays.
struct AccountEdit {
  std::optional<std::string> name = std::nullopt;
  std::optional<std::string> external_id = std::nullopt;                // empty: none
  std::optional<std::optional<base::AccountId>> parent = std::nullopt;  // nullopt within: to the top
  AccountTerms terms = {};
  bool operator==(const AccountEdit&) const = default;
};
struct NewKey {
  base::AccountId account;  // nil for an admin key
  std::string name;
  KeyRole role = KeyRole::data;
  std::optional<base::WallTime> expires = std::nullopt;
  std::string tags = {};  // as parse_tags() reads them
  KeyScope scope = {};    // of a data key
};
// What may change of a key; its account and its role are what it is.
struct KeyEdit {
  std::optional<std::string> name = std::nullopt;
  std::optional<std::optional<base::WallTime>> expires = std::nullopt;  // nullopt within: it does not end
  std::optional<std::string> tags = std::nullopt;
  std::optional<std::vector<std::string>> models = std::nullopt, routes = std::nullopt, addresses = std::nullopt;
  bool operator==(const KeyEdit&) const = default;
};
struct CreatedKey {
  Key key;
  std::string secret;  // shown once, kept nowhere
};
struct NewLimit {
  LimitSubject subject;
  std::string name = {};  // empty: default_name
  Unit unit = LimitUnit::usd;
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

struct NewLimiter {
  std::string name;
  std::optional<base::AccountId> parent = std::nullopt;
  std::string code = {};  // empty: one is made
  base::WindowPolicy window = {};
  std::int64_t budget = 0;  // nano-dollars per window; >= 0
  int refusal_status = 402;
  // What the caller has checked: upstream_of().
  std::string base_url;
  std::string provider;
  std::vector<std::string> models = {};
  std::map<std::string, std::string, std::less<>> deployments = {};
};
// What may change of a limiter; its code and its budget's window are what it is.
struct LimiterEdit {
  std::optional<std::string> name = std::nullopt;
  std::optional<bool> active = std::nullopt;
  std::optional<std::int64_t> budget = std::nullopt;
  std::optional<std::string> base_url = std::nullopt;  // checked, as of NewLimiter
  std::optional<std::string> provider = std::nullopt;
  std::optional<std::vector<std::string>> models = std::nullopt;
  std::optional<std::map<std::string, std::string, std::less<>>> deployments = std::nullopt;
  bool operator==(const LimiterEdit&) const = default;
};

// Who prepares calls for limits before they come into force, so that none escapes them: what is under way takes them
// on, and what comes waits for them. Called with the catalog's lock held; neither may change the catalog.
class LimitPreparer {
 public:
  virtual ~LimitPreparer() = default;
  // `next` is the catalog with the limits. A failure means that none is created; abandon() is called then, too.
  virtual base::Status prepare(std::span<const Limit> limits, const std::shared_ptr<const Snapshot>& next) = 0;
  // They do not come into force after all; `current` is the catalog without them.
  virtual void abandon(std::span<const Limit> limits, const std::shared_ptr<const Snapshot>& current) = 0;
};

// What of the catalog is not as it was, for whoever holds money by it.
struct Changed {
  std::vector<base::LimitId> limits = {};      // that were put, opened or removed
  std::vector<base::AccountId> accounts = {};  // whose grants are others
};

// The owner of the catalog: checks every change, stores it, then publishes a new snapshot. Thread-safe; a change is
// durable and visible to current() when the call returns. Errors name the field (`name`, `parent`, `amount`, …).
class Catalog {
 public:
  using Listener = std::function<void(const std::shared_ptr<const Snapshot>&, const Changed&)>;

  // Loads what the store holds. Copies of templates that a process which died had no time to make are made now, before
  // anything is admitted.
  // `weights`: what calls take of named units (Changes::weights).
  static base::Result<std::unique_ptr<Catalog>> open(Store& store, const base::Clock& clock, base::Random& random,
                                                     RouteWeights weights = {});

  std::shared_ptr<const Snapshot> current() const;
  // Called with every new snapshot, in order, from the thread that made the change, which must not make another one
  // from there. One listener, set before use.
  void on_change(Listener listener);
  // Likewise one, set before use. It outlives the catalog.
  void prepare_with(LimitPreparer& preparer);

  // With its copies of the templates that are for it. Conflict: external_id taken.
  base::Result<Account> create_account(const NewAccount& wanted);
  base::Result<Account> set_account_status(base::AccountId id, AccountStatus status);
  // Errors name the field. Grants of an account that is no longer prepaid rest until it is again. A markup is without
  // effect on an account that is not prepaid. With another parent it is moved, with all below it: what was spent stays
  // counted where it was, calls under way end on the limits that they hold of, and later ones count at the new place,
  // with the copies of the templates that are for it there.
  base::Result<Account> edit_account(base::AccountId id, const AccountEdit& edit);
  // For good. Its keys are revoked, its external id is free again and no monthly fee is due; what it spent, and what
  // is unresolved of it, stays. Conflict: it is a limiter, or has accounts below it.
  base::Status remove_account(base::AccountId id);
  base::Result<CreatedKey> create_key(const NewKey& wanted);
  // Errors name the field.
  base::Result<Key> edit_key(base::KeyId id, const KeyEdit& edit);
  // Another secret for the same key, so that its limits stay what they are; the one before is taken for so long yet,
  // and any older one no longer. Conflict: the key is revoked, or nobody has a secret of it.
  static constexpr std::int64_t longest_overlap_ms = 90 * 86'400'000LL;
  base::Result<CreatedKey> rotate_key(base::KeyId id, std::int64_t overlap_ms);
  base::Result<Key> revoke_key(base::KeyId id);
  // The limit opens with what its window's usage records say (Changes::opened). It takes time with the records of the
  // window, in which no other change is made. Copies of templates whose place it takes go in the same moment; so they
  // come back where the last such limit goes, or refuses nothing any more. A copy is neither edited nor removed
  // (conflict): its template is.
  base::Result<Limit> create_limit(const NewLimit& wanted);
  base::Result<Limit> edit_limit(base::LimitId id, const LimitEdit& edit);
  // Raises the amount for a time, in place of any raise before; nullopt ends it now. The raise is above the amount and
  // its end lies ahead. Errors name `amount` and `until`.
  base::Result<Limit> raise_limit(base::LimitId id, const std::optional<Raise>& raise);
  base::Status remove_limit(base::LimitId id);
  // `terms`: as of a limit, without the subject. When it returns, every account of the scope has its copy, or a limit
  // of its own. The copies come into force some hundred at a time, each as a limit that is created does; where one part
  // fails, the template and all its copies are taken back. Errors name `account` and `level`.
  base::Result<LimitTemplate> create_template(const NewLimit& terms, const TemplateScope& scope);
  // Its copies change in the same moment.
  base::Result<LimitTemplate> edit_template(base::LimitId id, const LimitEdit& edit);
  base::Status remove_template(base::LimitId id);
  // An account, a key that nobody has a secret of, a hard limit in usd and the path to them, in one. Conflict: the code
  // is or was another limiter's. Errors name the field.
  base::Result<Limiter> create_limiter(const NewLimiter& wanted);
  base::Result<Limiter> edit_limiter(base::AccountId id, const LimiterEdit& edit);
  // No call finds it any more; what was spent stays known, and its code is never given again.
  base::Status remove_limiter(base::AccountId id);
  // The ledger made, changed or ended grants, of this account or of many: reads them again and publishes.
  base::Status reload_grants(std::optional<base::AccountId> account = std::nullopt);

 private:
  Catalog(Store& store, const base::Clock& clock, base::Random& random, RouteWeights weights,
          std::shared_ptr<const Snapshot> snapshot);
  // Makes the snapshot with the changes, stores them, publishes it. Called with changing_ held.
  base::Status publish(Changes changes);
  // The same of a limit, and with what it makes of the copies of the account that it is on.
  base::Status publish_limits(Changes changes, const Limit& of);
  base::Status publish_with_copies(Changes changes, base::AccountId account);
  base::Status publish_moved(Changes changes, base::AccountId account);
  // Replaces the snapshot and tells the listener.
  void adopt(std::shared_ptr<const Snapshot> next, const Changed& changed);
  // Brings missing copies into force, some at a time. Called with changing_ held.
  base::Status complete_copies();
  base::Status remove_template_now(base::LimitId id);
  base::Result<Limiter> find_limiter(base::AccountId id) const;
  // Conflict: it is a limiter, or its budget or key, which it would have none of then.
  base::Status check_no_limiter(base::AccountId id) const;
  base::Status check_not_of_limiter(const Limit& limit) const;
  base::Status check_not_of_limiter(const Key& key) const;
  static void change(Limit& limit, const LimitEdit& edit);
  // The limit of these terms on that subject, checked but for the subject.
  base::Result<Limit> limit_of(const NewLimit& wanted);

  Store& store_;
  const base::Clock& clock_;
  base::Random& random_;
  const RouteWeights weights_;
  LimitPreparer* preparer_ = nullptr;
  std::mutex changing_;            // one change at a time; held while the store writes
  mutable std::mutex publishing_;  // over the pointer only, so that current() never waits for the store
  std::shared_ptr<const Snapshot> snapshot_;
  Listener listener_;
};

}  // namespace catalog
