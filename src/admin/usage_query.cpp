#include "admin/usage_query.h"

#include <fmt/format.h>

#include "admin/references.h"
#include "base/time_text.h"
#include "catalog/tags.h"

namespace admin {

base::Result<std::optional<base::WallTime>> read_time(Query& query, std::string_view name) {
  TRY(const auto text, query.text(name));
  if (!text) return std::nullopt;
  const auto at = base::parse_time_or_date(*text);
  if (!at) return base::invalid(fmt::format("the parameter '{}' {}", name, at.error().message), std::string(name));
  return *at;
}

base::Result<events::UsageFilter> read_usage_filter(Call& call, const catalog::Snapshot& snapshot) {
  Query& query = call.query;
  events::UsageFilter filter;
  TRY(const auto account, query.text("account"));
  TRY(const auto key, query.text("key"));
  TRY(filter.model, query.text("model"));
  TRY(const auto tag, query.text("tag"));
  if (tag) {
    TRY(filter.tag, catalog::parse_tag(*tag, "tag"));
  }
  TRY(filter.from, read_time(query, "from"));
  TRY(filter.to, read_time(query, "to"));
  if (account) {
    TRY(const catalog::Account* found, find_account(snapshot, *account, "account", call.caller));
    filter.account = found->id;
  }
  if (key) {
    TRY(const catalog::Key* found, find_key(snapshot, *key, "key", call.caller));
    filter.key = found->id;
  }
  if (call.caller.account && !account && !key) filter.account = *call.caller.account;
  if (filter.from && filter.to && *filter.to <= *filter.from)
    return base::invalid("the parameter 'to' must be later than 'from'", "to");
  return filter;
}

namespace {
const NamedGroup groups[] = {{"total", events::UsageGroup::total}, {"account", events::UsageGroup::account},
                             {"key", events::UsageGroup::key},     {"model", events::UsageGroup::model},
                             {"day", events::UsageGroup::day},     {"upstream", events::UsageGroup::upstream},
                             {"route", events::UsageGroup::route}, {"reason", events::UsageGroup::reason}};

}  // namespace

base::Result<NamedGroup> read_group(Query& query) {
  TRY(const auto text, query.text("group"));
  if (!text) return groups[0];
  for (const NamedGroup& group : groups)
    if (group.name == *text) return group;
  if (text->starts_with("tag:")) {
    NamedGroup by_tag{"tag", events::UsageGroup::tag, text->substr(sizeof "tag:" - 1)};
    TRY_STATUS(catalog::check_tag_name(by_tag.tag_name, "group"));
    return by_tag;
  }
  return base::invalid(
      "the parameter 'group' must be total, account, key, model, day, upstream, route, reason or tag:NAME", "group");
}

std::string name_of(const catalog::Snapshot& snapshot, events::UsageGroup group, const std::string& id) {
  if (group == events::UsageGroup::account) {
    const auto parsed = base::AccountId::parse(id);
    const catalog::Account* account = parsed ? snapshot.find_account(*parsed) : nullptr;
    return account != nullptr ? account->name : std::string();
  }
  if (group == events::UsageGroup::key) {
    const auto parsed = base::KeyId::parse(id);
    const auto entry = parsed ? snapshot.find_key(*parsed) : std::nullopt;
    return entry ? entry->key->name : std::string();
  }
  return {};
}

}  // namespace admin
