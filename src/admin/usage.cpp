#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/usage_query.h"

namespace admin {
base::Result<Response> sum_usage(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const NamedGroup group, read_group(call.query));
  TRY(const auto filter, read_usage_filter(call, *snapshot));
  TRY_STATUS(call.query.finish());
  TRY(const auto sums, services.usage.sums(filter, group.group, group.tag_name));
  boost::json::array data;
  for (const events::UsageSum& sum : sums) {
    auto row = to_json(sum);
    if (const auto name = name_of(*snapshot, group.group, sum.group); !name.empty()) row["name"] = name;
    data.push_back(std::move(row));
  }
  return json_reply(200, {{"group", group.text()}, {"data", std::move(data)}});
}

base::Result<Response> list_usage_records(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const Page page, read_page(call.query));
  TRY(auto filter, read_usage_filter(call, *snapshot));
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
