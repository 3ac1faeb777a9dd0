#include "admin/handlers.h"
#include "admin/reply.h"

namespace admin {

base::Result<Response> list_events(Services& services, Call& call) {
  constexpr std::int64_t page_unless_told = 100;
  TRY(const auto size, call.query.integer("limit", 1, 1000));
  TRY(const auto limit, call.query.text("limit_id"));
  events::LimitEventFilter filter;
  TRY(filter.before, call.query.integer("cursor", 1, INT64_MAX));
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  const auto page = static_cast<std::size_t>(size.value_or(page_unless_told));
  filter.limit_to = static_cast<int>(page) + 1;  // one more says whether there is a next page
  if (limit) {
    // One that was removed has events, too.
    const auto id = base::LimitId::parse(*limit);
    if (!id) return base::invalid(id.error().message, "limit_id");
    filter.limit = *id;
  }
  TRY(auto found, services.limit_events.limit_events(filter));
  std::optional<std::string> next;
  if (found.size() > page) {
    found.resize(page);
    next = std::to_string(found.back().number);
  }
  boost::json::array data;
  for (const events::LimitEvent& event : found) data.push_back(to_json(event, *snapshot));
  return list_reply(std::move(data), next);
}

}  // namespace admin
