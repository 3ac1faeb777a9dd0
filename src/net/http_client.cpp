#include "net/http_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "net/public_address.h"

namespace net {
namespace {

using base::Result;
using base::Status;
using Connected = Result<std::unique_ptr<ClientConnection>>;

// A connection that rested for less than this is taken to be good without asking the system.
constexpr std::int64_t trusted_rest_ms = 5;

std::unexpected<base::Error> cannot_connect(const ClientOptions& options, std::string_view why,
                                            bool timed_out = false) {
  return base::fail(timed_out ? base::ErrorType::upstream_timeout : base::ErrorType::upstream_error,
                    fmt::format("cannot connect to {}:{}: {}", options.host, options.port, why), {},
                    timed_out ? base::Source::upstream_timeout : base::Source::network);
}

}  // namespace

Task<Result<ResponseHead>> ClientConnection::read_head(std::string_view method, std::int64_t deadline_ms) {
  body_.reset();
  stream_.expires_at(deadline_ms);
  // Nothing can be there yet, so the buffer is taken when something is.
  auto io = stream_.readable_now();
  if (!io) io = co_await stream_.wait_readable();
  if (*io != Io::ok) co_return base::fail(io_error(*io, "waiting for the reply"));
  buffer_ = stream_.loop().buffers().take();
  while (true) {
    auto read = stream_.read_at_once(buffer_->space(), buffer_->space_left());
    if (!read) read = co_await stream_.read_some(buffer_->space(), buffer_->space_left());
    if (read->io != Io::ok) co_return base::fail(io_error(read->io, "waiting for the reply"));
    buffer_->filled(read->count);
    while (true) {
      CO_TRY(const auto head, parse_response_head(buffer_->bytes(), buffer_->fields, method));
      if (!head) break;
      buffer_->consume(head->size);
      if (head->status >= 200) co_return *head;
      if (head->status == 101)
        co_return base::fail(base::ErrorType::upstream_error, "the upstream switched protocols without being asked");
    }
    buffer_->compact();
  }
}

BodyReader& ClientConnection::open_body(const ResponseHead& head, std::int64_t idle_ms,
                                        std::int64_t total_deadline_ms) {
  keep_alive_ = head.keep_alive;
  ++replies_;
  return body_.emplace(stream_, *buffer_, head.framing, head.content_length, idle_ms, total_deadline_ms);
}

void ClientConnection::rest() {
  body_.reset();
  buffer_.reset();
  stream_.expires_never();
  idle_since_ms_ = stream_.loop().now_ms();
}

HttpClient::HttpClient(Loop& loop, ClientOptions options) : loop_(loop), options_(std::move(options)) {
  loop_.watch(*this);
}

std::unique_ptr<ClientConnection> HttpClient::take_resting() {
  while (!resting_.empty()) {
    auto connection = std::move(resting_.back());
    resting_.pop_back();
    const std::int64_t rested_ms = loop_.now_ms() - connection->idle_since_ms_;
    if (rested_ms < trusted_rest_ms || (rested_ms < options_.idle_ms && connection->stream_.is_quiet()))
      return connection;
  }
  return nullptr;
}

void HttpClient::give_back(std::unique_ptr<ClientConnection> connection) {
  if (draining_ || !connection->reusable() || resting_.size() >= options_.idle_max) return;
  connection->rest();
  if (resting_.empty()) expires_ms = loop_.now_ms() + options_.idle_ms;
  resting_.push_back(std::move(connection));
}

// Closes what has rested too long; the list is in order of resting.
void HttpClient::expired() {
  const std::int64_t now = loop_.now_ms();
  std::erase_if(resting_, [&](const auto& connection) { return now - connection->idle_since_ms_ >= options_.idle_ms; });
  if (!resting_.empty()) expires_ms = now + options_.idle_ms / 4;
}

void HttpClient::drain() {
  draining_ = true;
  resting_.clear();
}

Task<Status> HttpClient::resolve() {
  if (!endpoints_.empty() && loop_.now_ms() - resolved_ms_ < options_.resolve_every_ms) co_return Status{};
  asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver(loop_.context().get_executor());
  boost::system::error_code error;
  const auto found =
      co_await resolver.async_resolve(options_.host, std::to_string(options_.port),
                                      asio::ip::resolver_base::numeric_service, asio::redirect_error(use_task, error));
  // Yesterday's addresses are better than none.
  if (error && endpoints_.empty()) co_return cannot_connect(options_, error.message());
  if (error) co_return Status{};
  endpoints_.clear();
  bool withheld = false;
  for (const auto& entry : found) {
    const auto endpoint = entry.endpoint();
    if (options_.public_only && !is_public(*endpoint.data())) {
      withheld = true;
      continue;
    }
    const auto* bytes = reinterpret_cast<const char*>(endpoint.data());
    endpoints_.push_back(Endpoint{std::vector<char>(bytes, bytes + endpoint.size())});
  }
  if (withheld && endpoints_.empty())
    co_return cannot_connect(options_, "it is at no public address, and the configuration allows no other there");
  resolved_ms_ = loop_.now_ms();
  co_return Status{};
}

Task<Connected> HttpClient::connect(std::int64_t connect_ms) {
  CO_TRY_STATUS(co_await resolve());
  const std::int64_t deadline_ms = loop_.now_ms() + connect_ms;
  std::string why = "no address";
  const std::vector<Endpoint> endpoints = endpoints_;  // another connect may resolve anew meanwhile
  for (const Endpoint& endpoint : endpoints) {
    const auto* address = reinterpret_cast<const sockaddr*>(endpoint.address.data());
    const int fd = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) co_return cannot_connect(options_, std::strerror(errno));
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, address, static_cast<socklen_t>(endpoint.address.size())) != 0 && errno != EINPROGRESS) {
      why = std::strerror(errno);
      ::close(fd);
      continue;
    }
    // Watched from here on: a socket that is not connecting yet would be reported as hung up.
    auto connection = std::make_unique<ClientConnection>(loop_, fd);
    connection->stream_.expires_at(deadline_ms);
    const Io io = co_await connection->stream_.connected();
    if (io == Io::timed_out) co_return cannot_connect(options_, "timed out", true);
    if (io != Io::ok) {
      why = "the connection was refused";
      continue;
    }
    if (options_.tls != nullptr)
      CO_TRY_STATUS(co_await connection->stream_.start_tls_client(*options_.tls, options_.host));
    co_return connection;
  }
  co_return cannot_connect(options_, why);
}

}  // namespace net
