// The control plane's table of contents. Each line is one route; api/openapi.yaml says the same in more words.

#include <fmt/format.h>

#include "admin/authorize.h"
#include "admin/handlers.h"
#include "admin/reply.h"

namespace admin {
namespace {

enum class Access : std::uint8_t { anyone, admin };

struct Route {
  std::string_view method;
  std::string_view path;
  Access access;
  Handler handler;
};

constexpr Route routes[] = {
    {"GET", "/healthz", Access::anyone, health},
    {"GET", "/readyz", Access::anyone, readiness},
    {"GET", "/metrics", Access::anyone, metrics},

    {"POST", "/api/v1/accounts", Access::admin, create_account},
    {"GET", "/api/v1/accounts", Access::admin, list_accounts},
    {"GET", "/api/v1/accounts/{id}", Access::admin, show_account},
    {"PATCH", "/api/v1/accounts/{id}", Access::admin, edit_account},
    {"GET", "/api/v1/accounts/{id}/balance", Access::admin, show_balance},
    {"POST", "/api/v1/accounts/{id}/suspend", Access::admin, suspend_account},
    {"POST", "/api/v1/accounts/{id}/activate", Access::admin, activate_account},

    {"POST", "/api/v1/keys", Access::admin, create_key},
    {"GET", "/api/v1/keys", Access::admin, list_keys},
    {"GET", "/api/v1/keys/{id}", Access::admin, show_key},
    {"POST", "/api/v1/keys/{id}/revoke", Access::admin, revoke_key},

    {"POST", "/api/v1/limits", Access::admin, create_limit},
    {"GET", "/api/v1/limits", Access::admin, list_limits},
    {"GET", "/api/v1/limits/{id}", Access::admin, show_limit},
    {"PATCH", "/api/v1/limits/{id}", Access::admin, edit_limit},
    {"DELETE", "/api/v1/limits/{id}", Access::admin, remove_limit},
    {"PUT", "/api/v1/limits/{id}/raise", Access::admin, raise_limit},
    {"DELETE", "/api/v1/limits/{id}/raise", Access::admin, end_raise},

    {"POST", "/api/v1/limit-templates", Access::admin, create_limit_template},
    {"GET", "/api/v1/limit-templates", Access::admin, list_limit_templates},
    {"GET", "/api/v1/limit-templates/{id}", Access::admin, show_limit_template},
    {"PATCH", "/api/v1/limit-templates/{id}", Access::admin, edit_limit_template},
    {"DELETE", "/api/v1/limit-templates/{id}", Access::admin, remove_limit_template},

    {"POST", "/api/v1/explain", Access::admin, explain_call},
    {"POST", "/api/v1/quote", Access::admin, quote_call},

    {"GET", "/api/v1/events", Access::admin, list_events},

    {"POST", "/api/v1/credits", Access::admin, create_grant},
    {"POST", "/api/v1/credits/refund", Access::admin, refund_charge},
    {"POST", "/api/v1/credits/fee", Access::admin, take_fee},
    {"GET", "/api/v1/credits/transfers", Access::admin, list_transfers},
    {"GET", "/api/v1/credits/check", Access::admin, check_balances},
    {"POST", "/api/v1/credits/{id}/void", Access::admin, void_grant},
    {"POST", "/api/v1/credits/{id}/dispute", Access::admin, dispute_grant},

    {"GET", "/api/v1/upstreams", Access::admin, list_upstreams},
    {"PUT", "/api/v1/upstreams/{id}/secret", Access::admin, set_upstream_secret},
    {"DELETE", "/api/v1/upstreams/{id}/secret", Access::admin, remove_upstream_secret},

    {"GET", "/api/v1/usage", Access::admin, sum_usage},
    {"GET", "/api/v1/usage/records", Access::admin, list_usage_records},

    {"POST", "/api/v1/backup", Access::admin, back_up},
    {"GET", "/api/v1/doctor", Access::admin, examine_books},

    {"GET", "/api/v1/unresolved", Access::admin, list_unresolved},
    {"GET", "/api/v1/unresolved/{id}", Access::admin, show_unresolved},
    {"POST", "/api/v1/unresolved/{id}/settle", Access::admin, settle_unresolved},
    {"POST", "/api/v1/unresolved/{id}/release", Access::admin, release_unresolved},
};

// What stands for {id}, or an empty text if the pattern has none; nullopt if the path does not fit.
std::optional<std::string> match(std::string_view pattern, std::string_view path) {
  constexpr std::string_view placeholder = "{id}";
  const auto at = pattern.find(placeholder);
  if (at == std::string_view::npos) return pattern == path ? std::optional(std::string()) : std::nullopt;
  const auto before = pattern.substr(0, at);
  const auto after = pattern.substr(at + placeholder.size());
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after))
    return std::nullopt;
  const auto id = path.substr(before.size(), path.size() - before.size() - after.size());
  return id.contains('/') ? std::nullopt : std::optional(std::string(id));
}

// The methods of a path that exists, for Allow: "GET, POST".
std::string methods_of(std::string_view path) {
  std::string methods;
  for (const Route& route : routes)
    if (match(route.path, path)) methods += fmt::format("{}{}", methods.empty() ? "" : ", ", route.method);
  return methods;
}

// Reading takes no body, and changing no query: what stands there would be ignored.
base::Status check_shape(const Request& request) {
  const bool has_body = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (!has_body && !request.body.empty()) return base::invalid(fmt::format("{} takes no body", request.method));
  if (request.method != "GET") return Query(request.query).finish();
  return {};
}

base::Result<Response> call(const Route& route, std::string id, Services& services, const Request& request) {
  TRY_STATUS(check_shape(request));
  Call made{request, std::move(id), Query(request.query)};
  return route.handler(services, made);
}

Response no_route(const Request& request) {
  const auto methods = methods_of(request.path);
  if (methods.empty())
    return problem({base::ErrorType::not_found,
                    base::Source::client,
                    fmt::format("there is nothing at {}", request.path.substr(0, 128)),
                    {}});
  auto response = problem(
      {base::ErrorType::invalid_request,
       base::Source::client,
       fmt::format("{} is not for {}; it takes {}", request.method.substr(0, 32), request.path.substr(0, 128), methods),
       {}},
      405);
  response.headers.emplace_back("Allow", methods);
  return response;
}

}  // namespace

Api::Api(Services services) : services_(std::move(services)) {}

Response Api::handle(const Request& request) {
  const Route* found = nullptr;
  std::string id;
  for (const Route& route : routes) {
    if (route.method != request.method) continue;
    if (auto matched = match(route.path, request.path)) {
      found = &route;
      id = std::move(*matched);
      break;
    }
  }
  // Who has no key learns nothing but that he needs one, not even which paths exist.
  const bool open = found != nullptr ? found->access == Access::anyone : !request.path.starts_with("/api/");
  if (!open)
    if (const auto allowed = authorize(services_, request); !allowed) return problem(allowed.error());
  if (found == nullptr) return no_route(request);
  auto response = call(*found, std::move(id), services_, request);
  return response ? std::move(*response) : problem(response.error());
}

}  // namespace admin
