// The catalog's limits and templates.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "base/rfc3339.h"
#include "catalog/catalog.h"
#include "catalog/checks.h"

namespace catalog {
namespace {

base::Status check_refusal_status(int status) {
  if (status == 402 || status == 429) return {};
  return base::invalid(fmt::format("refusal_status is {}; it is 402 or 429", status), "refusal_status");
}

base::Status check_amount(std::int64_t amount) {
  if (amount >= 0) return {};
  return base::invalid("amount is negative; a limit is zero or more", "amount");
}

base::Status check_subject(const Snapshot& snapshot, const LimitSubject& subject) {
  if (const auto* const account = std::get_if<base::AccountId>(&subject))
    return check_account(snapshot, *account, "subject");
  const auto entry = snapshot.find_key(std::get<base::KeyId>(subject));
  if (!entry)
    return base::invalid(fmt::format("there is no key {}", std::get<base::KeyId>(subject).to_string()), "subject");
  if (entry->account != nullptr) TRY_STATUS(check_not_deleted(*entry->account, "subject"));
  if (entry->key->role == KeyRole::admin)
    return base::invalid("an admin key spends nothing; put the limit on a data key or an account", "subject");
  return {};
}

base::Status check_edit(LimitEdit& edit) {
  if (edit.name) TRY_STATUS(check_text(*edit.name, 1, "name"));
  if (edit.amount) TRY_STATUS(check_amount(*edit.amount));
  if (edit.refusal_status) TRY_STATUS(check_refusal_status(*edit.refusal_status));
  if (edit.thresholds) TRY_STATUS(check_thresholds(*edit.thresholds));
  return {};
}

base::Status check_own(const Limit& limit) {
  if (!limit.from_template) return {};
  return base::fail(base::ErrorType::conflict,
                    fmt::format("limit {} comes from the template {}: change the template, or give the account a limit "
                                "of its own, which takes its place",
                                limit.id.to_string(), limit.from_template->to_string()),
                    {}, base::Source::client);
}

// So many come into force in one transaction, and are taken on by all calls under way in one go: both are short.
constexpr std::size_t copies_at_once = 128;

}  // namespace

void Catalog::change(Limit& limit, const LimitEdit& edit) {
  // A name that was never chosen says the amount: it follows the amount.
  const bool named_by_default = limit.name == default_name(limit);
  limit.amount = edit.amount.value_or(limit.amount);
  limit.refusal_status = edit.refusal_status.value_or(limit.refusal_status);
  limit.clamp = edit.clamp.value_or(limit.clamp);
  limit.mode = edit.mode.value_or(limit.mode);
  limit.admission = edit.admission.value_or(limit.admission);
  if (edit.thresholds) limit.thresholds = *edit.thresholds;
  if (edit.name)
    limit.name = *edit.name;
  else if (named_by_default)
    limit.name = default_name(limit);
}

base::Result<Limit> Catalog::limit_of(const NewLimit& wanted) {
  TRY_STATUS(check_text(wanted.name, 0, "name"));
  TRY_STATUS(check_amount(wanted.amount));
  TRY_STATUS(check_refusal_status(wanted.refusal_status));
  TRY_STATUS(check_filter(wanted.filter));
  const base::WallTime now = clock_.wall_now();
  Limit limit{.id = base::LimitId::create(now, random_),
              .subject = wanted.subject,
              .name = wanted.name,
              .unit = wanted.unit,
              .window = wanted.window,
              .amount = wanted.amount,
              .refusal_status = wanted.refusal_status,
              .clamp = wanted.clamp,
              .filter = wanted.filter,
              .mode = wanted.mode,
              .admission = wanted.admission,
              .thresholds = wanted.thresholds,
              .created = now};
  TRY_STATUS(check_thresholds(limit.thresholds));
  if (limit.name.empty()) limit.name = default_name(limit);
  return limit;
}

base::Result<Limit> Catalog::create_limit(const NewLimit& wanted) {
  TRY(const Limit limit, limit_of(wanted));
  const std::lock_guard lock(changing_);
  TRY_STATUS(check_subject(*snapshot_, wanted.subject));
  TRY_STATUS(publish_limits({.opened = {limit}}, limit));
  return limit;
}

base::Result<Limit> Catalog::edit_limit(base::LimitId id, const LimitEdit& wanted) {
  LimitEdit edit = wanted;
  TRY_STATUS(check_edit(edit));
  const std::lock_guard lock(changing_);
  const Limit* const known = snapshot_->find_limit(id);
  if (known == nullptr) return not_found("limit", id.to_string());
  TRY_STATUS(check_own(*known));
  Limit changed = *known;
  change(changed, edit);
  TRY_STATUS(publish_limits({.limits = {changed}}, changed));
  return changed;
}

base::Result<Limit> Catalog::raise_limit(base::LimitId id, const std::optional<Raise>& raise) {
  const std::lock_guard lock(changing_);
  const Limit* const limit = snapshot_->find_limit(id);
  if (limit == nullptr) return not_found("limit", id.to_string());
  if (raise && raise->amount <= limit->amount)
    return base::invalid(fmt::format("a raise to {} is none: the limit's amount is {}",
                                     amount_text(limit->unit, raise->amount), amount_text(limit->unit, limit->amount)),
                         "amount");
  if (raise && raise->until <= clock_.wall_now())
    return base::invalid(fmt::format("until is {}, which is past", base::to_rfc3339(raise->until)), "until");

  Limit changed = *limit;
  changed.raise = raise;
  TRY_STATUS(publish({.limits = {changed}}));
  return changed;
}

base::Status Catalog::remove_limit(base::LimitId id) {
  const std::lock_guard lock(changing_);
  const Limit* const limit = snapshot_->find_limit(id);
  if (limit == nullptr) return not_found("limit", id.to_string());
  TRY_STATUS(check_own(*limit));
  TRY_STATUS(check_not_of_limiter(*limit));
  return publish_limits({.removed = {id}}, *limit);
}

base::Status Catalog::publish_limits(Changes changes, const Limit& of) {
  const auto* const account = std::get_if<base::AccountId>(&of.subject);
  if (account == nullptr) return publish(std::move(changes));
  return publish_with_copies(std::move(changes), *account);
}

base::Status Catalog::publish_with_copies(Changes changes, base::AccountId account) {
  TRY(const auto with_it, snapshot_->with(changes));
  const CopyChanges copies = changes_of_copies(*with_it, account, clock_.wall_now());
  std::ranges::copy(copies.superfluous, std::back_inserter(changes.removed));
  // Nobody has spent anything yet of an account that is new.
  auto& put = snapshot_->find_account(account) == nullptr ? changes.limits : changes.opened;
  std::ranges::copy(copies.missing, std::back_inserter(put));
  return publish(std::move(changes));
}

base::Status Catalog::complete_copies() {
  const std::vector<Limit> missing = changes_of_copies(*snapshot_, {}, clock_.wall_now()).missing;
  for (std::span<const Limit> left = missing; !left.empty();) {
    const auto now = left.first(std::min(left.size(), copies_at_once));
    left = left.subspan(now.size());
    TRY_STATUS(publish({.opened = {now.begin(), now.end()}}));
  }
  return {};
}

base::Result<LimitTemplate> Catalog::create_template(const NewLimit& terms, const TemplateScope& scope) {
  if (scope.level < 1 || scope.level > template_level_max)
    return base::invalid(fmt::format("level is {}; it is 1 to {}", scope.level, template_level_max), "level");
  LimitTemplate made{.terms = {}, .scope = scope};
  TRY(made.terms, limit_of(terms));
  made.terms.subject = base::AccountId{};
  const std::lock_guard lock(changing_);
  if (scope.below) TRY_STATUS(check_account(*snapshot_, *scope.below, "account"));
  TRY_STATUS(publish({.templates = {made}}));
  auto completed = complete_copies();
  if (completed) return made;
  base::Error error = std::move(completed).error();
  if (!remove_template_now(made.terms.id))
    error = std::move(error).in(
        "the template was stored, but not all accounts have their copies; the next start makes "
        "those that are missing");
  return base::fail(std::move(error));
}

base::Result<LimitTemplate> Catalog::edit_template(base::LimitId id, const LimitEdit& wanted) {
  LimitEdit edit = wanted;
  TRY_STATUS(check_edit(edit));
  const std::lock_guard lock(changing_);
  const LimitTemplate* const known = snapshot_->find_template(id);
  if (known == nullptr) return not_found("template", id.to_string());
  LimitTemplate changed = *known;
  change(changed.terms, edit);
  Changes changes{.templates = {changed}};
  TRY(const auto with_it, snapshot_->with(changes));
  changes.limits = changes_of_copies(*with_it, {}, clock_.wall_now()).outdated;
  TRY_STATUS(publish(std::move(changes)));
  return changed;
}

base::Status Catalog::remove_template(base::LimitId id) {
  const std::lock_guard lock(changing_);
  return remove_template_now(id);
}

base::Status Catalog::remove_template_now(base::LimitId id) {
  if (snapshot_->find_template(id) == nullptr) return not_found("template", id.to_string());
  Changes changes{.removed_templates = {id}};
  for (const Limit& limit : snapshot_->limits())
    if (limit.from_template == id) changes.removed.push_back(limit.id);
  return publish(std::move(changes));
}

}  // namespace catalog
