#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/body_reader.h"
#include "net/http_head.h"
#include "net/stream.h"
#include "net/tls.h"

namespace net {

// One connection to an upstream, for one request and its reply at a time.
class ClientConnection {
 public:
  ClientConnection(Loop& loop, int fd) : stream_(loop, fd) {}

  Stream& stream() { return stream_; }
  // Whether it served a request before: then the upstream may have closed it in the meantime.
  bool reused() const { return replies_ > 0; }

  // The head of the reply to a request with `method`; interim replies (1xx) are skipped. Ends at deadline_ms
  // (Loop::now_ms). The views live until the body is read.
  Task<base::Result<ResponseHead>> read_head(std::string_view method, std::int64_t deadline_ms);
  // Makes the body of that reply readable; after read_head.
  BodyReader& open_body(const ResponseHead& head, std::int64_t idle_ms, std::int64_t total_deadline_ms);
  // The reply was read to its end and the upstream keeps the connection.
  bool reusable() const { return keep_alive_ && body_ && body_->done() && body_->beyond().empty(); }

 private:
  friend class HttpClient;
  // Ready for the next request: the buffer goes back to the loop.
  void rest();

  Stream stream_;
  BufferHandle buffer_;
  std::optional<BodyReader> body_;
  bool keep_alive_ = false;
  std::int64_t replies_ = 0;
  std::int64_t idle_since_ms_ = 0;
};

struct ClientOptions {
  std::string host;
  std::uint16_t port = 80;
  TlsClientContext* tls = nullptr;  // nullptr: plain
  std::int64_t idle_ms = 30'000;    // how long an unused connection is kept
  std::size_t idle_max = 512;       // how many are
  std::int64_t resolve_every_ms = 30'000;
  bool public_only = false;  // whatever the name leads to: what is not public (public_address.h) is not called
};

// The connections of one loop to one upstream: those that rest are used again, last in, first out.
class HttpClient final : private Deadline {
 public:
  HttpClient(Loop& loop, ClientOptions options);

  // A connection that rests and is still good; nullptr: connect.
  std::unique_ptr<ClientConnection> take_resting();
  // A new connection, ready to write to. Errors: upstream_error or upstream_timeout, source network.
  Task<base::Result<std::unique_ptr<ClientConnection>>> connect(std::int64_t connect_ms);
  // Keeps the connection if it is reusable, closes it otherwise.
  void give_back(std::unique_ptr<ClientConnection> connection);
  // Closes what rests; connections that come back are closed too.
  void drain();

 private:
  Task<base::Status> resolve();
  void expired() override;

  struct Endpoint {
    std::vector<char> address;  // a sockaddr
  };

  Loop& loop_;
  ClientOptions options_;
  std::vector<std::unique_ptr<ClientConnection>> resting_;
  std::vector<Endpoint> endpoints_;
  std::int64_t resolved_ms_ = 0;
  bool draining_ = false;
};

}  // namespace net
