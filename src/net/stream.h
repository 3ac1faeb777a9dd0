#pragma once

#include <boost/asio/async_result.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "net/tls.h"

namespace net {

// A connection, plain or TLS, over a non-blocking socket. Bytes are moved with recv/sendmsg or OpenSSL as soon as they
// can be; the poller says when to go on, so that an idle connection holds no buffer. One reader and one writer at a
// time.
class Stream final : private Deadline, private Poller::Watched {
 public:
  Stream(Loop& loop, int fd);  // takes the socket over
  ~Stream() override;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // The IP address at the other end; empty if it has none.
  std::string peer() const;

  // For a socket whose connect() was begun: waits until it is connected.
  Task<Io> connected();
  // TLS on top of the connected socket; `host` for SNI and verification on the client side.
  Task<base::Status> start_tls_client(TlsClientContext& context, const std::string& host);
  Task<base::Status> start_tls_server(TlsServerContext& context);

  struct ReadResult {
    Io io = Io::ok;
    std::size_t count = 0;  // > 0 if io is ok
  };
  // Waits until there may be something to read, without a buffer. Where that is likely already, readable_now() saves
  // the suspension; nullopt: wait.
  std::optional<Io> readable_now();
  Task<Io> wait_readable();
  // Reads what is there, at least one byte; waits if nothing is.
  Task<ReadResult> read_some(char* into, std::size_t size);
  // The same without waiting; nullopt: nothing is there. Saves a coroutine where something nearly always is.
  std::optional<ReadResult> read_at_once(char* into, std::size_t size);

  struct WriteResult {
    Io io = Io::ok;
    bool untouched = false;  // with a failure: not one byte of these parts was taken by the system
  };
  // What is to be sent, in order, in one packet where it fits.
  struct Parts {
    std::string_view head;
    std::string_view body;
    std::string_view tail;
    std::size_t size() const { return head.size() + body.size() + tail.size(); }
    bool empty() const { return size() == 0; }
  };
  // Sends all of it. What of head and tail cannot be sent at once is copied, so they may stand in scratch memory; the
  // body must outlive the call.
  Task<WriteResult> write(Parts parts);
  // The same without waiting; nullopt: the connection takes no more now, and `parts` is what is left for write().
  std::optional<WriteResult> write_at_once(Parts& parts);
  // The same for what nothing follows in this turn: a small message is copied and leaves at the end of the loop's turn,
  // with those of others (outbox.h). If it then cannot be sent, whatever is asked of the stream next says `broken`.
  std::optional<WriteResult> write_soon(Parts& parts);
  // By the clock: when what write_soon() was last given had been handed to the system, or as much of it as that took at
  // once. nullopt: not yet. Of what waits for the turn's end: when all that waited had been.
  std::optional<base::Instant> sent_at() const { return sent_at_; }
  // Whether not one byte of the last small message was taken by the system.
  bool lost() const { return lost_; }

  // Whether a connection that lay idle is still good: nothing was received and it was not closed. One system call.
  bool is_quiet();

  // The deadline of all that waits or will wait, on Loop::now_ms; it stays until it is set again.
  void expires_at(std::int64_t ms);
  void expires_after(std::int64_t ms) { expires_at(loop_.now_ms() + ms); }
  void expires_never() { expires_at(never); }
  // Says that no more will be written, and leaves the reading side open.
  void shut_down_writing();
  // Ends the connection now; what waits on it returns `broken`.
  void close();

  Loop& loop() { return loop_; }

 private:
  friend class Outbox;
  // A coroutine that waits for one direction.
  using Waiter = asio::async_result<asio::use_awaitable_t<Executor>, void(Io)>::handler_type;
  struct Direction {
    bool ready = true;  // as far as is known: a system call is worth a try
    std::optional<Waiter> waiter;
  };

  // Waits for a direction. The check before it saves a suspension where nothing is to be waited for.
  Task<Io> suspend(Direction& direction);
  std::optional<Io> ready_now(const Direction& direction) const;
  static void wake(Direction& direction, Io io);
  void ready(std::uint32_t events) override;
  void expired() override;
  void abandon() override;

  // One attempt; > 0 bytes, 0 closed, -1 broken, -2 wait to read, -3 wait to write.
  long try_read(char* into, std::size_t size);
  long try_write(const Parts& parts);
  // The end of write_soon.
  void send_posted(std::string_view bytes);
  void send_unsent();
  // What was posted goes before whatever is written now. False: it waits for the client to take it, or failed.
  bool posted_is_sent();
  // The direction that a failed attempt waits for; it is not ready any more.
  Direction& direction_of(long result);
  Task<WriteResult> write_rest(std::string head, std::string_view body, std::string tail);
  Task<base::Status> handshake(const char* what);

  Loop& loop_;
  int fd_;
  Direction reading_{.ready = false, .waiter = {}};  // whatever is there already comes with the first event
  Direction writing_;
  bool peer_ended_ = false;  // no more events may come, so reading stays worth a try
  bool timed_out_ = false;
  bool wrote_ = false;         // of the message that is being written, a byte was taken
  bool posted_ = false;        // a message of ours is in the loop's outbox
  bool write_failed_ = false;  // of a posted message
  bool lost_ = false;
  std::string unsent_;  // of a posted message, what the system did not take
  std::optional<base::Instant> sent_at_;
  TlsSession tls_;
};

}  // namespace net
