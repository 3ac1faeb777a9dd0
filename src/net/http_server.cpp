#include "net/http_server.h"

#include "base/assert.h"

namespace net {
namespace {
// What a connection that is being closed may still send before it is cut.
constexpr std::size_t linger_bytes = 1 << 20;
constexpr std::int64_t linger_ms = 2'000;
}  // namespace

// One client connection: reads requests one after the other and hands them to the handler. Holds a buffer only while
// it has something to read.
class ServerConnection final : public ServedConnection {
 public:
  ServerConnection(HttpServer& server, int fd) : server_(server), stream_(server.loop_, fd) {
    server.connections_.push_back(*this);
  }

  Task<void> run() {
    if (server_.tls_ != nullptr) {
      stream_.expires_after(server_.options_.head_ms);
      if (const auto status = co_await stream_.start_tls_server(*server_.tls_); !status) co_return;
    }
    while (co_await serve_one()) {
    }
  }

  bool idle() const override { return idle_; }
  void close() override { stream_.close(); }

 private:
  // One request; false: the connection is over.
  Task<bool> serve_one() {
    if (!buffer_ || buffer_->bytes().empty()) {
      if (server_.draining_) co_return false;
      buffer_.reset();
      idle_ = true;
      stream_.expires_after(server_.options_.idle_ms);
      auto io = stream_.readable_now();
      if (!io) io = co_await stream_.wait_readable();
      idle_ = false;
      if (*io != Io::ok) co_return false;
      buffer_ = server_.loop_.buffers().take();
    } else {
      buffer_->compact();  // a pipelined request: its bytes came with the one before
    }
    // Nearly always the whole head is there at once.
    stream_.expires_after(server_.options_.head_ms);
    auto parsed = parse_request_head(buffer_->bytes(), buffer_->fields);
    while (parsed && !*parsed) {
      auto read = stream_.read_at_once(buffer_->space(), buffer_->space_left());
      if (!read) read = co_await stream_.read_some(buffer_->space(), buffer_->space_left());
      if (read->io != Io::ok) co_return false;
      buffer_->filled(read->count);
      parsed = parse_request_head(buffer_->bytes(), buffer_->fields);
    }
    if (!parsed) co_return co_await refuse(parsed.error());
    const RequestHead& head = **parsed;
    buffer_->consume(head.size);
    Incoming incoming(server_, stream_, *buffer_, head);
    co_await server_.handler_.serve(incoming);
    if (incoming.client_gone() || !incoming.keep_alive()) {
      if (!incoming.client_gone()) co_await linger();
      co_return false;
    }
    // The rest of a body that the handler did not want stands before the next request: short ones are skipped.
    for (std::size_t skipped = 0; !incoming.body_.done();) {
      const auto piece = co_await incoming.body_.read_piece();
      if (!piece || (skipped += piece->size()) > linger_bytes) co_return false;
    }
    if (auto more = incoming.body_.take_buffer()) buffer_ = std::move(more);
    co_return true;
  }

  Task<bool> refuse(const base::Error& error) {
    const std::string reply = server_.handler_.refuse(error);
    stream_.expires_after(server_.options_.write_ms);
    co_await stream_.write({reply, {}, {}});
    co_await linger();
    co_return false;
  }

  // Closing while the client still sends would reset the connection and take the reply with it (RFC 9112, 9.6).
  Task<void> linger() {
    stream_.expires_after(linger_ms);
    co_await stream_.write({});  // what was posted, to its last byte
    stream_.shut_down_writing();
    buffer_->clear();
    for (std::size_t total = 0; total < linger_bytes;) {
      const auto read = co_await stream_.read_some(buffer_->space(), buffer_->space_left());
      if (read.io != Io::ok) co_return;
      total += read.count;
    }
  }

  HttpServer& server_;
  Stream stream_;
  BufferHandle buffer_;
  bool idle_ = false;
};

Incoming::Incoming(HttpServer& server, Stream& stream, MessageBuffer& buffer, const RequestHead& head)
    : server_(server),
      stream_(stream),
      head_(head),
      body_(stream, buffer, head.framing, head.content_length, server.options_.body_ms),
      continue_pending_(head.expects_continue && buffer.bytes().empty()) {}

bool Incoming::keep_alive() const { return head_.keep_alive && !close_ && !server_.draining_; }

bool Incoming::rest_is_short() const {
  return body_.done() || (head_.framing == Framing::length && head_.content_length <= 64 * 1024 && !continue_pending_);
}

Task<void> Incoming::announce_body() {
  if (!continue_pending_) co_return;
  continue_pending_ = false;
  const auto written = co_await stream_.write({"HTTP/1.1 100 Continue\r\n\r\n", {}, {}});
  client_gone_ = written.io != Io::ok;
}

Task<base::Result<std::string_view>> Incoming::read_body(std::int64_t max_bytes) {
  if (continue_pending_) co_await announce_body();
  co_return co_await body_.read_all(max_bytes);
}

Task<base::Result<std::string_view>> Incoming::read_piece() {
  if (continue_pending_) co_await announce_body();
  co_return co_await body_.read_piece();
}

std::optional<bool> Incoming::send_at_once(Stream::Parts& parts) {
  if (client_gone_) return false;
  // A client that waits for "100 Continue" and gets its answer instead will not send the body.
  if (continue_pending_) close_ = true;
  replied_ = true;
  stream_.expires_after(server_.options_.write_ms);
  const auto written = stream_.write_soon(parts);
  if (!written) return std::nullopt;
  client_gone_ = written->io != Io::ok;
  return !client_gone_;
}

Task<bool> Incoming::send(std::string_view head, std::string_view body, std::string_view tail) {
  Stream::Parts parts{head, body, tail};
  if (const auto sent = send_at_once(parts)) co_return *sent;
  const auto written = co_await stream_.write(parts);
  client_gone_ = written.io != Io::ok;
  co_return !client_gone_;
}

HttpServer::HttpServer(Loop& loop, Handler& handler, ServerOptions options, TlsServerContext* tls)
    : loop_(loop), handler_(handler), options_(options), tls_(tls) {}

HttpServer::~HttpServer() { ASSERT(connections_.empty()); }

namespace {
Task<void> run_connection(std::unique_ptr<ServerConnection> connection) { co_await connection->run(); }
}  // namespace

void HttpServer::serve(int fd) { loop_.spawn(run_connection(std::make_unique<ServerConnection>(*this, fd))); }

void HttpServer::drain() {
  draining_ = true;
  for (ServedConnection& connection : connections_)
    if (connection.idle()) connection.close();
}

void HttpServer::close_all() {
  draining_ = true;
  for (ServedConnection& connection : connections_) connection.close();
}

}  // namespace net
