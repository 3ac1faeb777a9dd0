#include <boost/json/parse.hpp>

#include <algorithm>

#include <fmt/format.h>

#include "admin/handlers.h"
#include "admin/reply.h"
#include "base/time_text.h"

namespace admin {
namespace {

namespace json = boost::json;

json::value value_of(const std::string& text) { return text.empty() ? json::value() : json::parse(text); }

json::object to_json(const identity::AuditEntry& entry) {
  return {{"id", entry.id.to_string()},
          {"at", time_text(entry.at)},
          {"actor",
           {{"kind", identity::to_string(entry.actor.kind)},
            {"id", text_or_null(entry.actor.id)},
            {"name", text_or_null(entry.actor.name)},
            {"address", text_or_null(entry.actor.address)}}},
          {"action", entry.action},
          {"subject", text_or_null(entry.subject)},
          {"asked", value_of(entry.asked)},
          {"before", value_of(entry.before)},
          {"after", value_of(entry.after)},
          // Null: it was begun, and the process ended in it.
          {"status", entry.status == 0 ? json::value() : json::value(entry.status)}};
}

base::Result<std::optional<base::WallTime>> read_time(Query& query, std::string_view name) {
  TRY(const auto text, query.text(name));
  if (!text) return std::nullopt;
  const auto at = base::parse_time_or_date(*text);
  if (!at) return base::invalid(fmt::format("the parameter '{}' {}", name, at.error().message), std::string(name));
  return *at;
}

}  // namespace

base::Result<Response> list_changes(Services& services, Call& call) {
  TRY(const Page page, read_page(call.query));
  identity::AuditFilter filter{.limit =
                                   static_cast<int>(page.limit) + 1};  // one more tells whether there is a next page
  TRY(filter.actor, call.query.text("actor"));
  TRY(filter.subject, call.query.text("subject"));
  TRY(filter.from, read_time(call.query, "from"));
  TRY(filter.to, read_time(call.query, "to"));
  TRY_STATUS(call.query.finish());
  if (page.cursor) {
    TRY(filter.before, identity::AuditId::parse(*page.cursor));
  }
  TRY(auto entries, services.identity.changes(filter));
  const bool more = entries.size() > page.limit;
  if (more) entries.resize(page.limit);
  json::array data;
  for (const identity::AuditEntry& entry : entries) data.push_back(to_json(entry));
  return list_reply(std::move(data), more ? std::optional(entries.back().id.to_string()) : std::nullopt);
}

}  // namespace admin
