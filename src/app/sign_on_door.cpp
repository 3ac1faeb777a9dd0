#include "app/sign_on_door.h"

#include <fmt/format.h>

#include "app/control_message.h"
#include "base/random.h"

namespace app {
namespace {

constexpr std::string_view ticket_cookie = "metergate_login";
constexpr std::int64_t ticket_s = 600;

// It goes along when the provider sends the browser back, which is another site's doing: so not SameSite=Strict.
std::string set_ticket(const admin::Request& request, std::string_view text, std::int64_t seconds) {
  return fmt::format("{}={}; Path={}; HttpOnly; SameSite=Lax; Max-Age={}{}", ticket_cookie, text, sign_on::begin_path,
                     seconds, request.encrypted ? "; Secure" : "");
}

std::string_view parameter(const admin::Request& request, std::string_view name) {
  for (const auto& [key, value] : request.query)
    if (key == name) return value;
  return {};
}

std::unexpected<base::Error> refused(base::ErrorType type, std::string why) {
  return base::fail(type, std::move(why), {}, base::Source::client);
}

}  // namespace

net::Task<void> SignOnDoor::serve(net::Incoming& incoming) {
  const net::RequestHead& head = incoming.head();
  if (client_ != nullptr && head.method == "GET" && head.path() == sign_on::begin_path)
    co_await begin(incoming);
  else if (client_ != nullptr && head.method == "GET" && head.path() == sign_on::callback_path)
    co_await come_back(incoming);
  else
    co_await next_.serve(incoming);
}

net::Task<void> SignOnDoor::begin(net::Incoming& incoming) {
  const admin::Request request = request_of(incoming, admin::Trust::network, proxies_);
  const auto ticket = sign_on::Ticket::create(base::system_random(), parameter(request, "return_to"));
  const auto url = co_await client_->authorization_url(ticket);
  admin::Response response;
  if (url) {
    response.status = 302;
    response.headers.emplace_back("Location", *url);
    response.headers.emplace_back("Set-Cookie", set_ticket(request, ticket.cookie(), ticket_s));
  } else {
    response = api_.let_in(request, base::fail(url.error()), ticket.return_to());
  }
  const std::string head = head_of(incoming, response);
  co_await incoming.send(head);
}

net::Task<void> SignOnDoor::come_back(net::Incoming& incoming) {
  const admin::Request request = request_of(incoming, admin::Trust::network, proxies_);
  const auto ticket = sign_on::Ticket::parse(cookie_of(incoming.head(), ticket_cookie));
  const auto visitor = co_await find_visitor(request, ticket);
  admin::Response response = api_.let_in(request, visitor, ticket ? ticket->return_to() : "/");
  response.headers.emplace_back("Set-Cookie", set_ticket(request, "", 0));
  const std::string head = head_of(incoming, response);
  co_await incoming.send(head);
}

net::Task<base::Result<identity::ProviderUser>> SignOnDoor::find_visitor(const admin::Request& request,
                                                                         const std::optional<sign_on::Ticket>& ticket) {
  using enum base::ErrorType;
  CO_TRY_STATUS(api_.check_login_attempt(request));
  // Core section 3.1.2.7, RFC 6749 section 10.12: what this browser did not begin is not finished.
  if (!ticket || parameter(request, "state") != ticket->state())
    co_return refused(unauthorized, "this login was not begun in this browser, or more than ten minutes ago");
  // RFC 9207: who says that he is another one was asked by nobody here.
  if (const auto issuer = parameter(request, "iss"); !issuer.empty() && issuer != client_->provider().issuer)
    co_return refused(unauthorized, "the answer is of another provider");
  if (const auto error = parameter(request, "error"); !error.empty())
    co_return refused(forbidden, fmt::format("the provider says '{}' {}", error.substr(0, 80),
                                             parameter(request, "error_description").substr(0, 200)));
  if (parameter(request, "code").empty()) co_return refused(unauthorized, "the provider has sent no code");
  co_return co_await client_->find_visitor(*ticket, parameter(request, "code"));
}

}  // namespace app
