// Users, sessions and the audit log, in memory.
#include <algorithm>

#include <fmt/format.h>

#include "store/memory/memory_store.h"

namespace store {

base::Result<std::vector<identity::User>> MemoryStore::users() {
  const std::lock_guard lock(mutex_);
  std::vector<identity::User> all;
  for (const auto& [id, user] : users_) all.push_back(user);
  return all;
}

base::Result<std::optional<identity::User>> MemoryStore::find_user(identity::UserId id) {
  const std::lock_guard lock(mutex_);
  const auto found = users_.find(id);
  return found == users_.end() ? std::nullopt : std::optional(found->second);
}

base::Result<std::optional<identity::User>> MemoryStore::find_user_named(std::string_view name) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, user] : users_)
    if (user.name == name) return user;
  return std::nullopt;
}

base::Status MemoryStore::put_user(const identity::User& user) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, other] : users_) {
    if (id == user.id) continue;
    if (other.name == user.name)
      return base::fail(base::ErrorType::conflict, fmt::format("there is a user '{}' already", user.name));
    if (!user.provider_subject.empty() && other.provider_subject == user.provider_subject)
      return base::fail(base::ErrorType::conflict, fmt::format("the provider knows '{}' as that one", other.name));
  }
  if (user.account && !accounts_.contains(*user.account))
    return base::fail(base::ErrorType::conflict, fmt::format("there is no account {}", user.account->to_string()));
  users_.insert_or_assign(user.id, user);
  return {};
}

base::Status MemoryStore::remove_user(identity::UserId id) {
  const std::lock_guard lock(mutex_);
  if (users_.erase(id) == 0)
    return base::fail(base::ErrorType::not_found, fmt::format("there is no user {}", id.to_string()), {},
                      base::Source::client);
  std::erase_if(sessions_, [&](const auto& entry) { return entry.second.user == id; });
  return {};
}

base::Status MemoryStore::open_session(const identity::Session& session) {
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const auto& entry) { return entry.second.expires <= session.created; });
  sessions_.emplace(session.id, session);
  return {};
}

base::Result<std::optional<identity::Session>> MemoryStore::find_session(identity::SessionId id) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? std::nullopt : std::optional(found->second);
}

base::Status MemoryStore::end_session(identity::SessionId id) {
  const std::lock_guard lock(mutex_);
  sessions_.erase(id);
  return {};
}

base::Status MemoryStore::begin_change(const identity::AuditEntry& entry) {
  const std::lock_guard lock(mutex_);
  audit_log_.emplace(entry.id, entry);
  return {};
}

base::Status MemoryStore::end_change(const identity::AuditEntry& entry) {
  const std::lock_guard lock(mutex_);
  const auto found = audit_log_.find(entry.id);
  if (found == audit_log_.end()) return {};
  if (found->second.status != 0) return base::fail(base::ErrorType::conflict, "what was changed is never written anew");
  found->second.subject = entry.subject;
  found->second.after = entry.after;
  found->second.status = entry.status;
  return {};
}

base::Result<std::vector<identity::AuditEntry>> MemoryStore::changes(const identity::AuditFilter& filter) {
  const std::lock_guard lock(mutex_);
  std::vector<identity::AuditEntry> found;
  for (auto at = audit_log_.rbegin(); at != audit_log_.rend() && std::ssize(found) < filter.limit; ++at) {
    const identity::AuditEntry& entry = at->second;
    if ((!filter.before || entry.id < *filter.before) && (!filter.actor || entry.actor.id == *filter.actor) &&
        (!filter.subject || entry.subject == *filter.subject) && (!filter.from || entry.at >= *filter.from) &&
        (!filter.to || entry.at < *filter.to))
      found.push_back(entry);
  }
  return found;
}

}  // namespace store
