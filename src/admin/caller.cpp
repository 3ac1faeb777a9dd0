#include "admin/caller.h"

namespace admin {

bool sees(const Caller& caller, const catalog::Snapshot& snapshot, base::AccountId account) {
  return !caller.account || snapshot.is_within(account, *caller.account);
}

bool sees(const Caller& caller, const catalog::Snapshot& snapshot, const catalog::Key& key) {
  return sees(caller, snapshot, key.account);
}

bool sees(const Caller& caller, const catalog::Snapshot& snapshot, const catalog::Limit& limit) {
  if (!caller.account) return true;
  if (const auto* const account = std::get_if<base::AccountId>(&limit.subject)) return sees(caller, snapshot, *account);
  const auto entry = snapshot.find_key(std::get<base::KeyId>(limit.subject));
  return entry && sees(caller, snapshot, *entry->key);
}

base::Status check_not_own(const Caller& caller, base::AccountId account) {
  if (!caller.account || *caller.account != account) return {};
  return base::fail(base::ErrorType::forbidden,
                    "this is set for the account that you are limited to, by those above it: ask one of them", {},
                    base::Source::client);
}

base::Status check_not_own(const Caller& caller, const catalog::LimitSubject& subject) {
  const auto* const account = std::get_if<base::AccountId>(&subject);
  return account == nullptr ? base::Status() : check_not_own(caller, *account);
}

}  // namespace admin
