#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>

#include "cli/control_client.h"
#include "cli/target.h"
#include "net/address.h"

namespace cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Unix = asio::local::stream_protocol;
using Tcp = asio::ip::tcp;

// A control plane that waits for its store answers within this or never.
constexpr std::chrono::seconds patience{60};
constexpr std::uint64_t reply_bytes_max = 256ULL << 20;

http::request<http::string_body> message_of(const admin::Request& request, const std::string& host) {
  http::request<http::string_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(target_of(request));
  message.set(http::field::host, host);
  message.set(http::field::accept, "application/json, application/problem+json");
  if (!request.credential.empty()) message.set(http::field::authorization, "Bearer " + request.credential);
  if (!request.idempotency_key.empty()) message.set("Idempotency-Key", request.idempotency_key);
  if (!request.body.empty()) {
    message.set(http::field::content_type, "application/json");
    message.body() = request.body;
  }
  message.keep_alive(false);
  message.prepare_payload();
  return message;
}

// One request over a connection of its own: a command sends few.
template <class Protocol, class Endpoints>
asio::awaitable<admin::Response> exchange(Endpoints endpoints, const http::request<http::string_body>& message) {
  beast::basic_stream<Protocol> stream(co_await asio::this_coro::executor);
  stream.expires_after(patience);
  co_await stream.async_connect(endpoints, asio::use_awaitable);
  co_await http::async_write(stream, message, asio::use_awaitable);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(reply_bytes_max);
  co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
  const auto& reply = parser.get();
  co_return admin::Response{static_cast<int>(reply.result_int()), reply[http::field::content_type], reply.body(), {}};
}

// Runs one exchange to its end. The libraries below throw; nothing above does.
template <class Protocol, class Endpoints>
base::Result<admin::Response> run(Endpoints endpoints, const http::request<http::string_body>& message,
                                  const std::string& where) {
  asio::io_context context;
  auto answer = asio::co_spawn(context, exchange<Protocol>(std::move(endpoints), message), asio::use_future);
  context.run();
  try {
    return answer.get();
  } catch (const boost::system::system_error& error) {
    return base::fail(base::ErrorType::unavailable,
                      fmt::format("cannot reach the control plane at {}: {}", where, error.code().message()));
  }
}

class TcpClient final : public ControlClient {
 public:
  TcpClient(net::Address address, std::string admin_key)
      : address_(std::move(address)), admin_key_(std::move(admin_key)) {}

  base::Result<admin::Response> send(const admin::Request& request) override {
    boost::system::error_code error;
    asio::io_context context;
    const auto endpoints = Tcp::resolver(context).resolve(address_.host, fmt::to_string(address_.port), error);
    if (error)
      return base::fail(base::ErrorType::unavailable,
                        fmt::format("cannot resolve {}: {}", address_.host, error.message()));
    admin::Request keyed = request;
    keyed.credential = admin_key_;
    return run<Tcp>(endpoints, message_of(keyed, address_.to_string()), address_.to_string());
  }

 private:
  net::Address address_;
  std::string admin_key_;
};

class SocketClient final : public ControlClient {
 public:
  explicit SocketClient(std::string path) : path_(std::move(path)) {}

  base::Result<admin::Response> send(const admin::Request& request) override {
    return run<Unix>(Unix::endpoint(path_), message_of(request, "localhost"), path_);
  }

 private:
  std::string path_;
};

}  // namespace

base::Result<std::unique_ptr<ControlClient>> connect_to_server(const std::string& url, std::string admin_key) {
  constexpr std::string_view scheme = "http://";
  std::string_view rest = url;
  if (rest.starts_with("https://"))
    return base::invalid("--server takes http:// only; for TLS, use an SSH tunnel or a proxy on this machine");
  if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const auto address = net::Address::parse(rest);
  if (!address || address->is_unix || rest.contains('/'))
    return base::invalid("--server must be http://HOST:PORT, such as http://127.0.0.1:8081");
  if (admin_key.empty())
    return base::invalid("--server needs an admin key: set METERGATE_ADMIN_KEY, or give --admin-key");
  return std::make_unique<TcpClient>(*address, std::move(admin_key));
}

base::Result<std::unique_ptr<ControlClient>> connect_to_socket(const std::string& path) {
  // Longer paths do not fit a socket's address, so no server listens there either.
  constexpr std::size_t path_bytes_max = 107;
  if (path.size() > path_bytes_max) return nullptr;
  asio::io_context context;
  Unix::socket probe(context);
  boost::system::error_code error;
  probe.connect(Unix::endpoint(path), error);
  if (!error) return std::make_unique<SocketClient>(path);
  // A socket without a listener was left behind by a server that was killed.
  if (error == asio::error::connection_refused || error == boost::system::errc::no_such_file_or_directory)
    return nullptr;
  return base::fail(base::ErrorType::unavailable, fmt::format("cannot open {}: {}", path, error.message()));
}

}  // namespace cli
