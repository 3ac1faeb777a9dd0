#include <fmt/format.h>

#include <algorithm>

#include "admin/handlers.h"
#include "admin/limit_fields.h"
#include "admin/references.h"
#include "admin/reply.h"

namespace admin {
namespace {

// With the number of its copies, which are limits.
boost::json::object template_json(const catalog::LimitTemplate& one, const catalog::Snapshot& snapshot) {
  boost::json::object out;
  for (const auto& [name, value] : to_json(one.terms))
    if (name != "account" && name != "raise" && name != "from_template") out[name] = value;
  out["account"] = one.scope.below ? boost::json::value(one.scope.below->to_string()) : boost::json::value(nullptr);
  out["level"] = one.scope.level;
  out["limits"] = std::ranges::count(snapshot.limits(), std::optional(one.terms.id), &catalog::Limit::from_template);
  return out;
}

}  // namespace

base::Result<Response> create_limit_template(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  const auto snapshot = services.catalog.current();
  catalog::TemplateScope scope;
  TRY(const auto account, fields.string("account"));
  TRY(const auto level, fields.integer("level"));
  if (account) {
    TRY(const catalog::Account* found, find_account(*snapshot, *account, "account", call.caller));
    scope.below = found->id;
  }
  if (level && (*level < 1 || *level > catalog::template_level_max))
    return base::invalid(fmt::format("'level' is {}; it is 1 to {}", *level, catalog::template_level_max), "level");
  scope.level = static_cast<int>(level.value_or(1));
  TRY(const catalog::NewLimit terms, read_terms(fields, services.options));
  TRY(const catalog::LimitTemplate created, services.catalog.create_template(terms, scope));
  return json_reply(201, template_json(created, *services.catalog.current()));
}

base::Result<Response> list_limit_templates(Services& services, Call& call) {
  TRY(const Page page, read_page(call.query));
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  std::vector<const catalog::Limit*> terms;
  for (const catalog::LimitTemplate& one : snapshot->templates()) terms.push_back(&one.terms);
  const auto taken = take_page(std::move(terms), page);
  boost::json::array data;
  for (const catalog::Limit* one : taken.items)
    data.push_back(template_json(*snapshot->find_template(one->id), *snapshot));
  return list_reply(std::move(data), taken.next);
}

base::Result<Response> show_limit_template(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  TRY(const catalog::LimitTemplate* one, find_template(*snapshot, call.id, "id"));
  return json_reply(200, template_json(*one, *snapshot));
}

base::Result<Response> edit_limit_template(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  const auto snapshot = services.catalog.current();
  TRY(const catalog::LimitTemplate* one, find_template(*snapshot, call.id, "id"));
  constexpr std::string_view identity[] = {"account", "level"};
  TRY(const catalog::LimitEdit edit, read_limit_edit(fields, one->terms.unit, identity));
  TRY(const catalog::LimitTemplate changed, services.catalog.edit_template(one->terms.id, edit));
  return json_reply(200, template_json(changed, *services.catalog.current()));
}

base::Result<Response> remove_limit_template(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const catalog::LimitTemplate* one, find_template(*snapshot, call.id, "id"));
  TRY_STATUS(services.catalog.remove_template(one->terms.id));
  return Response{204, {}, {}, {}};
}

}  // namespace admin
