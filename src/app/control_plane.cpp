#include "app/control_plane.h"

#include <unistd.h>

#include <fmt/format.h>

#include "app/page_door.h"
#include "app/store_thread.h"
#include "base/log.h"
#include "net/head_writer.h"
#include "net/http_server.h"
#include "net/listener.h"

namespace app {
namespace {

constexpr std::int64_t body_bytes_max = 1 << 20;

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

// The value of the cookie with that name (RFC 6265 section 4.2); empty if there is none.
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

// Carries HTTP to the API and back.
class ApiHandler final : public net::Handler {
 public:
  ApiHandler(net::Loop& loop, admin::Api& api, admin::Trust trust, const net::TrustedProxies& proxies)
      : loop_(loop), api_(api), trust_(trust), proxies_(proxies) {}

  net::Task<void> serve(net::Incoming& incoming) override {
    const net::RequestHead& head = incoming.head();
    const std::string peer = incoming.peer();
    const std::string client = proxies_.client_of(peer, head);
    admin::Request request{.method = std::string(head.method),
                           .path = decoded(head.path(), false),
                           .query = query_of(head.target),
                           .body = {},
                           .credential = credential_of(head),
                           .trust = trust_,
                           .idempotency_key = std::string(head.find("idempotency-key").value_or("")),
                           .session_cookie = cookie_of(head, admin::session_cookie),
                           .csrf_token = std::string(head.find("x-csrf-token").value_or("")),
                           .last_event_id = std::string(head.find("last-event-id").value_or("")),
                           .if_match = std::string(head.find("if-match").value_or("")),
                           .address = client.empty() ? peer : client,  // all that a silent proxy lets in are one
                           .encrypted = proxies_.encrypted(peer, head)};
    const bool head_only = request.method == "HEAD";
    if (head_only) request.method = "GET";
    const auto body = co_await incoming.read_body(body_bytes_max);
    if (!body) {
      incoming.close_after_reply();
      co_await incoming.send(refuse(body.error()));
      co_return;
    }
    request.body = *body;
    const admin::Response response = api_.handle(request);
    std::string reply;
    net::HeadWriter writer(reply);
    writer.response(response.status, net::reason_of(response.status));
    if (!response.content_type.empty()) writer.field("Content-Type", response.content_type);
    for (const auto& [name, value] : response.headers) writer.field(name, value);
    writer.field("Cache-Control", "no-store").field("X-Content-Type-Options", "nosniff");
    const bool chunked = response.stream && head.minor_version >= 1;
    if (response.stream) incoming.close_after_reply();
    if (chunked)
      writer.field("Transfer-Encoding", "chunked");
    else if (response.status != 204 && !response.stream)
      writer.field("Content-Length", static_cast<std::int64_t>(response.body.size()));
    if (!incoming.keep_alive()) writer.field("Connection", "close");
    writer.end();
    if (response.stream && !head_only) {
      co_await send_stream(incoming, std::move(reply), response, chunked);
    } else {
      co_await incoming.send(reply, head_only ? std::string_view() : std::string_view(response.body));
    }
  }

  static std::string piece_of(std::string_view bytes, bool chunked) {
    return chunked ? fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes) : std::string(bytes);
  }

  // Until the client has gone, which shows when something is sent, or the stream is over. Others are served meanwhile.
  net::Task<void> send_stream(net::Incoming& incoming, std::string head, const admin::Response& response,
                              bool chunked) {
    std::string piece = response.body.empty() ? std::string() : piece_of(response.body, chunked);
    bool taken = co_await incoming.send(head, piece);
    while (taken) {
      co_await loop_.sleep(response.stream->step_ms());
      const auto bytes = response.stream->due();
      if (!bytes) {
        base::log::error("a reply of the control plane breaks off: {}", bytes.error().message);
        co_return;
      }
      if (!*bytes) break;
      if ((*bytes)->empty()) continue;
      piece = piece_of(**bytes, chunked);
      taken = co_await incoming.send(piece);
    }
    if (taken && chunked) co_await incoming.send("0\r\n\r\n");
  }

  std::string refuse(const base::Error& error) override {
    const int status = base::http_status(error.type);
    const std::string body = fmt::format(R"({{"type":"{}","title":"{}","status":{},"detail":"{}"}})",
                                         base::to_string(error.type), net::reason_of(status), status, error.message);
    std::string reply;
    net::HeadWriter writer(reply);
    writer.response(status, net::reason_of(status))
        .field("Content-Type", "application/problem+json")
        .field("Content-Length", static_cast<std::int64_t>(body.size()))
        .field("Connection", "close")
        .end();
    return reply + body;
  }

 private:
  net::Loop& loop_;
  admin::Api& api_;
  admin::Trust trust_;
  const net::TrustedProxies& proxies_;
};

constexpr std::int64_t minute_ms = 60'000;

net::Task<void> keep_house(net::Loop& loop, const std::function<void()>& every_minute) {
  for (;;) {
    every_minute();
    co_await loop.sleep(minute_ms);
  }
}

// One listener with its way to the pages and the API.
struct Door {
  Door(net::Loop& loop, admin::Api& api, admin::Trust trust, const net::TrustedProxies& proxies, int fd)
      : handler(loop, api, trust, proxies),
        pages(handler),
        server(loop, pages, {}),
        listener(loop, fd, [this](int socket) { server.serve(socket); }) {}
  ApiHandler handler;
  PageDoor pages;
  net::HttpServer server;
  net::Listener listener;
};

}  // namespace

struct ControlPlane::Plane {
  explicit Plane(const base::Clock& clock) : loop(clock) {}
  ~Plane() { loop.end(); }  // first the coroutines, which refer to the doors

  net::Loop loop;
  std::vector<std::unique_ptr<Door>> doors;
  std::thread thread;
};

base::Result<std::unique_ptr<ControlPlane>> ControlPlane::create(admin::Api& api, Listeners listeners,
                                                                 const base::Clock& clock,
                                                                 std::function<void()> every_minute) {
  std::unique_ptr<ControlPlane> control(new ControlPlane);
  control->every_minute_ = std::move(every_minute);
  control->listeners_ = std::move(listeners);
  control->plane_ = std::make_unique<Plane>(clock);
  const auto open = [&](std::optional<net::Address>& address, admin::Trust trust) -> base::Status {
    if (!address) return {};
    TRY(const int fd, net::listen_on(*address));
    control->plane_->doors.push_back(
        std::make_unique<Door>(control->plane_->loop, api, trust, control->listeners_.trusted_proxies, fd));
    return {};
  };
  TRY_STATUS(open(control->listeners_.tcp, admin::Trust::network));
  TRY_STATUS(open(control->listeners_.local, admin::Trust::local));
  return control;
}

ControlPlane::~ControlPlane() { stop(); }

void ControlPlane::start() {
  for (const auto& door : plane_->doors) door->listener.start();
  plane_->loop.post([this] { plane_->loop.spawn(keep_house(plane_->loop, every_minute_)); });
  plane_->thread = std::thread([this] {
    name_thread("mg-control");
    plane_->loop.run();
  });
}

void ControlPlane::stop() {
  if (!plane_->thread.joinable()) return;
  plane_->loop.post([this] {
    for (const auto& door : plane_->doors) {
      door->listener.stop();
      door->server.close_all();
    }
    plane_->loop.stop();
  });
  plane_->thread.join();
  if (listeners_.local) ::unlink(listeners_.local->host.c_str());
}

}  // namespace app
