// catalog::Store on SQLite.
#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "store/sqlite/enum_text.h"
#include "store/sqlite/fees.h"
#include "store/sqlite/key_extras.h"
#include "store/sqlite/limiters.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/transfers.h"

namespace store {
namespace {

using sqlite::enum_from;
using sqlite::Rows;

base::Status take_account(Rows& rows, catalog::Account& account) {
  account.id = rows.take_id<base::AccountId>();
  if (const auto parent = rows.take_id<base::AccountId>(); !parent.is_nil()) account.parent = parent;
  account.name = rows.take_text();
  account.external_id = rows.take_text();
  TRY(account.status, enum_from(rows.borrow_text(), catalog::AccountStatus::deleted, "accounts.status"));
  account.created = rows.take_time();
  account.credit_only = rows.take_flag();
  account.markup = {rows.take_integer()};
  account.top_up_fee = {rows.take_integer()};
  TRY(account.monthly_fee, sqlite::take_fee(rows));
  account.book = catalog::BookName::of(rows.borrow_text());
  return {};
}

base::Status take_key(Rows& rows, catalog::Key& key) {
  key.id = rows.take_id<base::KeyId>();
  key.account = rows.take_id<base::AccountId>();
  key.name = rows.take_text();
  key.hash = rows.take_digest();
  key.hint = rows.take_text();
  TRY(key.role, enum_from(rows.borrow_text(), catalog::KeyRole::admin, "keys.role"));
  TRY(key.status, enum_from(rows.borrow_text(), catalog::KeyStatus::revoked, "keys.status"));
  key.created = rows.take_time();
  if (const auto expires = rows.take_optional_integer()) key.expires = base::WallTime{*expires};
  key.tags = rows.take_text();
  return {};
}

// Nothing else will do: in another zone the same amount would count from another midnight.
base::Result<base::WindowPolicy> window_from(std::string_view text, std::string_view time_zone, base::LimitId limit) {
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

// Limits that follow each other are mostly of one unit and window: what was read last is not read again.
class Terms {
 public:
  base::Status take(Rows& rows, catalog::Limit& limit) {
    const std::string_view unit = rows.borrow_text(), window = rows.borrow_text(), zone = rows.borrow_text();
    if (!known_ || unit != unit_text_ || window != window_text_ || zone != zone_text_) {
      known_ = false;
      const auto read = catalog::unit_from(unit);
      if (!read)
        return base::fail(base::ErrorType::unavailable,
                          fmt::format("the limit {}: {}", limit.id.to_string(), read.error().message), {},
                          base::Source::store);
      unit_ = *read;
      TRY(window_, window_from(window, zone, limit.id));
      unit_text_ = unit;
      window_text_ = window;
      zone_text_ = zone;
      known_ = true;
    }
    limit.unit = unit_;
    limit.window = window_;
    return {};
  }

 private:
  bool known_ = false;
  std::string unit_text_, window_text_, zone_text_;
  catalog::Unit unit_;
  base::WindowPolicy window_;
};

base::Status take_limit(Rows& rows, Terms& terms, catalog::Limit& limit) {
  limit.id = rows.take_id<base::LimitId>();
  const auto account = rows.take_id<base::AccountId>();
  const auto key = rows.take_id<base::KeyId>();
  limit.subject = account.is_nil() ? catalog::LimitSubject(key) : catalog::LimitSubject(account);
  limit.name = rows.take_text();
  TRY_STATUS(terms.take(rows, limit));
  limit.amount = rows.take_integer();
  limit.refusal_status = static_cast<int>(rows.take_integer());
  limit.clamp = rows.take_flag() ? catalog::Clamp::on : catalog::Clamp::off;
  limit.filter.model = rows.take_text();
  limit.filter.route = rows.take_text();
  limit.filter.tag = rows.take_text();
  TRY(limit.mode, enum_from(rows.borrow_text(), catalog::LimitMode::shadow, "limits.mode"));
  TRY(limit.admission, enum_from(rows.borrow_text(), catalog::LimitAdmission::lazy, "limits.admission"));
  const auto raise_amount = rows.take_optional_integer();
  const auto raise_until = rows.take_optional_integer();
  if (raise_amount && raise_until) limit.raise = catalog::Raise{*raise_amount, {*raise_until}};
  auto thresholds = catalog::parse_thresholds(rows.borrow_text());
  if (!thresholds)
    return base::fail(base::ErrorType::unavailable,
                      fmt::format("the limit {}: {}", limit.id.to_string(), thresholds.error().message), {},
                      base::Source::store);
  limit.thresholds = std::move(*thresholds);
  limit.created = rows.take_time();
  if (const auto from = rows.take_id<base::LimitId>(); !from.is_nil()) limit.from_template = from;
  return {};
}

base::Status take_template(Rows& rows, catalog::LimitTemplate& one) {
  Terms terms;
  TRY_STATUS(take_limit(rows, terms, one.terms));
  one.terms.subject = base::AccountId{};
  if (const auto below = rows.take_id<base::AccountId>(); !below.is_nil()) one.scope.below = below;
  one.scope.level = static_cast<int>(rows.take_integer());
  return {};
}

base::Status nothing_to_remove(std::string_view what, base::LimitId id) {
  return base::fail(base::ErrorType::not_found, fmt::format("there is no {} {}", what, id.to_string()), {},
                    base::Source::client);
}

// As take_limit takes them.
#define LIMIT_COLUMNS                                                                                         \
  "id, account_id, key_id, name, unit, time_window, time_zone, amount, refusal_status, clamp, "               \
  "model_filter, route_filter, tag_filter, mode, admission, raise_amount, raise_until, thresholds, created, " \
  "template_id"

template <class List, class Take>
base::Result<List> take_all(base::Result<Rows> query, Take take) {
  TRY(Rows rows, std::move(query));
  List values;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return values;
    TRY_STATUS(take(rows, values.emplace_back()));
  }
}

base::Result<catalog::Table<catalog::Account>> read_accounts(sqlite::Database& database) {
  return take_all<catalog::Table<catalog::Account>>(
      database.query("SELECT id, parent_id, name, external_id, status, created, credit_only, markup, top_up_fee, "
                     "monthly_fee, fee_day, fee_zone, fee_since, book FROM accounts ORDER BY id"),
      take_account);
}

base::Result<catalog::Table<catalog::Key>> read_keys(sqlite::Database& database) {
  TRY(auto extras, sqlite::read_key_extras(database));
  return take_all<catalog::Table<catalog::Key>>(
      database.query("SELECT id, account_id, name, hash, hint, role, status, created, expires, tags FROM keys "
                     "ORDER BY id"),
      [&extras](Rows& rows, catalog::Key& key) -> base::Status {
        TRY_STATUS(take_key(rows, key));
        if (extras.empty()) return {};
        if (const auto own = extras.find(key.id); own != extras.end()) key.set_extras(std::move(own->second));
        return {};
      });
}

base::Result<catalog::Table<catalog::Limit>> read_limits(sqlite::Database& database) {
  return take_all<catalog::Table<catalog::Limit>>(
      database.query("SELECT " LIMIT_COLUMNS " FROM limits WHERE removed_at IS NULL ORDER BY id"),
      [terms = Terms()](Rows& rows, catalog::Limit& limit) mutable { return take_limit(rows, terms, limit); });
}

}  // namespace

// With a million of each, the limits alone are half of the work: they are read beside the rest, through a connection of
// their own, for usage queries may hold the reader for long. Nothing is written meanwhile, so both see the same moment.
base::Result<catalog::Contents> SqliteStore::load() {
  const std::lock_guard lock(writer_mutex_);
  catalog::Contents contents;
  auto limits = std::async(std::launch::async, [this]() -> base::Result<catalog::Table<catalog::Limit>> {
    TRY(auto beside, sqlite::Database::open(writer_.path(), sqlite::Database::Access::read_only));
    return read_limits(beside);
  });
  auto accounts = read_accounts(writer_);
  auto keys = read_keys(writer_);
  TRY(contents.limits, limits.get());
  TRY(contents.accounts, std::move(accounts));
  TRY(contents.keys, std::move(keys));
  TRY(contents.templates,
      take_all<std::vector<catalog::LimitTemplate>>(
          writer_.query("SELECT id, NULL, NULL, name, unit, time_window, time_zone, amount, refusal_status, clamp, "
                        "model_filter, route_filter, tag_filter, mode, admission, NULL, NULL, thresholds, "
                        "created, NULL, below_id, level FROM limit_templates ORDER BY id"),
          take_template));
  TRY(contents.limiters, sqlite::read_limiters(writer_));
  TRY(contents.grants, sqlite::live_grants(writer_, {}));
  return contents;
}

base::Result<std::vector<catalog::Grant>> SqliteStore::load_grants(std::optional<base::AccountId> account) {
  const std::lock_guard lock(writer_mutex_);
  return sqlite::live_grants(writer_, account.value_or(base::AccountId{}));
}

base::Result<const std::map<base::LimitId, catalog::Limit>*> SqliteStore::watched_limits() {
  if (!watched_) {
    TRY(auto limits,
        take_all<std::vector<catalog::Limit>>(
            writer_.query("SELECT " LIMIT_COLUMNS " FROM limits WHERE removed_at IS NULL AND thresholds <> ''"),
            [terms = Terms()](Rows& rows, catalog::Limit& limit) mutable { return take_limit(rows, terms, limit); }));
    watched_.emplace();
    for (catalog::Limit& limit : limits) watched_->emplace(limit.id, std::move(limit));
  }
  return &*watched_;
}

base::Status SqliteStore::apply(const catalog::Changes& changes, base::WallTime now) {
  const std::lock_guard lock(writer_mutex_);
  if (watched_) watch(changes);
  base::Status status = apply_all(changes, now);
  if (!status) watched_.reset();
  return status;
}

void SqliteStore::watch(const catalog::Changes& changes) {
  for (const base::LimitId id : changes.removed) watched_->erase(id);
  for (const std::vector<catalog::Limit>* const limits : {&changes.limits, &changes.opened})
    for (const catalog::Limit& limit : *limits) {
      if (limit.thresholds.empty())
        watched_->erase(limit.id);
      else
        watched_->insert_or_assign(limit.id, limit);
    }
}

base::Status SqliteStore::apply_all(const catalog::Changes& changes, base::WallTime now) {
  TRY(auto transaction, sqlite::Transaction::begin(writer_));
  if (!changes.opened.empty() && incarnation_ > 0) TRY_STATUS(check_incarnation());  // 0: a command has the folder
  for (const catalog::Account& account : changes.accounts) TRY_STATUS(write(account, now));
  for (const catalog::Key& key : changes.keys) TRY_STATUS(write(key));
  for (const catalog::LimitTemplate& one : changes.templates) TRY_STATUS(write(one));
  for (const base::LimitId id : changes.removed_templates) TRY_STATUS(remove_template(id));
  for (const base::LimitId id : changes.removed) TRY_STATUS(remove_limit(id, now));
  for (const catalog::Limit& limit : changes.limits) TRY_STATUS(write(limit));
  for (const catalog::Limiter& limiter : changes.limiters) TRY_STATUS(sqlite::write_limiter(writer_, limiter));
  Opened opened;
  const bool opens = !changes.opened.empty();
  if (opens) {
    TRY(opened, open_all(changes, now));
  }
  TRY_STATUS(transaction.commit());
  if (!opens) return {};
  ++commits_;
  usage_tail_ = std::move(opened.usage_tail);
  count(opened.crossings);
  return {};
}

base::Status SqliteStore::write(const catalog::Account& account, base::WallTime now) {
  TRY_STATUS(
      writer_.run("INSERT INTO account_moves (account_id, parent_id, at, until) SELECT id, parent_id, ?3, "
                  "max(?3, (SELECT coalesce(max(last_started), ?3) FROM usage_segments)) "
                  "FROM accounts WHERE id = ?1 AND parent_id IS NOT ?2",
                  account.id, account.parent, now));
  const catalog::MonthlyFee fee = account.monthly_fee.value_or(catalog::MonthlyFee{});
  TRY_STATUS(writer_.run(
      "INSERT INTO accounts (id, parent_id, name, external_id, status, created, credit_only, markup, top_up_fee, "
      "monthly_fee, fee_day, fee_zone, fee_since, book) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (id) DO UPDATE SET "
      "parent_id = ?2, name = ?3, external_id = ?4, status = ?5, created = ?6, credit_only = ?7, markup = ?8, "
      "top_up_fee = ?9, monthly_fee = ?10, fee_day = ?11, fee_zone = ?12, fee_since = ?13, book = ?14",
      account.id, account.parent, account.name, account.external_id, to_string(account.status), account.created,
      account.credit_only, account.markup.value, account.top_up_fee.value, fee.amount, fee.day, fee.zone.name(),
      fee.since, account.book.text()));
  return {};
}

base::Status SqliteStore::write(const catalog::Key& key) {
  TRY_STATUS(
      writer_.run("INSERT INTO keys (id, account_id, name, hash, hint, role, status, created, expires, tags) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO UPDATE SET "
                  "account_id = ?2, name = ?3, hash = ?4, hint = ?5, role = ?6, status = ?7, created = ?8, "
                  "expires = ?9, tags = ?10",
                  key.id, key.account, key.name, key.hash, key.hint, to_string(key.role), to_string(key.status),
                  key.created, key.expires, key.tags));
  return sqlite::write_key_extras(writer_, key);
}

base::Status SqliteStore::write(const catalog::Limit& limit) {
  const auto* const account = std::get_if<base::AccountId>(&limit.subject);
  const auto* const key = std::get_if<base::KeyId>(&limit.subject);
  TRY_STATUS(
      writer_.run("INSERT INTO limits (id, account_id, key_id, name, unit, time_window, amount, "
                  "refusal_status, clamp, created, time_zone, model_filter, route_filter, mode, admission, "
                  "raise_amount, raise_until, thresholds, tag_filter, template_id) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) "
                  "ON CONFLICT (id) DO UPDATE SET "
                  "account_id = ?2, key_id = ?3, name = ?4, unit = ?5, time_window = ?6, amount = ?7, "
                  "refusal_status = ?8, clamp = ?9, created = ?10, time_zone = ?11, model_filter = ?12, "
                  "route_filter = ?13, mode = ?14, admission = ?15, raise_amount = ?16, raise_until = ?17, "
                  "thresholds = ?18, tag_filter = ?19, template_id = ?20, removed_at = NULL",
                  limit.id, account != nullptr ? *account : base::AccountId{}, key != nullptr ? *key : base::KeyId{},
                  limit.name, to_string(limit.unit), to_string(limit.window), limit.amount, limit.refusal_status,
                  limit.clamp == catalog::Clamp::on, limit.created, limit.window.zone.name(), limit.filter.model,
                  limit.filter.route, to_string(limit.mode), to_string(limit.admission),
                  limit.raise ? std::optional(limit.raise->amount) : std::nullopt,
                  limit.raise ? std::optional(limit.raise->until) : std::nullopt, to_string(limit.thresholds),
                  limit.filter.tag, limit.from_template.value_or(base::LimitId{})));
  return {};
}

base::Status SqliteStore::write(const catalog::LimitTemplate& one) {
  const catalog::Limit& terms = one.terms;
  TRY_STATUS(writer_.run(
      "INSERT INTO limit_templates (id, below_id, level, name, unit, time_window, time_zone, amount, refusal_status, "
      "clamp, model_filter, route_filter, tag_filter, mode, admission, thresholds, created) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) "
      "ON CONFLICT (id) DO UPDATE SET below_id = ?2, level = ?3, name = ?4, unit = ?5, time_window = ?6, "
      "time_zone = ?7, amount = ?8, refusal_status = ?9, clamp = ?10, model_filter = ?11, route_filter = ?12, "
      "tag_filter = ?13, mode = ?14, admission = ?15, thresholds = ?16, created = ?17",
      terms.id, one.scope.below.value_or(base::AccountId{}), one.scope.level, terms.name, to_string(terms.unit),
      to_string(terms.window), terms.window.zone.name(), terms.amount, terms.refusal_status,
      terms.clamp == catalog::Clamp::on, terms.filter.model, terms.filter.route, terms.filter.tag,
      to_string(terms.mode), to_string(terms.admission), to_string(terms.thresholds), terms.created));
  return {};
}

base::Status SqliteStore::remove_template(base::LimitId id) {
  TRY(const std::int64_t removed, writer_.run("DELETE FROM limit_templates WHERE id = ?", id));
  return removed > 0 ? base::Status{} : nothing_to_remove("template", id);
}

base::Status SqliteStore::remove_limit(base::LimitId id, base::WallTime now) {
  TRY(const std::int64_t removed,
      writer_.run("UPDATE limits SET removed_at = ?2 WHERE id = ?1 AND removed_at IS NULL", id, now));
  return removed > 0 ? base::Status{} : nothing_to_remove("limit", id);
}

}  // namespace store
