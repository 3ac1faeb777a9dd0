// The control plane's table of contents. Each line is one route; api/openapi.yaml says the same in more words.

#include <fmt/format.h>

#include "admin/authorize.h"
#include "admin/change.h"
#include "admin/etag.h"
#include "admin/handlers.h"
#include "admin/repeat.h"
#include "admin/reply.h"

namespace admin {
namespace {

// The least role that may.
enum class Access : std::uint8_t { anyone, viewer, operates, admin };
// For whom: `part` also for who is limited to an account, and then the handler shows and changes no other.
enum class Reach : std::uint8_t { whole, part };
// `reads` changes nothing, whatever the method; `tells` writes into the log of changes by itself.
enum class Effect : std::uint8_t { by_method, reads, tells };
using enum Access;
using enum Reach;
using enum Effect;

struct Route {
  std::string_view method;
  std::string_view path;
  Access access;
  Handler handler;

  bool changes() const { return effect == by_method && method != "GET"; }

  Reach reach = whole;
  Effect effect = by_method;
};

constexpr Route routes[] = {
    {"GET", "/healthz", anyone, health},
    {"GET", "/readyz", anyone, readiness},
    {"GET", "/metrics", anyone, metrics},

    {"POST", "/api/v1/session", anyone, log_in, part, tells},
    {"POST", "/api/auth/login", anyone, log_in, part, tells},                   // where others have it (S3-48)
    {"GET", "/api/auth/oidc", anyone, log_in_elsewhere, part, tells},           // where there is a provider, app/
    {"GET", "/api/auth/oidc/callback", anyone, log_in_elsewhere, part, tells},  // answers these (sign_on_door.h)
    {"GET", "/api/v1/session", viewer, show_session, part},
    {"DELETE", "/api/v1/session", viewer, log_out, part, tells},
    {"GET", "/api/v1/setup", anyone, show_setup},
    {"POST", "/api/v1/setup", anyone, set_up, whole, tells},

    {"POST", "/api/v1/users", admin, create_user},
    {"GET", "/api/v1/users", admin, list_users},
    {"GET", "/api/v1/users/{id}", admin, show_user},
    {"PATCH", "/api/v1/users/{id}", admin, edit_user},
    {"DELETE", "/api/v1/users/{id}", admin, remove_user},
    {"GET", "/api/v1/audit", admin, list_changes},

    {"POST", "/api/v1/accounts", operates, create_account, part},
    {"GET", "/api/v1/accounts", viewer, list_accounts, part},
    {"GET", "/api/v1/accounts/{id}", viewer, show_account, part},
    {"PATCH", "/api/v1/accounts/{id}", operates, edit_account},
    {"DELETE", "/api/v1/accounts/{id}", operates, remove_account, part},
    {"GET", "/api/v1/accounts/{id}/balance", viewer, show_balance, part},
    {"POST", "/api/v1/accounts/{id}/suspend", operates, suspend_account, part},
    {"POST", "/api/v1/accounts/{id}/activate", operates, activate_account, part},

    {"POST", "/api/v1/keys", operates, create_key, part},
    {"GET", "/api/v1/keys", viewer, list_keys, part},
    {"GET", "/api/v1/keys/{id}", viewer, show_key, part},
    {"PATCH", "/api/v1/keys/{id}", operates, edit_key, part},
    {"POST", "/api/v1/keys/{id}/rotate", operates, rotate_key, part},
    {"POST", "/api/v1/keys/{id}/revoke", operates, revoke_key, part},

    {"POST", "/api/v1/limits", operates, create_limit, part},
    {"GET", "/api/v1/limits", viewer, list_limits, part},
    {"GET", "/api/v1/limits/{id}", viewer, show_limit, part},
    {"PATCH", "/api/v1/limits/{id}", operates, edit_limit, part},
    {"DELETE", "/api/v1/limits/{id}", operates, remove_limit, part},
    {"PUT", "/api/v1/limits/{id}/raise", operates, raise_limit, part},
    {"DELETE", "/api/v1/limits/{id}/raise", operates, end_raise, part},

    {"POST", "/api/v1/limiters", admin, create_limiter},
    {"GET", "/api/v1/limiters", viewer, list_limiters, part},
    {"GET", "/api/v1/limiters/{id}", viewer, show_limiter, part},
    {"GET", "/api/v1/limiters/{id}/stats", viewer, show_limiter_stats, part},
    {"PATCH", "/api/v1/limiters/{id}", operates, edit_limiter, part},
    {"POST", "/api/v1/limiters/{id}/toggle", operates, toggle_limiter, part},
    {"DELETE", "/api/v1/limiters/{id}", operates, remove_limiter, part},

    // Where others have them (S3-50 to S3-56).
    {"POST", "/api/limiters", admin, create_limiter_alias},
    {"GET", "/api/limiters", viewer, list_limiters_alias, part},
    {"GET", "/api/limiters/{id}", viewer, show_limiter_alias, part},
    {"PUT", "/api/limiters/{id}", operates, edit_limiter_alias, part},
    {"DELETE", "/api/limiters/{id}", operates, remove_limiter, part},
    {"GET", "/api/limiters/{id}/stats", viewer, show_limiter_stats_alias, part},
    {"GET", "/api/stats", viewer, sum_stats_alias, part},

    {"POST", "/api/v1/limit-templates", operates, create_limit_template},
    {"GET", "/api/v1/limit-templates", viewer, list_limit_templates},
    {"GET", "/api/v1/limit-templates/{id}", viewer, show_limit_template},
    {"PATCH", "/api/v1/limit-templates/{id}", operates, edit_limit_template},
    {"DELETE", "/api/v1/limit-templates/{id}", operates, remove_limit_template},

    {"POST", "/api/v1/explain", viewer, explain_call, part, reads},
    {"POST", "/api/v1/quote", operates, quote_call, part},

    {"GET", "/api/v1/events", viewer, list_events},

    {"POST", "/api/v1/credits", operates, create_grant},
    {"POST", "/api/v1/credits/refund", operates, refund_charge},
    {"POST", "/api/v1/credits/fee", operates, take_fee},
    {"GET", "/api/v1/credits/transfers", viewer, list_transfers},
    {"GET", "/api/v1/credits/check", viewer, check_balances},
    {"POST", "/api/v1/credits/{id}/void", operates, void_grant},
    {"POST", "/api/v1/credits/{id}/dispute", operates, dispute_grant},

    {"GET", "/api/v1/upstreams", viewer, list_upstreams},
    {"PUT", "/api/v1/upstreams/{id}/secret", admin, set_upstream_secret},
    {"DELETE", "/api/v1/upstreams/{id}/secret", admin, remove_upstream_secret},

    {"GET", "/api/v1/usage", viewer, sum_usage, part},
    {"GET", "/api/v1/usage/series", viewer, usage_series, part},
    {"GET", "/api/v1/usage/stream", viewer, stream_usage, part},
    {"GET", "/api/v1/usage/export", viewer, export_usage, part},
    {"GET", "/api/v1/usage/latency", viewer, usage_latency, part},
    {"GET", "/api/v1/usage/records", viewer, list_usage_records, part},
    {"GET", "/api/v1/usage/records/{id}", viewer, show_usage_record, part},

    {"GET", "/api/v1/prices", viewer, list_prices},
    {"GET", "/api/v1/prices/{model}", viewer, show_price},

    {"GET", "/api/v1/settings", viewer, show_settings, part},

    {"POST", "/api/v1/backup", admin, back_up},
    {"GET", "/api/v1/doctor", viewer, examine_books},

    {"GET", "/api/v1/unresolved", viewer, list_unresolved},
    {"GET", "/api/v1/unresolved/sum", viewer, sum_unresolved},
    {"GET", "/api/v1/unresolved/{id}", viewer, show_unresolved},
    {"POST", "/api/v1/unresolved/{id}/settle", operates, settle_unresolved},
    {"POST", "/api/v1/unresolved/{id}/release", operates, release_unresolved},
};

// What stands for {id} or {model}, or an empty text if the pattern has neither; nullopt if the path does not fit. The
// name of a model may have a '/' in it.
std::optional<std::string> match(std::string_view pattern, std::string_view path) {
  const auto at = pattern.find('{');
  if (at == std::string_view::npos) return pattern == path ? std::optional(std::string()) : std::nullopt;
  const auto before = pattern.substr(0, at);
  const auto after = pattern.substr(pattern.find('}', at) + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after))
    return std::nullopt;
  const auto id = path.substr(before.size(), path.size() - before.size() - after.size());
  const bool may_have_slash = pattern.substr(at).starts_with("{model}");
  return id.contains('/') && !may_have_slash ? std::nullopt : std::optional(std::string(id));
}

// The methods of a path that exists, for Allow: "GET, POST".
std::string methods_of(std::string_view path) {
  std::string methods;
  for (const Route& route : routes)
    if (match(route.path, path) && !methods.contains(route.method))
      methods += fmt::format("{}{}", methods.empty() ? "" : ", ", route.method);
  return methods;
}

// Reading takes no body, and changing no query: what stands there would be ignored.
base::Status check_shape(const Request& request) {
  const bool has_body = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (!has_body && !request.body.empty()) return base::invalid(fmt::format("{} takes no body", request.method));
  if (request.method != "GET") return Query(request.query).finish();
  return {};
}

// The route that shows what a path is about: for ".../limits/{id}/raise", and for that without an end, the limit's own.
const Route* shown_by(std::string_view path) {
  constexpr std::string_view placeholder = "{id}";
  const auto at = path.find(placeholder);
  if (at == std::string_view::npos) return nullptr;
  const auto found = std::ranges::find_if(routes, [&](const Route& route) {
    return route.method == "GET" && route.path == path.substr(0, at + placeholder.size());
  });
  return found == std::end(routes) ? nullptr : found;
}

base::Result<Response> show(const Route& route, Services& services, Call& made) {
  auto response = route.handler(services, made);
  if (response && shown_by(route.path) == &route)
    if (const std::string tag = etag_of(response->body); !tag.empty()) response->headers.emplace_back("ETag", tag);
  return response;
}

base::Result<Response> make_change(const Route& route, Services& services, Call& made) {
  const Request& request = made.request;
  std::string before;
  if (const Route* const shown = shown_by(route.path)) {
    Call look{request, made.id, Query(Query::none), made.caller};
    if (const auto is = shown->handler(services, look)) before = is->body;
  }
  if (!request.if_match.empty() && !matches(request.if_match, etag_of(before)))
    return problem({base::ErrorType::conflict, base::Source::client,
                    before.empty() ? "nothing here has an ETag that 'If-Match' could name"
                                   : "it was changed since: read it again, and decide anew",
                    "If-Match"},
                   412);
  TRY(Change change, Change::begin(services, made, fmt::format("{} {}", route.method, route.path), before));
  auto response = route.handler(services, made);
  change.end(response);
  return response;
}

base::Result<Response> call(const Route& route, const std::string& id, Services& services, const Request& request,
                            const Caller& caller) {
  TRY_STATUS(check_shape(request));
  Call made{request, id, Query(request.query), caller};
  if (!route.changes()) return show(route, services, made);
  if (!Repeat::is_wanted(request)) return make_change(route, services, made);
  TRY(auto begun, Repeat::begin(services, made));
  if (auto* const answer = std::get_if<Response>(&begun)) return std::move(*answer);
  auto response = make_change(route, services, made);
  std::get<Repeat>(begun).end(response);
  return response;
}

base::Status check_may(const Route& route, const Caller& caller) {
  const auto refuse = [](std::string message) {
    return base::fail(base::ErrorType::forbidden, std::move(message), {}, base::Source::client);
  };
  const identity::Role needed = route.access == Access::admin      ? identity::Role::admin
                                : route.access == Access::operates ? identity::Role::operates
                                                                   : identity::Role::viewer;
  if (caller.role < needed)
    return refuse(fmt::format("this needs the role {}, and '{}' is {}", identity::to_string(needed), caller.actor.name,
                              identity::to_string(caller.role)));
  if (caller.account && route.reach == Reach::whole)
    return refuse(fmt::format("this is for who sees all accounts, and '{}' is limited to one", caller.actor.name));
  return {};
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

Response too_often(const Services& services, std::int64_t wait_s) {
  Response refused = problem({base::ErrorType::rate_limited,
                              base::Source::client,
                              fmt::format("more than {} calls in a minute; 'control.calls_per_minute' in the "
                                          "configuration says how many may be made",
                                          services.options.calls_a_minute),
                              {}});
  refused.headers.emplace_back("Retry-After", std::to_string(wait_s));
  return refused;
}

}  // namespace

Api::Api(Services services) : services_(std::move(services)), rate_(services_.options.calls_a_minute) {}

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
  const bool open = found != nullptr ? found->access == anyone : !request.path.starts_with("/api/");
  Caller caller{.actor = {.address = request.address}};
  if (!open) {
    auto known = authorize(services_, request);
    if (!known) return problem(known.error());
    caller = std::move(*known);
  }
  if (request.trust == Trust::network) {
    const std::string who = open ? "address " + request.address : caller.actor.id + " " + caller.actor.name;
    if (const auto wait_s = rate_.refuse_s(who, services_.clock.now())) return too_often(services_, *wait_s);
  }
  if (found == nullptr) return no_route(request);
  if (!open)
    if (const auto allowed = check_may(*found, caller); !allowed) return problem(allowed.error());
  auto response = call(*found, id, services_, request, caller);
  return response ? std::move(*response) : problem(response.error());
}

}  // namespace admin
