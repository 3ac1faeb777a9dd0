// catalog::Store on SQLite.
#include <fmt/format.h>

#include <algorithm>

#include "store/sqlite/enum_text.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/transfers.h"

namespace store {
namespace {

using sqlite::enum_from;
using sqlite::Rows;

base::Result<catalog::Account> take_account(Rows& rows) {
  catalog::Account account;
  account.id = rows.take_id<base::AccountId>();
  if (const auto parent = rows.take_id<base::AccountId>(); !parent.is_nil()) account.parent = parent;
  account.name = rows.take_text();
  account.external_id = rows.take_text();
  TRY(account.status, enum_from(rows.take_text(), catalog::AccountStatus::suspended, "accounts.status"));
  account.created = rows.take_time();
  account.credit_only = rows.take_flag();
  account.markup = {rows.take_integer()};
  account.top_up_fee = {rows.take_integer()};
  return account;
}

base::Result<catalog::Key> take_key(Rows& rows) {
  catalog::Key key;
  key.id = rows.take_id<base::KeyId>();
  key.account = rows.take_id<base::AccountId>();
  key.name = rows.take_text();
  key.hash = rows.take_digest();
  key.hint = rows.take_text();
  TRY(key.role, enum_from(rows.take_text(), catalog::KeyRole::admin, "keys.role"));
  TRY(key.status, enum_from(rows.take_text(), catalog::KeyStatus::revoked, "keys.status"));
  key.created = rows.take_time();
  if (const auto expires = rows.take_optional_integer()) key.expires = base::WallTime{*expires};
  key.tags = rows.take_text();
  return key;
}

// Nothing else will do: in another zone the same amount would count from another midnight.
base::Result<base::WindowPolicy> window_from(const std::string& text, const std::string& time_zone,
                                             base::LimitId limit) {
  const auto unusable = [&](const base::Error& error) {
    return base::fail(
        base::ErrorType::unavailable,
        fmt::format("the limit {} counts per {} in {}: {}", limit.to_string(), text, time_zone, error.message), {},
        base::Source::store);
  };
  const auto zone = base::TimeZone::find(time_zone);
  if (!zone) return unusable(zone.error());
  const auto window = base::parse_window(text, *zone);
  if (!window) return unusable(window.error());
  return *window;
}

base::Result<catalog::Limit> take_limit(Rows& rows) {
  catalog::Limit limit;
  limit.id = rows.take_id<base::LimitId>();
  const auto account = rows.take_id<base::AccountId>();
  const auto key = rows.take_id<base::KeyId>();
  limit.subject = account.is_nil() ? catalog::LimitSubject(key) : catalog::LimitSubject(account);
  limit.name = rows.take_text();
  TRY(limit.unit, enum_from(rows.take_text(), catalog::LimitUnit::output_tokens, "limits.unit"));
  const std::string window = rows.take_text();
  TRY(limit.window, window_from(window, rows.take_text(), limit.id));
  limit.amount = rows.take_integer();
  limit.refusal_status = static_cast<int>(rows.take_integer());
  limit.clamp = rows.take_flag() ? catalog::Clamp::on : catalog::Clamp::off;
  limit.filter.model = rows.take_text();
  limit.filter.route = rows.take_text();
  limit.filter.tag = rows.take_text();
  TRY(limit.mode, enum_from(rows.take_text(), catalog::LimitMode::shadow, "limits.mode"));
  TRY(limit.admission, enum_from(rows.take_text(), catalog::LimitAdmission::lazy, "limits.admission"));
  const auto raise_amount = rows.take_optional_integer();
  const auto raise_until = rows.take_optional_integer();
  if (raise_amount && raise_until) limit.raise = catalog::Raise{*raise_amount, {*raise_until}};
  auto thresholds = catalog::parse_thresholds(rows.take_text());
  if (!thresholds)
    return base::fail(base::ErrorType::unavailable,
                      fmt::format("the limit {}: {}", limit.id.to_string(), thresholds.error().message), {},
                      base::Source::store);
  limit.thresholds = std::move(*thresholds);
  limit.created = rows.take_time();
  return limit;
}

// As take_limit takes them.
#define LIMIT_COLUMNS                                                                           \
  "id, account_id, key_id, name, unit, time_window, time_zone, amount, refusal_status, clamp, " \
  "model_filter, route_filter, tag_filter, mode, admission, raise_amount, raise_until, thresholds, created"

template <class T>
base::Result<std::vector<T>> take_all(base::Result<Rows> query, base::Result<T> (*take)(Rows&)) {
  TRY(Rows rows, std::move(query));
  std::vector<T> values;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return values;
    TRY(T value, take(rows));
    values.push_back(std::move(value));
  }
}

}  // namespace

base::Result<catalog::Contents> SqliteStore::load() {
  const std::lock_guard lock(writer_mutex_);
  catalog::Contents contents;
  TRY(contents.accounts,
      take_all(writer_.query("SELECT id, parent_id, name, external_id, status, created, credit_only, markup, "
                             "top_up_fee FROM accounts ORDER BY id"),
               take_account));
  TRY(contents.keys, take_all(writer_.query("SELECT id, account_id, name, hash, hint, role, status, created, expires, "
                                            "tags FROM keys ORDER BY id"),
                              take_key));
  TRY(contents.limits,
      take_all(writer_.query("SELECT " LIMIT_COLUMNS " FROM limits WHERE removed_at IS NULL ORDER BY id"), take_limit));
  TRY(const auto book, sqlite::read_book(writer_, {}));
  for (const ledger::GrantState& state : book)
    if (ledger::is_live(state)) contents.grants.push_back(state.grant);
  std::ranges::sort(contents.grants, {}, &catalog::Grant::id);
  return contents;
}

base::Result<const std::map<base::LimitId, catalog::Limit>*> SqliteStore::watched_limits() {
  if (!watched_) {
    TRY(auto limits,
        take_all(writer_.query("SELECT " LIMIT_COLUMNS " FROM limits WHERE removed_at IS NULL AND thresholds <> ''"),
                 take_limit));
    watched_.emplace();
    for (catalog::Limit& limit : limits) watched_->emplace(limit.id, std::move(limit));
  }
  return &*watched_;
}

base::Status SqliteStore::put(const catalog::Account& account) {
  const std::lock_guard lock(writer_mutex_);
  TRY_STATUS(writer_.run(
      "INSERT INTO accounts (id, parent_id, name, external_id, status, created, credit_only, markup, top_up_fee) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO UPDATE SET "
      "parent_id = ?2, name = ?3, external_id = ?4, status = ?5, created = ?6, credit_only = ?7, markup = ?8, "
      "top_up_fee = ?9",
      account.id, account.parent, account.name, account.external_id, to_string(account.status), account.created,
      account.credit_only, account.markup.value, account.top_up_fee.value));
  return {};
}

base::Status SqliteStore::put(const catalog::Key& key) {
  const std::lock_guard lock(writer_mutex_);
  TRY_STATUS(
      writer_.run("INSERT INTO keys (id, account_id, name, hash, hint, role, status, created, expires, tags) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO UPDATE SET "
                  "account_id = ?2, name = ?3, hash = ?4, hint = ?5, role = ?6, status = ?7, created = ?8, "
                  "expires = ?9, tags = ?10",
                  key.id, key.account, key.name, key.hash, key.hint, to_string(key.role), to_string(key.status),
                  key.created, key.expires, key.tags));
  return {};
}

base::Status SqliteStore::put(const catalog::Limit& limit) {
  const std::lock_guard lock(writer_mutex_);
  return write(limit);
}

base::Status SqliteStore::write(const catalog::Limit& limit) {
  watched_.reset();
  const auto* const account = std::get_if<base::AccountId>(&limit.subject);
  const auto* const key = std::get_if<base::KeyId>(&limit.subject);
  TRY_STATUS(writer_.run(
      "INSERT INTO limits (id, account_id, key_id, name, unit, time_window, amount, "
      "refusal_status, clamp, created, time_zone, model_filter, route_filter, mode, admission, "
      "raise_amount, raise_until, thresholds, tag_filter) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) "
      "ON CONFLICT (id) DO UPDATE SET "
      "account_id = ?2, key_id = ?3, name = ?4, unit = ?5, time_window = ?6, amount = ?7, "
      "refusal_status = ?8, clamp = ?9, created = ?10, time_zone = ?11, model_filter = ?12, "
      "route_filter = ?13, mode = ?14, admission = ?15, raise_amount = ?16, raise_until = ?17, "
      "thresholds = ?18, tag_filter = ?19, removed_at = NULL",
      limit.id, account != nullptr ? *account : base::AccountId{}, key != nullptr ? *key : base::KeyId{}, limit.name,
      to_string(limit.unit), to_string(limit.window), limit.amount, limit.refusal_status,
      limit.clamp == catalog::Clamp::on, limit.created, limit.window.zone.name(), limit.filter.model,
      limit.filter.route, to_string(limit.mode), to_string(limit.admission),
      limit.raise ? std::optional(limit.raise->amount) : std::nullopt,
      limit.raise ? std::optional(limit.raise->until) : std::nullopt, to_string(limit.thresholds), limit.filter.tag));
  return {};
}

base::Status SqliteStore::remove(base::LimitId limit, base::WallTime now) {
  const std::lock_guard lock(writer_mutex_);
  watched_.reset();
  TRY(const std::int64_t removed,
      writer_.run("UPDATE limits SET removed_at = ?2 WHERE id = ?1 AND removed_at IS NULL", limit, now));
  if (removed == 0)
    return base::fail(base::ErrorType::not_found, fmt::format("there is no limit {}", limit.to_string()), {},
                      base::Source::client);
  return {};
}

}  // namespace store
