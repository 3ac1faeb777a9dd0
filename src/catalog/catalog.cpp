#include "catalog/catalog.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/rfc3339.h"
#include "catalog/tags.h"

namespace catalog {
namespace {

constexpr std::size_t characters_max = 200;

// The number of characters in a text of valid UTF-8 without control characters; nullopt for any other text. Names end
// up in logs, pages and terminals, where a control character or a broken sequence does harm.
std::optional<std::size_t> count_characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x20 || lead == 0x7F || (lead >= 0x80 && lead < 0xC2) || lead > 0xF4) return std::nullopt;
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (at + length > text.size()) return std::nullopt;
    std::uint32_t code_point = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if ((next & 0xC0) != 0x80) return std::nullopt;
      code_point = code_point << 6 | (next & 0x3F);
    }
    const bool overlong = (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    const bool second_controls = code_point >= 0x80 && code_point < 0xA0;
    if (overlong || surrogate || second_controls || code_point > 0x10FFFF) return std::nullopt;
    at += length;
  }
  return count;
}

base::Status check_text(std::string_view text, std::size_t characters_min, std::string_view field) {
  const auto characters = count_characters(text);
  if (!characters)
    return base::invalid(fmt::format("{} holds a control character or is not UTF-8", field), std::string(field));
  if (*characters < characters_min || *characters > characters_max)
    return base::invalid(
        fmt::format("{} has {} characters; it takes {} to {}", field, *characters, characters_min, characters_max),
        std::string(field));
  return {};
}

base::Status check_refusal_status(int status) {
  if (status == 402 || status == 429) return {};
  return base::invalid(fmt::format("refusal_status is {}; it is 402 or 429", status), "refusal_status");
}

base::Status check_amount(std::int64_t amount) {
  if (amount >= 0) return {};
  return base::invalid("amount is negative; a limit is zero or more", "amount");
}

std::unexpected<base::Error> not_found(std::string_view what, const std::string& id) {
  return base::fail(base::ErrorType::not_found, fmt::format("there is no {} {}", what, id), {}, base::Source::client);
}

template <class T, class Id>
auto find_by_id(std::vector<T>& values, Id id) {
  return std::ranges::find_if(values, [&](const T& value) { return value.id == id; });
}

base::Status check_subject(const Snapshot& snapshot, const LimitSubject& subject) {
  if (const auto* const account = std::get_if<base::AccountId>(&subject)) {
    if (snapshot.find_account(*account) != nullptr) return {};
    return base::invalid(fmt::format("there is no account {}", account->to_string()), "subject");
  }
  const KeyEntry* const entry = snapshot.find_key(std::get<base::KeyId>(subject));
  if (entry == nullptr)
    return base::invalid(fmt::format("there is no key {}", std::get<base::KeyId>(subject).to_string()), "subject");
  if (entry->key.role == KeyRole::admin)
    return base::invalid("an admin key spends nothing; put the limit on a data key or an account", "subject");
  return {};
}

}  // namespace

base::Result<std::unique_ptr<Catalog>> Catalog::open(Store& store, const base::Clock& clock, base::Random& random) {
  TRY(Contents contents, store.load());
  TRY(auto snapshot, Snapshot::build(std::move(contents)));
  return std::unique_ptr<Catalog>(new Catalog(store, clock, random, std::move(snapshot)));
}

Catalog::Catalog(Store& store, const base::Clock& clock, base::Random& random, std::shared_ptr<const Snapshot> snapshot)
    : store_(store), clock_(clock), random_(random), snapshot_(std::move(snapshot)) {}

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

base::Status Catalog::publish(Contents changed, const std::function<base::Status()>& store_change) {
  TRY(auto snapshot, Snapshot::build(std::move(changed)));
  TRY_STATUS(store_change());
  {
    const std::lock_guard lock(publishing_);
    snapshot_ = snapshot;
  }
  if (listener_) listener_(std::move(snapshot));
  return {};
}

base::Result<Account> Catalog::create_account(const NewAccount& wanted) {
  TRY_STATUS(check_text(wanted.name, 1, "name"));
  TRY_STATUS(check_text(wanted.external_id, 0, "external_id"));

  const std::lock_guard lock(changing_);
  if (wanted.parent && snapshot_->find_account(*wanted.parent) == nullptr)
    return base::invalid(fmt::format("there is no account {}", wanted.parent->to_string()), "parent");
  Contents contents = snapshot_->contents();
  for (const Account& other : contents.accounts) {
    if (wanted.external_id.empty() || other.external_id != wanted.external_id) continue;
    return base::fail(base::ErrorType::conflict,
                      fmt::format("external_id '{}' is account {}", wanted.external_id, other.id.to_string()),
                      "external_id", base::Source::client);
  }

  const base::WallTime now = clock_.wall_now();
  const Account account{.id = base::AccountId::create(now, random_),
                        .parent = wanted.parent,
                        .name = wanted.name,
                        .external_id = wanted.external_id,
                        .status = AccountStatus::active,
                        .created = now};
  contents.accounts.push_back(account);
  TRY_STATUS(publish(std::move(contents), [&] { return store_.put(account); }));
  return account;
}

base::Result<Account> Catalog::set_account_status(base::AccountId id, AccountStatus status) {
  const std::lock_guard lock(changing_);
  Contents contents = snapshot_->contents();
  const auto account = find_by_id(contents.accounts, id);
  if (account == contents.accounts.end()) return not_found("account", id.to_string());
  if (account->status == status) return *account;

  account->status = status;
  const Account changed = *account;
  TRY_STATUS(publish(std::move(contents), [&] { return store_.put(changed); }));
  return changed;
}

base::Result<Account> Catalog::edit_account(base::AccountId id, const AccountEdit& edit) {
  const auto check_rate = [](const std::optional<base::BasisPoints>& rate, std::int64_t most,
                             std::string_view field) -> base::Status {
    if (!rate || (rate->value >= 0 && rate->value <= most)) return {};
    return base::invalid(
        fmt::format("'{}' is {}; it takes basis points from 0 to {}, 500 being 5 %", field, rate->value, most),
        std::string(field));
  };
  TRY_STATUS(check_rate(edit.markup, base::BasisPoints::most, "markup_bps"));
  TRY_STATUS(check_rate(edit.top_up_fee, base::BasisPoints::whole - 1, "top_up_fee_bps"));

  const std::lock_guard lock(changing_);
  Contents contents = snapshot_->contents();
  const auto account = find_by_id(contents.accounts, id);
  if (account == contents.accounts.end()) return not_found("account", id.to_string());
  account->credit_only = edit.credit_only.value_or(account->credit_only);
  account->markup = edit.markup.value_or(account->markup);
  account->top_up_fee = edit.top_up_fee.value_or(account->top_up_fee);
  const Account changed = *account;
  TRY_STATUS(publish(std::move(contents), [&] { return store_.put(changed); }));
  return changed;
}

base::Result<CreatedKey> Catalog::create_key(const NewKey& wanted) {
  TRY_STATUS(check_text(wanted.name, 1, "name"));
  const base::WallTime now = clock_.wall_now();
  if (wanted.expires && *wanted.expires <= now)
    return base::invalid(fmt::format("expires is {}, which is past", base::to_rfc3339(*wanted.expires)), "expires");
  TRY(const std::string tags, parse_tags(wanted.tags, "tags"));

  const std::lock_guard lock(changing_);
  if (wanted.role == KeyRole::admin && !wanted.account.is_nil())
    return base::invalid("an admin key belongs to no account", "account");
  if (wanted.role == KeyRole::admin && !tags.empty())
    return base::invalid("an admin key makes no calls; leave its tags out", "tags");
  if (wanted.role == KeyRole::data && snapshot_->find_account(wanted.account) == nullptr)
    return base::invalid(fmt::format("there is no account {}", wanted.account.to_string()), "account");

  CreatedKey created{.key = {}, .secret = new_secret(wanted.role, random_)};
  created.key = {.id = base::KeyId::create(now, random_),
                 .account = wanted.account,
                 .name = wanted.name,
                 .hash = base::sha256(created.secret),
                 .hint = hint_of(created.secret),
                 .role = wanted.role,
                 .status = KeyStatus::active,
                 .created = now,
                 .expires = wanted.expires,
                 .tags = tags};
  Contents contents = snapshot_->contents();
  contents.keys.push_back(created.key);
  TRY_STATUS(publish(std::move(contents), [&] { return store_.put(created.key); }));
  return created;
}

base::Result<Key> Catalog::revoke_key(base::KeyId id) {
  const std::lock_guard lock(changing_);
  Contents contents = snapshot_->contents();
  const auto key = find_by_id(contents.keys, id);
  if (key == contents.keys.end()) return not_found("key", id.to_string());
  if (key->status == KeyStatus::revoked) return *key;

  key->status = KeyStatus::revoked;
  const Key changed = *key;
  TRY_STATUS(publish(std::move(contents), [&] { return store_.put(changed); }));
  return changed;
}

base::Result<Limit> Catalog::create_limit(const NewLimit& wanted) {
  TRY_STATUS(check_text(wanted.name, 0, "name"));
  TRY_STATUS(check_amount(wanted.amount));
  TRY_STATUS(check_refusal_status(wanted.refusal_status));
  TRY_STATUS(check_filter(wanted.filter));
  Thresholds thresholds = wanted.thresholds;
  TRY_STATUS(check_thresholds(thresholds));

  const std::lock_guard lock(changing_);
  TRY_STATUS(check_subject(*snapshot_, wanted.subject));
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
              .thresholds = std::move(thresholds),
              .created = now};
  if (limit.name.empty()) limit.name = default_name(limit);
  Contents contents = snapshot_->contents();
  contents.limits.push_back(limit);
  TRY_STATUS(put_into_force(limit, std::move(contents)));
  return limit;
}

base::Status Catalog::put_into_force(const Limit& limit, Contents with_it) {
  TRY_STATUS(store_.look_ahead(limit, limit.created));
  const auto prepare_and_open = [&]() -> base::Status {
    if (preparer_ != nullptr) {
      TRY(const auto next, Snapshot::build(with_it));
      TRY_STATUS(preparer_->prepare(limit, next));
    }
    return store_.open(limit, limit.created);
  };
  base::Status status = publish(with_it, prepare_and_open);
  if (!status && preparer_ != nullptr) preparer_->abandon(limit.id, snapshot_);
  return status;
}

base::Result<Limit> Catalog::edit_limit(base::LimitId id, const LimitEdit& edit) {
  if (edit.name) TRY_STATUS(check_text(*edit.name, 1, "name"));
  if (edit.amount) TRY_STATUS(check_amount(*edit.amount));
  if (edit.refusal_status) TRY_STATUS(check_refusal_status(*edit.refusal_status));
  std::optional<Thresholds> thresholds = edit.thresholds;
  if (thresholds) TRY_STATUS(check_thresholds(*thresholds));

  const std::lock_guard lock(changing_);
  Contents contents = snapshot_->contents();
  const auto limit = find_by_id(contents.limits, id);
  if (limit == contents.limits.end()) return not_found("limit", id.to_string());

  // A name that was never chosen says the amount: it follows the amount.
  const bool named_by_default = limit->name == default_name(*limit);
  limit->amount = edit.amount.value_or(limit->amount);
  limit->refusal_status = edit.refusal_status.value_or(limit->refusal_status);
  limit->clamp = edit.clamp.value_or(limit->clamp);
  limit->mode = edit.mode.value_or(limit->mode);
  limit->admission = edit.admission.value_or(limit->admission);
  if (thresholds) limit->thresholds = std::move(*thresholds);
  if (edit.name)
    limit->name = *edit.name;
  else if (named_by_default)
    limit->name = default_name(*limit);
  const Limit changed = *limit;
  TRY_STATUS(publish(std::move(contents), [&] { return store_.put(changed); }));
  return changed;
}

base::Result<Limit> Catalog::raise_limit(base::LimitId id, const std::optional<Raise>& raise) {
  const std::lock_guard lock(changing_);
  Contents contents = snapshot_->contents();
  const auto limit = find_by_id(contents.limits, id);
  if (limit == contents.limits.end()) return not_found("limit", id.to_string());
  if (raise && raise->amount <= limit->amount)
    return base::invalid(fmt::format("a raise to {} is none: the limit's amount is {}",
                                     amount_text(limit->unit, raise->amount), amount_text(limit->unit, limit->amount)),
                         "amount");
  if (raise && raise->until <= clock_.wall_now())
    return base::invalid(fmt::format("until is {}, which is past", base::to_rfc3339(raise->until)), "until");

  limit->raise = raise;
  const Limit changed = *limit;
  TRY_STATUS(publish(std::move(contents), [&] { return store_.put(changed); }));
  return changed;
}

base::Status Catalog::remove_limit(base::LimitId id) {
  const std::lock_guard lock(changing_);
  Contents contents = snapshot_->contents();
  const auto limit = find_by_id(contents.limits, id);
  if (limit == contents.limits.end()) return not_found("limit", id.to_string());
  contents.limits.erase(limit);
  return publish(std::move(contents), [&] { return store_.remove(id, clock_.wall_now()); });
}

base::Status Catalog::reload_grants() {
  const std::lock_guard lock(changing_);
  TRY(Contents stored, store_.load());
  Contents contents = snapshot_->contents();
  contents.grants = std::move(stored.grants);
  return publish(std::move(contents), [] { return base::Status{}; });
}

}  // namespace catalog
