#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "admin/handlers.h"
#include "admin/limit_fields.h"
#include "admin/limiter_reply.h"
#include "admin/references.h"
#include "admin/reply.h"
#include "catalog/base_url.h"
#include "meter/dialect.h"

namespace admin {
namespace {

using Deployments = std::map<std::string, std::string, std::less<>>;

base::Result<std::optional<Deployments>> read_deployments(base::JsonFields& fields) {
  const base::Json* const object = fields.any("deployments");
  if (object == nullptr) return std::nullopt;
  if (!object->is_object())
    return base::invalid(R"('deployments' must be an object such as {"my-deployment": "gpt-4o"})", "deployments");
  Deployments deployments;
  for (const auto& [name, model] : object->members()) {
    if (model.kind() != base::Json::Kind::string)
      return base::invalid(fmt::format("'deployments.{}' must be the name of a model", name), "deployments");
    deployments.emplace(name, model.text());
  }
  return deployments;
}

// Where calls go, checked; the provider is the host's own unless one is named.
base::Result<catalog::Upstream> read_upstream(const std::string& base_url, const std::optional<std::string>& provider,
                                              const Options& options) {
  catalog::Upstream upstream;
  if (const auto parsed = catalog::parse_base_url(base_url, upstream); !parsed)
    return base::invalid(fmt::format("'base_url' {}", parsed.error().message), "base_url");
  const auto known = meter::providers();
  if (provider && std::ranges::find(known, *provider) == known.end())
    return base::invalid(
        fmt::format("'provider' is '{}'; there are {}", provider->substr(0, 64), fmt::join(known, ", ")), "provider");
  const std::string_view of_host = meter::provider_of_host(upstream.host);
  const std::string_view usual = of_host.empty() ? std::string_view("openai") : of_host;
  return catalog::upstream_of(base_url, provider ? std::string_view(*provider) : usual, options.limiters.addresses);
}

// Where calls go is decided by who answers for the network that the gateway stands in.
base::Status check_may_direct(const Caller& caller) {
  if (caller.role >= identity::Role::admin && !caller.account) return {};
  return base::fail(base::ErrorType::forbidden,
                    fmt::format("where a limiter's calls go is set by an admin who sees all accounts, and '{}' is none",
                                caller.actor.name),
                    "base_url", base::Source::client);
}

base::Result<std::int64_t> read_budget(const std::string& text, std::string_view field) {
  const auto amount = catalog::parse_amount(catalog::LimitUnit::usd, text);
  if (!amount) return base::invalid(fmt::format("'{}': {}", field, amount.error().message), std::string(field));
  return *amount;
}

base::Result<Response> reply_with(Services& services, Call& call, int status, base::AccountId id) {
  const auto snapshot = services.catalog.current();
  TRY(const LimiterParts parts, find_limiter(*snapshot, id.to_string(), call.caller));
  TRY(const auto numbers, services.inspector.numbers({*parts.limit}));
  return json_reply(status, to_json(parts, numbers.front(), services.options));
}

base::Result<base::AccountId> find_to_change(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const LimiterParts parts, find_limiter(*snapshot, call.id, call.caller));
  TRY_STATUS(check_not_own(call.caller, parts.limiter->id));
  return parts.limiter->id;
}

}  // namespace

base::Result<Response> create_limiter(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  catalog::NewLimiter wanted;
  TRY(wanted.name, fields.required_string("name"));
  TRY(const auto budget, fields.decimal("budget"));
  TRY(wanted.window, read_window(fields));
  TRY(const auto status, read_refusal_status(fields));
  TRY(const auto base_url, fields.string("base_url"));
  TRY(const auto provider, fields.string("provider"));
  TRY(auto code, fields.string("code"));
  TRY(auto models, fields.strings("models"));
  TRY(auto deployments, read_deployments(fields));
  TRY(const auto parent, fields.string("parent"));
  TRY_STATUS(fields.finish());
  if (!budget) return base::invalid("'budget' is missing: USD per window, such as \"20\"", "budget");
  TRY(wanted.budget, read_budget(*budget, "budget"));
  TRY(const catalog::Upstream upstream,
      read_upstream(base_url.value_or(services.options.limiters.base_url), provider, services.options));
  if (code && code->empty()) return base::invalid("'code' is empty; leave it out, and one is made", "code");
  if (parent) {
    const auto snapshot = services.catalog.current();
    TRY(const catalog::Account* found, find_account(*snapshot, *parent, "parent", call.caller));
    wanted.parent = found->id;
  }
  wanted.code = std::move(code).value_or("");
  wanted.refusal_status = status.value_or(wanted.refusal_status);
  wanted.base_url = upstream.name;
  wanted.provider = upstream.provider;
  wanted.models = std::move(models).value_or(std::vector<std::string>());
  wanted.deployments = std::move(deployments).value_or(Deployments());
  TRY(const catalog::Limiter created, services.catalog.create_limiter(wanted));
  return reply_with(services, call, 201, created.id);
}

base::Result<Response> list_limiters(Services& services, Call& call) {
  TRY(const Page page, read_page(call.query));
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  std::vector<const catalog::Limiter*> limiters;
  for (const LimiterParts& one : limiters_for(*snapshot, call.caller)) limiters.push_back(one.limiter);
  const auto taken = take_page(std::move(limiters), page);
  std::vector<catalog::Limit> limits;
  for (const catalog::Limiter* limiter : taken.items) limits.push_back(*snapshot->find_limit(limiter->limit));
  TRY(const auto numbers, services.inspector.numbers(limits));
  boost::json::array data;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const catalog::Limiter& limiter = *taken.items[i];
    data.push_back(
        to_json(LimiterParts{&limiter, snapshot->find_account(limiter.id), &limits[i]}, numbers[i], services.options));
  }
  return list_reply(std::move(data), taken.next);
}

base::Result<Response> show_limiter(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  TRY(const LimiterParts parts, find_limiter(*snapshot, call.id, call.caller));
  return reply_with(services, call, 200, parts.limiter->id);
}

base::Result<Response> show_limiter_stats(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  TRY(const LimiterParts parts, find_limiter(*snapshot, call.id, call.caller));
  TRY(const LimiterStats stats, limiter_stats(services, parts));
  return json_reply(200, {{"current_spend", stats.spend.to_usd()},
                          {"remaining_budget", stats.remaining.to_usd()},
                          {"usage_percentage", stats.percentage},
                          {"total_requests", stats.requests},
                          {"period_start", period_start(stats)},
                          {"period_end", period_end(stats)}});
}

base::Result<Response> edit_limiter(Services& services, Call& call) {
  TRY(const base::AccountId id, find_to_change(services, call));
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  catalog::LimiterEdit edit;
  TRY(edit.name, fields.string("name"));
  TRY(edit.active, fields.boolean("active"));
  TRY(const auto budget, fields.decimal("budget"));
  TRY(const auto base_url, fields.string("base_url"));
  TRY(const auto provider, fields.string("provider"));
  TRY(edit.models, fields.strings("models"));
  TRY(edit.deployments, read_deployments(fields));
  for (const std::string_view name : {"code", "window", "time_zone", "parent"})
    if (fields.any(name) != nullptr)
      return base::invalid(fmt::format("'{}' is part of what the limiter is; delete it and create another", name),
                           std::string(name));
  TRY_STATUS(fields.finish());
  if (budget) {
    TRY(edit.budget, read_budget(*budget, "budget"));
  }
  if (base_url || provider) {
    TRY_STATUS(check_may_direct(call.caller));
    const auto snapshot = services.catalog.current();
    const std::string before = snapshot->find_limiter(id)->base_url;
    TRY(const catalog::Upstream upstream, read_upstream(base_url.value_or(before), provider, services.options));
    edit.base_url = upstream.name;
    edit.provider = upstream.provider;
  }
  if (edit == catalog::LimiterEdit{})
    return base::invalid(
        "nothing to change: give 'name', 'active', 'budget', 'base_url', 'provider', 'models' or 'deployments'");
  TRY_STATUS(services.catalog.edit_limiter(id, edit));
  return reply_with(services, call, 200, id);
}

base::Result<Response> toggle_limiter(Services& services, Call& call) {
  TRY(const base::AccountId id, find_to_change(services, call));
  TRY(const base::Json body, read_body(call.request));
  TRY(const auto fields, base::JsonFields::of(body));
  TRY_STATUS(fields.finish());
  const bool active = services.catalog.current()->find_account(id)->status == catalog::AccountStatus::active;
  TRY_STATUS(services.catalog.edit_limiter(id, {.active = !active}));
  return reply_with(services, call, 200, id);
}

base::Result<Response> remove_limiter(Services& services, Call& call) {
  TRY(const base::AccountId id, find_to_change(services, call));
  TRY_STATUS(services.catalog.remove_limiter(id));
  return Response{204, {}, {}, {}};
}

}  // namespace admin
