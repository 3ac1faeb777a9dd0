#include "catalog/catalog.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "catalog/checks.h"

namespace catalog {

base::Result<std::unique_ptr<Catalog>> Catalog::open(Store& store, const base::Clock& clock, base::Random& random,
                                                     RouteWeights weights) {
  TRY(Contents contents, store.load());
  TRY(auto snapshot, Snapshot::build(std::move(contents)));
  std::unique_ptr<Catalog> catalog(new Catalog(store, clock, random, std::move(weights), std::move(snapshot)));
  const std::lock_guard lock(catalog->changing_);
  TRY_STATUS(catalog->complete_copies());
  return catalog;
}

Catalog::Catalog(Store& store, const base::Clock& clock, base::Random& random, RouteWeights weights,
                 std::shared_ptr<const Snapshot> snapshot)
    : store_(store), clock_(clock), random_(random), weights_(std::move(weights)), snapshot_(std::move(snapshot)) {}

std::shared_ptr<const Snapshot> Catalog::current() const {
  const std::lock_guard lock(publishing_);
  return snapshot_;
}

void Catalog::on_change(Listener listener) {
  const std::lock_guard lock(changing_);
  ASSERT(!listener_);
  listener_ = std::move(listener);
}

void Catalog::prepare_with(LimitPreparer& preparer) {
  const std::lock_guard lock(changing_);
  ASSERT(preparer_ == nullptr);
  preparer_ = &preparer;
}

base::Status Catalog::publish(Changes changes) {
  const base::WallTime now = clock_.wall_now();
  TRY(const auto next, snapshot_->with(changes));
  const bool opens = !changes.opened.empty();
  if (std::ranges::any_of(changes.opened, [](const Limit& limit) { return limit.unit == LimitUnit::named; }))
    changes.weights = weights_;
  if (opens) TRY_STATUS(store_.look_ahead(changes, now));
  const auto prepare_and_store = [&]() -> base::Status {
    if (opens && preparer_ != nullptr) TRY_STATUS(preparer_->prepare(changes.opened, next));
    return store_.apply(changes, now);
  };
  base::Status status = prepare_and_store();
  if (!status) {
    if (opens && preparer_ != nullptr) preparer_->abandon(changes.opened, snapshot_);
    return status;
  }
  Changed changed{.limits = std::move(changes.removed)};
  for (const Limit& limit : changes.limits) changed.limits.push_back(limit.id);
  for (const Limit& limit : changes.opened) changed.limits.push_back(limit.id);
  adopt(next, changed);
  return {};
}

void Catalog::adopt(std::shared_ptr<const Snapshot> next, const Changed& changed) {
  {
    const std::lock_guard lock(publishing_);
    snapshot_ = next;
  }
  if (listener_) listener_(next, changed);
}

namespace {

// The monthly fee as it is after the terms.
base::Result<std::optional<MonthlyFee>> fee_of(const Account& account, const AccountTerms& terms, base::WallTime now) {
  std::optional<MonthlyFee> fee = account.monthly_fee;
  if (terms.monthly_fee || terms.fee_day || terms.fee_zone) {
    if (!fee) fee = MonthlyFee{.amount = {}, .day = 1, .zone = {}, .since = now};
    const MonthlyFee before = *fee;
    fee->amount = terms.monthly_fee.value_or(fee->amount);
    fee->day = terms.fee_day.value_or(fee->day);
    fee->zone = terms.fee_zone.value_or(fee->zone);
    if (fee->day != before.day || fee->zone != before.zone) fee->since = now;
    if (fee->day < 1 || fee->day > 31)
      return base::invalid(fmt::format("'monthly_fee_day' is {}; it is 1 to 31", fee->day), "monthly_fee_day");
    const base::Money most = base::Money::from_nanos(MonthlyFee::most_usd * base::Money::nanos_per_usd);
    if (fee->amount.is_negative() || fee->amount > most)
      return base::invalid(
          fmt::format("'monthly_fee' is {}; it is 0, which ends it, to {}", fee->amount.to_usd(), most.to_usd()),
          "monthly_fee");
    if (fee->amount.is_zero() && (!terms.monthly_fee || terms.fee_day || terms.fee_zone))
      return base::invalid("there is no monthly fee whose day or time zone could change; give 'monthly_fee'",
                           "monthly_fee");
    if (fee->amount.is_zero()) fee.reset();
  }
  if (fee && !terms.credit_only.value_or(account.credit_only))
    return base::invalid(
        "a monthly fee is taken from a prepaid account's balance: set 'credit_only' too, or end the fee "
        "with a 'monthly_fee' of 0",
        "monthly_fee");
  return fee;
}

base::Status check_rate(const std::optional<base::BasisPoints>& rate, std::int64_t most, std::string_view field) {
  if (!rate || (rate->value >= 0 && rate->value <= most)) return {};
  return base::invalid(
      fmt::format("'{}' is {}; it takes basis points from 0 to {}, 500 being 5 %", field, rate->value, most),
      std::string(field));
}

base::Result<Account> with_terms(Account account, const AccountTerms& terms, base::WallTime now) {
  TRY_STATUS(check_rate(terms.markup, base::BasisPoints::most, "markup_bps"));
  TRY_STATUS(check_rate(terms.top_up_fee, base::BasisPoints::whole - 1, "top_up_fee_bps"));
  TRY(account.monthly_fee, fee_of(account, terms, now));
  account.credit_only = terms.credit_only.value_or(account.credit_only);
  account.markup = terms.markup.value_or(account.markup);
  account.top_up_fee = terms.top_up_fee.value_or(account.top_up_fee);
  account.book = terms.book.value_or(account.book);
  return account;
}

// Nobody but `self` has it.
base::Status check_free(const Snapshot& snapshot, std::string_view external_id, base::AccountId self = {}) {
  const Account* const other = snapshot.find_account_named(external_id);
  if (other == nullptr || other->id == self) return {};
  return base::fail(base::ErrorType::conflict,
                    fmt::format("external_id '{}' is account {}", external_id, other->id.to_string()), "external_id",
                    base::Source::client);
}

// It may become the parent of `self`.
base::Status check_not_below(const Snapshot& snapshot, base::AccountId parent, const Account& self) {
  TRY_STATUS(check_account(snapshot, parent, "parent"));
  if (!snapshot.is_within(parent, self.id)) return {};
  return base::invalid(fmt::format("'{}' cannot be moved below {}", self.name,
                                   parent == self.id ? "itself" : "an account that is below it"),
                       "parent");
}

}  // namespace

base::Result<Account> Catalog::create_account(const NewAccount& wanted) {
  TRY_STATUS(check_text(wanted.name, 1, "name"));
  TRY_STATUS(check_text(wanted.external_id, 0, "external_id"));

  const std::lock_guard lock(changing_);
  if (wanted.parent) {
    TRY_STATUS(check_account(*snapshot_, *wanted.parent, "parent"));
  }
  TRY_STATUS(check_free(*snapshot_, wanted.external_id));

  const base::WallTime now = clock_.wall_now();
  const Account plain{.id = base::AccountId::create(now, random_),
                      .parent = wanted.parent,
                      .name = wanted.name,
                      .external_id = wanted.external_id,
                      .status = AccountStatus::active,
                      .created = now};
  TRY(const Account account, with_terms(plain, wanted.terms, now));
  TRY_STATUS(publish_with_copies({.accounts = {account}}, account.id));
  return account;
}

base::Result<Account> Catalog::set_account_status(base::AccountId id, AccountStatus status) {
  const std::lock_guard lock(changing_);
  const Account* const known = snapshot_->find_account(id);
  if (known == nullptr) return not_found("account", id.to_string());
  TRY_STATUS(check_not_deleted(*known));
  Account changed = *known;
  if (changed.status == status) return changed;

  changed.status = status;
  TRY_STATUS(publish({.accounts = {changed}}));
  return changed;
}

base::Result<Account> Catalog::edit_account(base::AccountId id, const AccountEdit& edit) {
  if (edit.name) {
    TRY_STATUS(check_text(*edit.name, 1, "name"));
  }
  TRY_STATUS(check_text(edit.external_id.value_or(""), 0, "external_id"));

  const std::lock_guard lock(changing_);
  const Account* const known = snapshot_->find_account(id);
  if (known == nullptr) return not_found("account", id.to_string());
  TRY_STATUS(check_not_deleted(*known));
  TRY_STATUS(check_free(*snapshot_, edit.external_id.value_or(""), id));
  TRY(Account changed, with_terms(*known, edit.terms, clock_.wall_now()));
  changed.name = edit.name.value_or(changed.name);
  changed.external_id = edit.external_id.value_or(changed.external_id);
  if (edit.parent && *edit.parent) TRY_STATUS(check_not_below(*snapshot_, **edit.parent, *known));
  changed.parent = edit.parent.value_or(changed.parent);
  if (changed.parent == known->parent)
    TRY_STATUS(publish({.accounts = {changed}}));
  else
    TRY_STATUS(publish_moved({.accounts = {changed}}, id));
  return changed;
}

// All that move get and lose their copies in one moment, so that none of their calls escapes what is for the new place.
base::Status Catalog::publish_moved(Changes changes, base::AccountId account) {
  TRY(const auto with_it, snapshot_->with(changes));
  const base::WallTime now = clock_.wall_now();
  if (with_it->templates().empty()) return publish(std::move(changes));  // and so there is no copy
  for (const Account& one : with_it->accounts()) {
    if (!with_it->is_within(one.id, account)) continue;
    const CopyChanges copies = changes_of_copies(*with_it, one.id, now);
    std::ranges::copy(copies.superfluous, std::back_inserter(changes.removed));
    std::ranges::copy(copies.missing, std::back_inserter(changes.opened));
  }
  return publish(std::move(changes));
}

base::Status Catalog::remove_account(base::AccountId id) {
  const std::lock_guard lock(changing_);
  const Account* const known = snapshot_->find_account(id);
  if (known == nullptr) return not_found("account", id.to_string());
  TRY_STATUS(check_not_deleted(*known));
  TRY_STATUS(check_no_limiter(id));
  const auto is_below = [&](const Account& one) { return one.parent == id && one.status != AccountStatus::deleted; };
  if (const auto count = std::ranges::count_if(snapshot_->accounts(), is_below); count > 0)
    return base::fail(base::ErrorType::conflict,
                      fmt::format("'{}' has {} account{} below it: delete {} first", known->name, count,
                                  count == 1 ? "" : "s", count == 1 ? "it" : "them"),
                      {}, base::Source::client);

  Changes changes{.accounts = {*known}};
  changes.accounts.front().status = AccountStatus::deleted;
  changes.accounts.front().external_id.clear();
  changes.accounts.front().monthly_fee.reset();
  for (const Key& key : snapshot_->keys()) {
    if (key.account != id || key.status == KeyStatus::revoked) continue;
    changes.keys.push_back(key);
    changes.keys.back().status = KeyStatus::revoked;
  }
  return publish_with_copies(std::move(changes), id);
}

base::Status Catalog::reload_grants(std::optional<base::AccountId> account) {
  const std::lock_guard lock(changing_);
  TRY(const std::vector<Grant> grants, store_.load_grants(account));
  Changed changed;
  TRY(auto next, snapshot_->with_grants(grants, account, changed.accounts));
  adopt(std::move(next), changed);
  return {};
}

}  // namespace catalog
