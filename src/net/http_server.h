#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/body_reader.h"
#include "net/http_head.h"
#include "net/stream.h"

namespace net {

class HttpServer;

// One request on a connection: its head, its body to be read, and the way back. Valid while Handler::serve runs.
class Incoming {
 public:
  const RequestHead& head() const { return head_; }

  // The whole body (see BodyReader::read_all) or its next piece. The first call answers "Expect: 100-continue".
  Task<base::Result<std::string_view>> read_body(std::int64_t max_bytes);
  Task<base::Result<std::string_view>> read_piece();
  // The whole body without waiting, if it came with the head; nullopt: call read_body.
  std::optional<std::string_view> body_at_hand() { return continue_pending_ ? std::nullopt : body_.at_hand(); }
  bool has_body() const { return head_.framing != Framing::none; }
  // Whether what is unread of the body is so little that skipping it is better than closing the connection.
  bool rest_is_short() const;

  // Writes raw bytes of the reply: head first, formed by the handler. False: the client is gone. `head` and `tail` may
  // be scratch memory; `body` must live until the call returns.
  Task<bool> send(std::string_view head, std::string_view body = {}, std::string_view tail = {});
  // The same without waiting; nullopt: `parts` is what is left for send().
  std::optional<bool> send_at_once(Stream::Parts& parts);
  // The client's IP address; empty on a Unix socket. A connection that came through another proxy is that one's.
  std::string peer() const { return stream_.peer(); }
  bool client_gone() const { return client_gone_; }
  // True once any byte of a reply was sent.
  bool replied() const { return replied_; }

  // Whether the connection may serve another request after this one; the reply's Connection field must say so.
  bool keep_alive() const;
  void close_after_reply() { close_ = true; }

 private:
  friend class ServerConnection;
  Incoming(HttpServer& server, Stream& stream, MessageBuffer& buffer, const RequestHead& head);
  Task<void> announce_body();

  HttpServer& server_;
  Stream& stream_;
  const RequestHead& head_;
  BodyReader body_;
  bool continue_pending_;
  bool client_gone_ = false;
  bool replied_ = false;
  bool close_ = false;
};

class Handler {
 public:
  virtual ~Handler() = default;
  // Answers one request. What the handler leaves unread of the body is discarded, or ends the connection.
  virtual Task<void> serve(Incoming& incoming) = 0;
  // The reply to what is not HTTP (type invalid_request or headers_too_large): a whole message that closes.
  virtual std::string refuse(const base::Error& error) = 0;
};

struct ServerOptions {
  std::int64_t idle_ms = 75'000;    // between two requests
  std::int64_t head_ms = 30'000;    // from a request's first byte to the end of its head
  std::int64_t body_ms = 60'000;    // between two reads of its body
  std::int64_t write_ms = 120'000;  // for a client to take what was sent
};

// A server's view of one of its connections.
class ServedConnection
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~ServedConnection() = default;
  virtual bool idle() const = 0;  // between two requests
  virtual void close() = 0;
};

// The connections of one loop that came from one listener.
class HttpServer {
 public:
  HttpServer(Loop& loop, Handler& handler, ServerOptions options, TlsServerContext* tls = nullptr);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Serves a connection until it ends.
  void serve(int fd);
  // Closes idle connections now and busy ones after their reply.
  void drain();
  bool draining() const { return draining_; }
  std::size_t connections() const { return connections_.size(); }
  // Ends all connections at once.
  void close_all();

 private:
  friend class ServerConnection;
  friend class Incoming;

  Loop& loop_;
  Handler& handler_;
  ServerOptions options_;
  TlsServerContext* tls_;
  bool draining_ = false;
  boost::intrusive::list<ServedConnection, boost::intrusive::constant_time_size<false>> connections_;
};

}  // namespace net
