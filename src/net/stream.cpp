#include "net/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>

#include <fmt/format.h>

#include "base/assert.h"

namespace net {
namespace {

constexpr long result_broken = -1;
constexpr long result_wants_read = -2;
constexpr long result_wants_write = -3;

// What SSL_read and SSL_write could not do, in our terms.
long tls_result(SSL* ssl, int returned) {
  switch (SSL_get_error(ssl, returned)) {
    case SSL_ERROR_WANT_READ: return result_wants_read;
    case SSL_ERROR_WANT_WRITE: return result_wants_write;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default: ERR_clear_error(); return result_broken;
  }
}

}  // namespace

Stream::Stream(Loop& loop, int fd) : loop_(loop), fd_(fd) {
  loop_.watch(*this);
  loop_.poller().add(fd_, *this);
}

Stream::~Stream() {
  // A notice that we are done, so that the peer can tell an end from an attack; nobody waits for the answer.
  if (tls_ && fd_ >= 0 && SSL_is_init_finished(tls_.get()) == 1) SSL_shutdown(tls_.get());
  ERR_clear_error();
  close();
}

void Stream::close() {
  if (fd_ < 0) return;
  loop_.poller().remove(fd_, *this);
  ::close(fd_);
  fd_ = -1;
  wake(reading_, Io::broken);
  wake(writing_, Io::broken);
}

void Stream::expires_at(std::int64_t ms) {
  timed_out_ = false;
  expires_ms = ms;
}

void Stream::expired() {
  timed_out_ = true;
  wake(reading_, Io::timed_out);
  wake(writing_, Io::timed_out);
}

void Stream::shut_down_writing() { ::shutdown(fd_, SHUT_WR); }

void Stream::abandon() {
  // What is ended here may be what holds this stream.
  const auto reader = std::exchange(reading_.waiter, std::nullopt);
  const auto writer = std::exchange(writing_.waiter, std::nullopt);
}

// The coroutine goes on in a turn of its own, so that whoever ends a stream is not run over by those it wakes.
void Stream::wake(Direction& direction, Io io) {
  if (!direction.waiter) return;
  auto waiter = std::make_shared<Waiter>(std::move(*direction.waiter));
  direction.waiter.reset();
  asio::post(waiter->get_executor(), [waiter, io] { std::move (*waiter)(io); });
}

void Stream::ready(std::uint32_t events) {
  peer_ended_ = peer_ended_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  const auto go_on = [](Direction& direction) {
    direction.ready = true;
    if (!direction.waiter) return;
    Waiter waiter = std::move(*direction.waiter);
    direction.waiter.reset();
    std::move(waiter)(Io::ok);  // may end this stream
  };
  const bool writable = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
  const bool write_waits = writable && writing_.waiter.has_value();
  if (writable) writing_.ready = true;
  // At most one of the two is resumed here: the first may end the stream. The other one, rare, is told in its own turn.
  if (write_waits && reading_.waiter) wake(writing_, Io::ok);
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 && (reading_.waiter || !write_waits)) return go_on(reading_);
  if (write_waits) go_on(writing_);
}

Task<Io> Stream::wait(Direction& direction) {
  if (timed_out_) co_return Io::timed_out;
  if (fd_ < 0) co_return Io::broken;
  if (direction.ready) co_return Io::ok;
  ASSERT(!direction.waiter);
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<Executor>&, void(Io)>(
      [&direction](auto waiter) { direction.waiter.emplace(std::move(waiter)); }, use_task);
}

Stream::Direction& Stream::direction_of(long result) {
  Direction& direction = result == result_wants_read ? reading_ : writing_;
  direction.ready = false;  // the system said so just now: the next change comes with an event
  return direction;
}

Task<Io> Stream::connected() {
  writing_.ready = false;
  if (const Io io = co_await wait(writing_); io != Io::ok) co_return io;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  co_return error == 0 ? Io::ok : Io::broken;
}

Task<Io> Stream::wait_readable() {
  if (tls_ && SSL_pending(tls_.get()) > 0) reading_.ready = true;
  return wait(reading_);
}

long Stream::try_read(char* into, std::size_t size) {
  if (tls_) {
    const int count = SSL_read(tls_.get(), into, static_cast<int>(size));
    return count > 0 ? count : tls_result(tls_.get(), count);
  }
  while (true) {
    const ssize_t count = ::recv(fd_, into, size, 0);
    if (count > 0) {
      // A short read emptied the socket: the next byte comes with an event. The peer's end has had its event already.
      if (static_cast<std::size_t>(count) < size) reading_.ready = peer_ended_;
      return count;
    }
    if (count == 0) return 0;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? result_wants_read : result_broken;
  }
}

Task<Stream::ReadResult> Stream::read_some(char* into, std::size_t size) {
  ASSERT(size > 0);
  while (true) {
    const long count = try_read(into, size);
    if (count > 0) co_return ReadResult{Io::ok, static_cast<std::size_t>(count)};
    if (count == 0) co_return ReadResult{Io::closed, 0};
    if (count == result_broken) co_return ReadResult{Io::broken, 0};
    const Io io = co_await wait(direction_of(count));
    if (io != Io::ok) co_return ReadResult{io, 0};
  }
}

long Stream::try_write(std::string_view head, std::string_view body, std::string_view tail) {
  if (tls_) {
    // One record at a time; the first part that is not empty.
    const std::string_view part = !head.empty() ? head : !body.empty() ? body : tail;
    const int count = SSL_write(tls_.get(), part.data(), static_cast<int>(std::min<std::size_t>(part.size(), 1 << 20)));
    return count > 0 ? count : tls_result(tls_.get(), count);
  }
  std::array<iovec, 3> parts{};
  std::size_t used = 0;
  for (const std::string_view part : {head, body, tail})
    if (!part.empty()) parts[used++] = iovec{const_cast<char*>(part.data()), part.size()};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = used;
  while (true) {
    const ssize_t count = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (count >= 0) return count;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? result_wants_write : result_broken;
  }
}

namespace {

// Takes `count` sent bytes off the front of the three parts.
void take_sent(std::size_t count, std::string_view& head, std::string_view& body, std::string_view& tail) {
  for (std::string_view* part : {&head, &body, &tail}) {
    const std::size_t here = std::min(count, part->size());
    part->remove_prefix(here);
    count -= here;
  }
  ASSERT(count == 0);
}

}  // namespace

Task<Stream::WriteResult> Stream::write(std::string_view head, std::string_view body, std::string_view tail) {
  // Nearly always all of it goes at once, and nothing is copied. With TLS the parts are joined when they are small, so
  // that they share a record and a packet.
  std::string joined;
  if (tls_ && !head.empty() && head.size() + body.size() + tail.size() <= 16 * 1024) {
    joined.reserve(head.size() + body.size() + tail.size());
    joined.append(head).append(body).append(tail);
    head = joined;
    body = tail = {};
  }
  bool untouched = true;
  while (!head.empty() || !body.empty() || !tail.empty()) {
    const long count = try_write(head, body, tail);
    if (count > 0) {
      untouched = false;
      take_sent(static_cast<std::size_t>(count), head, body, tail);
    } else if (count == 0 || count == result_broken) {
      co_return WriteResult{count == 0 ? Io::closed : Io::broken, untouched && !tls_};
    } else {
      WriteResult rest = co_await write_rest(std::string(head), body, std::string(tail));
      rest.untouched = rest.untouched && untouched && !tls_;
      co_return rest;
    }
  }
  co_return WriteResult{};
}

Task<Stream::WriteResult> Stream::write_rest(std::string head, std::string_view body, std::string tail) {
  std::string_view head_left = head;
  std::string_view tail_left = tail;
  bool untouched = true;
  while (!head_left.empty() || !body.empty() || !tail_left.empty()) {
    const long count = try_write(head_left, body, tail_left);
    if (count > 0) {
      untouched = false;
      take_sent(static_cast<std::size_t>(count), head_left, body, tail_left);
      continue;
    }
    if (count == 0 || count == result_broken) co_return WriteResult{count == 0 ? Io::closed : Io::broken, untouched};
    const Io io = co_await wait(direction_of(count));
    if (io != Io::ok) co_return WriteResult{io, untouched};
  }
  co_return WriteResult{};
}

bool Stream::is_quiet() {
  char byte = 0;
  const ssize_t count = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

Task<base::Status> Stream::handshake(const char* what) {
  while (true) {
    const int done = SSL_do_handshake(tls_.get());
    if (done == 1) co_return base::Status{};
    const int error = SSL_get_error(tls_.get(), done);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
      const long verified = SSL_get_verify_result(tls_.get());
      co_return base::fail(base::ErrorType::upstream_error,
                           fmt::format("TLS with {} failed: {}", what,
                                       verified == X509_V_OK ? tls_error() : X509_verify_cert_error_string(verified)),
                           {}, base::Source::network);
    }
    const Io io = co_await wait(direction_of(error == SSL_ERROR_WANT_READ ? result_wants_read : result_wants_write));
    if (io != Io::ok)
      co_return base::fail(io == Io::timed_out ? base::ErrorType::upstream_timeout : base::ErrorType::upstream_error,
                           fmt::format("TLS with {} did not come about", what), {}, base::Source::network);
  }
}

Task<base::Status> Stream::start_tls_client(TlsClientContext& context, const std::string& host) {
  CO_TRY(tls_, context.session(fd_, host));
  CO_TRY_STATUS(co_await handshake(host.c_str()));
  context.note_handshake(tls_.get());
  co_return base::Status{};
}

Task<base::Status> Stream::start_tls_server(TlsServerContext& context) {
  CO_TRY(tls_, context.session(fd_));
  co_return co_await handshake("the client");
}

}  // namespace net
