#include "admin/references.h"

#include <fmt/format.h>

#include "base/json.h"

namespace admin {
namespace {

constexpr std::size_t shown = 64;  // of a reference that somebody else wrote

std::unexpected<base::Error> not_found(std::string_view kind, std::string_view reference, std::string_view field,
                                       std::span<const std::string_view> known = {}) {
  const auto near = base::near_miss(reference, known);
  return base::fail(base::ErrorType::not_found,
                    fmt::format("there is no {} '{}'{}", kind, reference.substr(0, shown),
                                near ? fmt::format("; did you mean '{}'?", *near) : std::string()),
                    std::string(field), base::Source::client);
}

std::unexpected<base::Error> ambiguous(std::string_view kind, std::string_view reference, std::string_view field) {
  return base::fail(base::ErrorType::conflict,
                    fmt::format("several {}s have the name '{}'; give an id", kind, reference.substr(0, shown)),
                    std::string(field), base::Source::client);
}

}  // namespace

base::Result<const catalog::Account*> find_account(const catalog::Snapshot& snapshot, std::string_view reference,
                                                   std::string_view field, const Caller& caller) {
  if (const auto id = base::AccountId::parse(reference))
    if (const catalog::Account* account = snapshot.find_account(*id); account && sees(caller, snapshot, account->id))
      return account;
  if (const catalog::Account* account = snapshot.find_account_named(reference);
      account && sees(caller, snapshot, account->id))
    return account;
  const catalog::Account* found = nullptr;
  std::vector<std::string_view> known;
  for (const catalog::Account& account : snapshot.accounts()) {
    if (account.status == catalog::AccountStatus::deleted || !sees(caller, snapshot, account.id)) continue;
    known.push_back(account.name);
    if (!account.external_id.empty()) known.push_back(account.external_id);
    if (account.name != reference) continue;
    if (found != nullptr) return ambiguous("account", reference, field);
    found = &account;
  }
  if (found == nullptr) return not_found("account", reference, field, known);
  return found;
}

base::Result<const catalog::Key*> find_key(const catalog::Snapshot& snapshot, std::string_view reference,
                                           std::string_view field, const Caller& caller) {
  if (const auto id = base::KeyId::parse(reference))
    if (const auto entry = snapshot.find_key(*id); entry && sees(caller, snapshot, *entry->key)) return entry->key;
  const catalog::Key* found = nullptr;
  std::vector<std::string_view> known;
  for (const catalog::Key& key : snapshot.keys()) {
    if (key.status == catalog::KeyStatus::revoked || !sees(caller, snapshot, key)) continue;
    known.push_back(key.name);
    if (key.name != reference) continue;
    if (found != nullptr) return ambiguous("key", reference, field);
    found = &key;
  }
  if (found == nullptr) return not_found("key", reference, field, known);
  return found;
}

base::Result<const catalog::Limit*> find_limit(const catalog::Snapshot& snapshot, std::string_view id,
                                               const Caller& caller) {
  const auto parsed = base::LimitId::parse(id);
  if (!parsed) return base::invalid(parsed.error().message, "id");
  if (snapshot.find_template(*parsed) != nullptr)
    return base::fail(base::ErrorType::not_found,
                      fmt::format("{} is a template, not a limit: its path is /api/v1/limit-templates/{}, and "
                                  "'metergate limits' takes it with --template",
                                  id, id),
                      "id", base::Source::client);
  const catalog::Limit* limit = snapshot.find_limit(*parsed);
  if (limit == nullptr || !sees(caller, snapshot, *limit)) return not_found("limit", id, "id");
  return limit;
}

base::Result<const catalog::LimitTemplate*> find_template(const catalog::Snapshot& snapshot, std::string_view id,
                                                          std::string_view field) {
  const auto parsed = base::LimitId::parse(id);
  if (!parsed) return base::invalid(parsed.error().message, std::string(field));
  const catalog::LimitTemplate* one = snapshot.find_template(*parsed);
  if (one == nullptr) return not_found("template", id, field);
  return one;
}

}  // namespace admin
