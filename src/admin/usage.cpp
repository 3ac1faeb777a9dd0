#include <fmt/format.h>

#include "admin/handlers.h"
#include "admin/references.h"
#include "admin/reply.h"
#include "base/time_text.h"
#include "catalog/tags.h"

namespace admin {
namespace {

base::Result<std::optional<base::WallTime>> read_time(Query& query, std::string_view name) {
  TRY(const auto text, query.text(name));
  if (!text) return std::nullopt;
  const auto at = base::parse_time_or_date(*text);
  if (!at) return base::invalid(fmt::format("the parameter '{}' {}", name, at.error().message), std::string(name));
  return *at;
}

base::Result<events::UsageFilter> read_filter(Query& query, const catalog::Snapshot& snapshot) {
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
    TRY(const catalog::Account* found, find_account(snapshot, *account, "account"));
    filter.account = found->id;
  }
  if (key) {
    TRY(const catalog::Key* found, find_key(snapshot, *key, "key"));
    filter.key = found->id;
  }
  if (filter.from && filter.to && *filter.to <= *filter.from)
    return base::invalid("the parameter 'to' must be later than 'from'", "to");
  return filter;
}

struct NamedGroup {
  std::string_view name;
  events::UsageGroup group;
  std::string tag_name = {};
};
const NamedGroup groups[] = {{"total", events::UsageGroup::total},
                             {"account", events::UsageGroup::account},
                             {"key", events::UsageGroup::key},
                             {"model", events::UsageGroup::model},
                             {"day", events::UsageGroup::day}};

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
  return base::invalid("the parameter 'group' must be total, account, key, model, day or tag:NAME", "group");
}

// The name of the account or key that a sum is for; empty for other groups and for what the catalog does not have.
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

}  // namespace

base::Result<Response> sum_usage(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const NamedGroup group, read_group(call.query));
  TRY(const auto filter, read_filter(call.query, *snapshot));
  TRY_STATUS(call.query.finish());
  TRY(const auto sums, services.usage.sums(filter, group.group, group.tag_name));
  boost::json::array data;
  for (const events::UsageSum& sum : sums) {
    auto row = to_json(sum);
    if (const auto name = name_of(*snapshot, group.group, sum.group); !name.empty()) row["name"] = name;
    data.push_back(std::move(row));
  }
  return json_reply(200, {{"group", group.tag_name.empty() ? std::string(group.name) : "tag:" + group.tag_name},
                          {"data", std::move(data)}});
}

base::Result<Response> list_usage_records(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const Page page, read_page(call.query));
  TRY(auto filter, read_filter(call.query, *snapshot));
  TRY_STATUS(call.query.finish());
  filter.limit = static_cast<int>(page.limit);
  if (page.cursor) {
    TRY(filter.before, base::ExchangeId::parse(*page.cursor));
  }
  TRY(const auto records, services.usage.records(filter));
  boost::json::array data;
  for (const events::UsageRecord& record : records) data.push_back(to_json(record, *snapshot));
  // A full page may be the last one; the next is empty then.
  const bool more = records.size() == page.limit;
  return list_reply(std::move(data), more ? std::optional(records.back().id.to_string()) : std::nullopt);
}

}  // namespace admin
