#include "app/control_message.h"

#include <utility>
#include <vector>

#include "net/head_writer.h"

namespace app {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Percent-decoding (RFC 3986 section 2.1); in a query '+' is a space. What is not an escape stays as it is.
std::string decoded(std::string_view text, bool query) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size() && hex_digit(text[at + 1]) >= 0 && hex_digit(text[at + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[at + 1]) * 16 + hex_digit(text[at + 2]));
      at += 2;
    } else {
      out += query && text[at] == '+' ? ' ' : text[at];
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> query_of(std::string_view target) {
  std::vector<std::pair<std::string, std::string>> query;
  const std::size_t mark = target.find('?');
  std::string_view rest = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    query.emplace_back(decoded(pair.substr(0, equals), true),
                       equals == std::string_view::npos ? std::string() : decoded(pair.substr(equals + 1), true));
  }
  return query;
}

std::string credential_of(const net::RequestHead& head) {
  if (const auto key = head.find("x-admin-key")) return std::string(*key);
  const auto authorization = head.find("authorization");
  if (authorization && authorization->size() > 7 && net::equals_ignoring_case(authorization->substr(0, 7), "bearer "))
    return std::string(authorization->substr(7));
  return {};
}

}  // namespace

std::string cookie_of(const net::RequestHead& head, std::string_view name) {
  std::string_view rest = head.find("cookie").value_or("");
  while (!rest.empty()) {
    std::string_view pair = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    pair.remove_prefix(std::min(pair.size(), pair.find_first_not_of(' ')));
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return std::string(pair.substr(name.size() + 1));
  }
  return {};
}

admin::Request request_of(const net::Incoming& incoming, admin::Trust trust, const net::TrustedProxies& proxies) {
  const net::RequestHead& head = incoming.head();
  const std::string peer = incoming.peer();
  const std::string client = proxies.client_of(peer, head);
  return {.method = std::string(head.method),
          .path = decoded(head.path(), false),
          .query = query_of(head.target),
          .body = {},
          .credential = credential_of(head),
          .trust = trust,
          .idempotency_key = std::string(head.find("idempotency-key").value_or("")),
          .session_cookie = cookie_of(head, admin::session_cookie),
          .csrf_token = std::string(head.find("x-csrf-token").value_or("")),
          .last_event_id = std::string(head.find("last-event-id").value_or("")),
          .if_match = std::string(head.find("if-match").value_or("")),
          .address = client.empty() ? peer : client,  // all that a silent proxy lets in are one
          .encrypted = proxies.encrypted(peer, head)};
}

std::string head_of(const net::Incoming& incoming, const admin::Response& response, bool chunked) {
  std::string head;
  net::HeadWriter writer(head);
  writer.response(response.status, net::reason_of(response.status));
  if (!response.content_type.empty()) writer.field("Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers) writer.field(name, value);
  writer.field("Cache-Control", "no-store").field("X-Content-Type-Options", "nosniff");
  if (chunked)
    writer.field("Transfer-Encoding", "chunked");
  else if (response.status != 204 && !response.stream)
    writer.field("Content-Length", static_cast<std::int64_t>(response.body.size()));
  if (!incoming.keep_alive()) writer.field("Connection", "close");
  writer.end();
  return head;
}

}  // namespace app
