#include "admin/change.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

#include "admin/reply.h"
#include "base/log.h"

namespace admin {
namespace {

namespace json = boost::json;

constexpr std::string_view secrets[] = {"secret", "password", "admin_key", "link", "token", "csrf_token"};
constexpr std::string_view hidden = "(not kept)";

// Empty if the text is no object.
json::object object_in(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return {};
  return std::move(value.get_object());
}

// Whether there was any.
bool hide_secrets(json::object& object) {
  bool found = false;
  for (auto& [name, member] : object)
    if (std::ranges::find(secrets, std::string_view(name)) != std::end(secrets) && !member.is_null()) {
      member = hidden;
      found = true;
    }
  return found;
}

json::object object_without_secrets(std::string_view text) {
  json::object object = object_in(text);
  hide_secrets(object);
  return object;
}

std::string text_of(const json::object& object) { return object.empty() ? std::string() : json::serialize(object); }

std::optional<std::string> id_in(const json::object& object) {
  const json::value* const id = object.if_contains("id");
  if (id == nullptr || !id->is_string()) return std::nullopt;
  return std::string(std::string_view(id->get_string()));
}

}  // namespace

base::Result<Change> Change::begin(Services& services, const Call& call, std::string action, std::string_view before) {
  const base::WallTime now = services.clock.wall_now();
  const json::object was = object_without_secrets(before);
  identity::AuditEntry entry{.id = identity::AuditId::create(now, services.random),
                             .at = now,
                             .actor = call.caller.actor,
                             .action = std::move(action),
                             .subject = id_in(was).value_or(call.id),
                             .asked = text_of(object_without_secrets(call.request.body)),
                             .before = text_of(was),
                             .after = {}};
  if (auto begun = services.identity.begin_change(entry); !begun)
    return base::fail(std::move(begun.error()).in("nothing was changed, because the audit log cannot be written"));
  return Change(services, std::move(entry));
}

void Change::end(const base::Result<Response>& response) {
  entry_.status = response ? response->status : base::http_status(response.error().type);
  if (response && response->status < 300) {
    const json::object after = object_without_secrets(response->body);
    entry_.subject = id_in(after).value_or(entry_.subject);
    entry_.after = text_of(after);
  }
  if (const auto ended = services_.identity.end_change(entry_); !ended)
    base::log::error("the audit log's entry {} ('{}', by '{}') stays without its end, which was {}: {}",
                     entry_.id.to_string(), entry_.action, entry_.actor.name, entry_.status, ended.error().message);
}

std::string without_secrets(std::string_view body) {
  json::object object = object_in(body);
  return hide_secrets(object) ? json::serialize(object) + '\n' : std::string(body);
}

base::Status note_change(Services& services, const identity::Actor& actor, std::string action, std::string subject,
                         int status) {
  const base::WallTime now = services.clock.wall_now();
  return services.identity.begin_change({.id = identity::AuditId::create(now, services.random),
                                         .at = now,
                                         .actor = actor,
                                         .action = std::move(action),
                                         .subject = std::move(subject),
                                         .asked = {},
                                         .before = {},
                                         .after = {},
                                         .status = status});
}

}  // namespace admin
