// Logging in and out, and the first admin.
#include <fmt/format.h>

#include "admin/api.h"
#include "admin/authorize.h"
#include "admin/change.h"
#include "admin/handlers.h"
#include "admin/reply.h"
#include "base/log.h"
#include "base/time_text.h"

namespace admin {
namespace {

using identity::LoggedIn;

boost::json::object to_json(const Services& services, const LoggedIn& found) {
  return {{"username", std::string(found.name())},
          {"role", identity::to_string(found.role())},
          {"account", found.account() ? boost::json::value(found.account()->to_string()) : boost::json::value()},
          {"expires", time_text(found.session.expires)},
          {"csrf_token", services.sessions.keys().csrf_token_of(found.session.id)}};
}

// It is sent to the API alone, never to another site, and no script reads it.
std::string cookie(const Request& request, std::string_view token, std::int64_t seconds) {
  return fmt::format("{}={}; Path=/api; HttpOnly; SameSite=Strict; Max-Age={}{}", session_cookie, token, seconds,
                     request.encrypted ? "; Secure" : "");
}

base::Status note_login(Services& services, const Request& request, const LoggedIn& found, int status) {
  const identity::Actor actor{.kind = found.user ? identity::ActorKind::user : identity::ActorKind::admin_key,
                              .id = found.user ? found.user->id.to_string() : std::string(),
                              .name = std::string(found.name()),
                              .address = request.address};
  return note_change(services, actor, request.method + " " + request.path, found.session.id.to_string(), status);
}

std::string cookie(const Request& request, const LoggedIn& found, std::string_view token) {
  return cookie(request, token, (found.session.expires.ms - found.session.created.ms) / 1000);
}

base::Result<Response> let_in(Services& services, const Call& call, const LoggedIn& found) {
  TRY_STATUS(note_login(services, call.request, found, 200));
  auto body = to_json(services, found);
  const std::string token = services.sessions.token_of(found);
  body["token"] = token;
  Response response = json_reply(200, body);
  response.headers.emplace_back("Set-Cookie", cookie(call.request, found, token));
  return response;
}

base::Result<Response> let_in_visitor(Services& services, const Request& request,
                                      const base::Result<identity::ProviderUser>& visitor, std::string_view return_to) {
  if (!visitor) return base::fail(visitor.error());
  TRY(const identity::User user, services.users.come_in(*visitor));
  TRY(const LoggedIn found, services.sessions.open_for(user));
  TRY_STATUS(note_login(services, request, found, 303));
  Response response{.status = 303, .content_type = {}, .body = {}, .headers = {}};
  response.headers.emplace_back("Location", return_to);
  response.headers.emplace_back("Set-Cookie", cookie(request, found, services.sessions.token_of(found)));
  return response;
}

}  // namespace

base::Status Api::check_login_attempt(const Request& request) {
  return services_.sessions.check_attempt({}, request.address);
}

Response Api::let_in(const Request& request, const base::Result<identity::ProviderUser>& visitor,
                     std::string_view return_to) {
  auto response = let_in_visitor(services_, request, visitor, return_to);
  if (response) return std::move(*response);
  const base::Error& error = response.error();
  base::log::warn("a login with the provider, from {}, ends with {}: {}", request.address, base::to_string(error.type),
                  error.message);
  const bool is_visitors = error.type == base::ErrorType::unauthorized || error.type == base::ErrorType::forbidden;
  if (is_visitors) services_.sessions.note_failure(request.address);
  // What was not let in is in the log of changes as a wrong password is.
  const int status = base::http_status(error.type);
  const auto noted =
      note_change(services_, {.address = request.address}, request.method + " " + request.path, {}, status);
  if (is_visitors && !noted) base::log::error("the audit log cannot be written: {}", noted.error().message);
  Response away{.status = 303, .content_type = {}, .body = {}, .headers = {}};
  away.headers.emplace_back("Location", fmt::format("{}#login={}", return_to, base::to_string(error.type)));
  return away;
}

base::Result<Response> log_in(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  TRY(const auto name, fields.string("username"));
  TRY(auto password, fields.string("password"));
  TRY(auto admin_key, fields.string("admin_key"));
  TRY_STATUS(fields.finish());
  if (admin_key.has_value() == (name || password) || name.has_value() != password.has_value())
    return base::invalid("give 'username' and 'password', or 'admin_key'");
  const std::string& address = call.request.address;
  auto found = admin_key ? services.sessions.log_in_with_key(base::Secret(std::move(*admin_key)), address)
                         : services.sessions.log_in(*name, base::Secret(std::move(*password)), address);
  if (found) return let_in(services, call, *found);
  if (found.error().type == base::ErrorType::unauthorized) {
    // Without the name: somebody may have typed a password there.
    TRY_STATUS(note_change(services, call.caller.actor, "POST " + call.request.path, {}, 401));
  }
  if (found.error().type != base::ErrorType::rate_limited) return base::fail(std::move(found.error()));
  Response refused = problem(found.error());
  const std::int64_t wait_ms = services.sessions.wait_ms(name.value_or(""), address);
  refused.headers.emplace_back("Retry-After", fmt::format("{}", std::max<std::int64_t>(1, (wait_ms + 999) / 1000)));
  return refused;
}

base::Result<Response> log_in_elsewhere(Services& /*services*/, Call& /*call*/) {
  return base::fail(base::ErrorType::not_found,
                    "no OpenID provider is configured here ('oidc'), or not for this way in: log in with a password",
                    {}, base::Source::client);
}

base::Result<Response> show_session(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const Request& request = call.request;
  const std::string& token = request.credential.empty() ? request.session_cookie : request.credential;
  if (!call.caller.session)
    return base::fail(base::ErrorType::not_found, "you came with a key, not with a session", {}, base::Source::client);
  TRY(const LoggedIn found, services.sessions.find(token));
  return json_reply(200, to_json(services, found));
}

base::Result<Response> log_out(Services& services, Call& call) {
  if (!call.caller.session)
    return base::fail(base::ErrorType::not_found, "you came with a key, not with a session", {}, base::Source::client);
  TRY_STATUS(
      note_change(services, call.caller.actor, "DELETE " + call.request.path, call.caller.session->to_string(), 204));
  TRY_STATUS(services.sessions.log_out(*call.caller.session));
  Response gone{204, {}, {}, {}};
  gone.headers.emplace_back("Set-Cookie", cookie(call.request, "", 0));
  return gone;
}

base::Result<Response> show_setup(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  TRY(const auto link, services.users.setup_link());
  const std::string& label = services.options.provider_label;
  boost::json::value provider = nullptr;
  if (!label.empty()) provider = boost::json::object{{"label", label}};
  return json_reply(200, {{"needed", link.has_value()}, {"provider", std::move(provider)}});
}

base::Result<Response> set_up(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  TRY(auto link, fields.required_string("link"));
  TRY(auto name, fields.required_string("username"));
  TRY(auto password, fields.required_string("password"));
  TRY_STATUS(fields.finish());
  TRY(const identity::User user,
      services.users.set_up(base::Secret(std::move(link)), std::move(name), base::Secret(std::move(password))));
  TRY(const LoggedIn found, services.sessions.open_for(user));
  return let_in(services, call, found);
}

}  // namespace admin
