// identity::Store on SQLite. What is written is a statement, and a transaction, of its own.
#include <fmt/format.h>

#include "store/sqlite/enum_text.h"
#include "store/sqlite/sqlite_store.h"

namespace store {
namespace {

using identity::AuditEntry;
using identity::Session;
using identity::User;
using sqlite::enum_from;
using sqlite::Rows;

#define USER_COLUMNS "id, name, role, account_id, password, status, created, sessions_from, provider_subject"

base::Result<User> take_user(Rows& rows) {
  User user;
  user.id = rows.take_id<identity::UserId>();
  user.name = rows.take_text();
  TRY(user.role, enum_from(rows.borrow_text(), identity::Role::admin, "users.role"));
  if (const auto account = rows.take_id<base::AccountId>(); !account.is_nil()) user.account = account;
  user.password = rows.take_text();
  TRY(user.status, enum_from(rows.borrow_text(), identity::UserStatus::disabled, "users.status"));
  user.created = rows.take_time();
  user.sessions_from = rows.take_time();
  user.provider_subject = rows.take_text();
  return user;
}

base::Result<std::optional<User>> first_user(base::Result<Rows> query) {
  TRY(Rows rows, std::move(query));
  TRY(const bool found, rows.next());
  if (!found) return std::nullopt;
  TRY(auto user, take_user(rows));
  return std::optional(std::move(user));
}

base::Result<AuditEntry> take_entry(Rows& rows) {
  AuditEntry entry;
  entry.id = rows.take_id<identity::AuditId>();
  entry.at = rows.take_time();
  TRY(entry.actor.kind, enum_from(rows.borrow_text(), identity::ActorKind::nobody, "audit_log.actor_kind"));
  entry.actor.id = rows.take_text();
  entry.actor.name = rows.take_text();
  entry.actor.address = rows.take_text();
  entry.action = rows.take_text();
  entry.subject = rows.take_text();
  entry.asked = rows.take_text();
  entry.before = rows.take_text();
  entry.after = rows.take_text();
  entry.status = static_cast<int>(rows.take_integer());
  return entry;
}

}  // namespace

base::Result<std::vector<User>> SqliteStore::users() {
  const std::lock_guard lock(reader_mutex_);
  TRY(Rows rows, reader_.query("SELECT " USER_COLUMNS " FROM users ORDER BY id"));
  std::vector<User> found;
  for (;;) {
    TRY(const bool another, rows.next());
    if (!another) return found;
    TRY(auto user, take_user(rows));
    found.push_back(std::move(user));
  }
}

base::Result<std::optional<User>> SqliteStore::find_user(identity::UserId id) {
  const std::lock_guard lock(reader_mutex_);
  return first_user(reader_.query("SELECT " USER_COLUMNS " FROM users WHERE id = ?", id));
}

base::Result<std::optional<User>> SqliteStore::find_user_named(std::string_view name) {
  const std::lock_guard lock(reader_mutex_);
  return first_user(reader_.query("SELECT " USER_COLUMNS " FROM users WHERE name = ?", name));
}

base::Status SqliteStore::put_user(const User& user) {
  const std::lock_guard lock(writer_mutex_);
  TRY_STATUS(writer_.run("INSERT INTO users (" USER_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
                         "ON CONFLICT (id) DO UPDATE SET name = ?2, role = ?3, account_id = ?4, password = ?5, "
                         "status = ?6, created = ?7, sessions_from = ?8, provider_subject = ?9",
                         user.id, user.name, to_string(user.role), user.account, user.password, to_string(user.status),
                         user.created, user.sessions_from, user.provider_subject));
  return {};
}

base::Status SqliteStore::remove_user(identity::UserId id) {
  const std::lock_guard lock(writer_mutex_);
  TRY(const std::int64_t removed, writer_.run("DELETE FROM users WHERE id = ?", id));
  if (removed > 0) return {};
  return base::fail(base::ErrorType::not_found, fmt::format("there is no user {}", id.to_string()), {},
                    base::Source::client);
}

base::Status SqliteStore::open_session(const Session& session) {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto transaction, sqlite::Transaction::begin(writer_));
  TRY_STATUS(writer_.run("DELETE FROM sessions WHERE expires <= ?", session.created));
  TRY_STATUS(writer_.run("INSERT INTO sessions (id, user_id, admin_key, created, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
                         session.id, session.user, session.admin_key, session.created, session.expires));
  return transaction.commit();
}

base::Result<std::optional<Session>> SqliteStore::find_session(identity::SessionId id) {
  const std::lock_guard lock(reader_mutex_);
  TRY(Rows rows, reader_.query("SELECT user_id, admin_key IS NULL, admin_key, created, expires FROM sessions "
                               "WHERE id = ?",
                               id));
  TRY(const bool found, rows.next());
  if (!found) return std::nullopt;
  Session session{.id = id};
  const auto user = rows.take_id<identity::UserId>();
  const bool is_users = rows.take_flag();
  if (is_users) {
    session.user = user;
    rows.take_optional_text();
  } else {
    session.admin_key = rows.take_digest();
  }
  session.created = rows.take_time();
  session.expires = rows.take_time();
  return session;
}

base::Status SqliteStore::end_session(identity::SessionId id) {
  const std::lock_guard lock(writer_mutex_);
  TRY_STATUS(writer_.run("DELETE FROM sessions WHERE id = ?", id));
  return {};
}

base::Status SqliteStore::begin_change(const AuditEntry& entry) {
  const std::lock_guard lock(writer_mutex_);
  TRY_STATUS(writer_.run(
      "INSERT INTO audit_log (id, at, actor_kind, actor_id, actor_name, actor_address, action, subject, "
      "asked, before, after, status) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
      entry.id, entry.at, to_string(entry.actor.kind), entry.actor.id, entry.actor.name, entry.actor.address,
      entry.action, entry.subject, entry.asked, entry.before, entry.after, static_cast<std::int64_t>(entry.status)));
  return {};
}

base::Status SqliteStore::end_change(const AuditEntry& entry) {
  const std::lock_guard lock(writer_mutex_);
  TRY_STATUS(writer_.run("UPDATE audit_log SET subject = ?2, after = ?3, status = ?4 WHERE id = ?1", entry.id,
                         entry.subject, entry.after, static_cast<std::int64_t>(entry.status)));
  return {};
}

base::Result<std::vector<AuditEntry>> SqliteStore::changes(const identity::AuditFilter& filter) {
  std::string sql =
      "SELECT id, at, actor_kind, actor_id, actor_name, actor_address, action, subject, asked, before, after, status "
      "FROM audit_log WHERE 1";
  std::vector<sqlite::Value> values;
  const auto also = [&](std::string_view condition, sqlite::Value value) {
    sql += condition;
    values.push_back(std::move(value));
  };
  if (filter.before) also(" AND id < ?", filter.before->uuid);
  if (filter.actor) also(" AND actor_id = ?", *filter.actor);
  if (filter.subject) also(" AND subject = ?", *filter.subject);
  if (filter.from) also(" AND at >= ?", filter.from->ms);
  if (filter.to) also(" AND at < ?", filter.to->ms);
  also(" ORDER BY id DESC LIMIT ?", static_cast<std::int64_t>(filter.limit));
  const std::lock_guard lock(reader_mutex_);
  TRY(Rows rows, reader_.query_with(sql, values));
  std::vector<AuditEntry> found;
  for (;;) {
    TRY(const bool another, rows.next());
    if (!another) return found;
    TRY(auto entry, take_entry(rows));
    found.push_back(std::move(entry));
  }
}

#undef USER_COLUMNS

}  // namespace store
