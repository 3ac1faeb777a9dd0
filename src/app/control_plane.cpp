#include "app/control_plane.h"

#include <unistd.h>

#include <fmt/format.h>

#include "app/control_message.h"
#include "app/page_door.h"
#include "app/sign_on_door.h"
#include "app/store_thread.h"
#include "base/log.h"
#include "net/head_writer.h"
#include "net/http_server.h"
#include "net/listener.h"

namespace app {
namespace {

constexpr std::int64_t body_bytes_max = 1 << 20;

// Carries HTTP to the API and back.
class ApiHandler final : public net::Handler {
 public:
  ApiHandler(net::Loop& loop, admin::Api& api, admin::Trust trust, const net::TrustedProxies& proxies)
      : loop_(loop), api_(api), trust_(trust), proxies_(proxies) {}

  net::Task<void> serve(net::Incoming& incoming) override {
    admin::Request request = request_of(incoming, trust_, proxies_);
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
    const bool chunked = response.stream && incoming.head().minor_version >= 1;
    if (response.stream) incoming.close_after_reply();
    std::string reply = head_of(incoming, response, chunked);
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
  Door(net::Loop& loop, admin::Api& api, admin::Trust trust, const net::TrustedProxies& proxies,
       sign_on::Client* provider, int fd)
      : handler(loop, api, trust, proxies),
        sign_on(handler, api, provider, proxies),
        pages(sign_on),
        server(loop, pages, {}),
        listener(loop, fd, [this](int socket) { server.serve(socket); }) {}
  ApiHandler handler;
  SignOnDoor sign_on;
  PageDoor pages;
  net::HttpServer server;
  net::Listener listener;
};

}  // namespace

struct ControlPlane::Plane {
  explicit Plane(const base::Clock& clock) : loop(clock) {}
  ~Plane() { loop.end(); }  // first the coroutines, which refer to the doors

  net::Loop loop;
  std::unique_ptr<sign_on::Client> provider;
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
  auto& plane = *control->plane_;
  if (const auto* provider = control->listeners_.provider) {
    TRY(plane.provider, sign_on::Client::create(plane.loop, *provider, control->listeners_.provider_ca_file));
  }
  const auto open = [&](std::optional<net::Address>& address, admin::Trust trust) -> base::Status {
    if (!address) return {};
    TRY(const int fd, net::listen_on(*address));
    sign_on::Client* const provider = trust == admin::Trust::network ? plane.provider.get() : nullptr;
    plane.doors.push_back(
        std::make_unique<Door>(plane.loop, api, trust, control->listeners_.trusted_proxies, provider, fd));
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
