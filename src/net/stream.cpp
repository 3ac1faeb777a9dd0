#include "net/stream.h"

#include <netdb.h>
#include <netinet/in.h>
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

std::string Stream::peer() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, NI_MAXHOST> text{};
  if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      (address.ss_family != AF_INET && address.ss_family != AF_INET6) ||
      ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) != 0)
    return {};
  constexpr std::string_view mapped = "::ffff:";  // IPv4, on a socket that takes both
  const std::string_view found(text.data());
  return std::string(found.starts_with(mapped) && found.contains('.') ? found.substr(mapped.size()) : found);
}

Stream::~Stream() {
  // A notice that we are done, so that the peer can tell an end from an attack; nobody waits for the answer.
  if (tls_ && fd_ >= 0 && SSL_is_init_finished(tls_.get()) == 1) SSL_shutdown(tls_.get());
  ERR_clear_error();
  close();
}

void Stream::close() {
  if (fd_ < 0) return;
  if (posted_) loop_.outbox().send(*this);
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

void Stream::shut_down_writing() {
  (void)posted_is_sent();
  // Without its own notice TLS takes the end of the connection for an attack.
  if (tls_ && SSL_is_init_finished(tls_.get()) == 1) SSL_shutdown(tls_.get());
  ERR_clear_error();
  ::shutdown(fd_, SHUT_WR);
}

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
  const bool readable = (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  const bool writable = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
  const bool write_waits = writable && writing_.waiter.has_value();
  if (readable) reading_.ready = true;
  if (writable) writing_.ready = true;
  if (writable && !unsent_.empty()) send_unsent();
  // At most one of the two is resumed here: the first may end the stream. The other one, rare, is told in its own turn.
  if (write_waits && reading_.waiter) wake(writing_, Io::ok);
  if (readable && (reading_.waiter || !write_waits)) return go_on(reading_);
  if (write_waits) go_on(writing_);
}

std::optional<Io> Stream::ready_now(const Direction& direction) const {
  if (timed_out_) return Io::timed_out;
  if (fd_ < 0 || write_failed_) return Io::broken;
  if (direction.ready) return Io::ok;
  return std::nullopt;
}

Task<Io> Stream::suspend(Direction& direction) {
  ASSERT(!direction.waiter);
  return asio::async_initiate<const asio::use_awaitable_t<Executor>&, void(Io)>(
      [this, &direction](auto waiter) {
        direction.waiter.emplace(std::move(waiter));
        if (const auto io = ready_now(direction)) wake(direction, *io);
      },
      use_task);
}

Stream::Direction& Stream::direction_of(long result) {
  Direction& direction = result == result_wants_read ? reading_ : writing_;
  direction.ready = false;  // the system said so just now: the next change comes with an event
  return direction;
}

Task<Io> Stream::connected() {
  writing_.ready = false;
  auto io = ready_now(writing_);
  if (!io) io = co_await suspend(writing_);
  if (*io != Io::ok) co_return *io;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  co_return error == 0 ? Io::ok : Io::broken;
}

std::optional<Io> Stream::readable_now() {
  if (tls_ && SSL_pending(tls_.get()) > 0) reading_.ready = true;
  return ready_now(reading_);
}

Task<Io> Stream::wait_readable() {
  (void)readable_now();  // what TLS has decrypted already
  return suspend(reading_);
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

std::optional<Stream::ReadResult> Stream::read_at_once(char* into, std::size_t size) {
  ASSERT(size > 0);
  if (timed_out_) return ReadResult{Io::timed_out, 0};
  if (fd_ < 0 || write_failed_) return ReadResult{Io::broken, 0};
  if (!tls_ && !reading_.ready) return std::nullopt;
  const long count = try_read(into, size);
  if (count > 0) return ReadResult{Io::ok, static_cast<std::size_t>(count)};
  if (count == 0) return ReadResult{Io::closed, 0};
  if (count == result_broken) return ReadResult{Io::broken, 0};
  direction_of(count);
  return std::nullopt;
}

Task<Stream::ReadResult> Stream::read_some(char* into, std::size_t size) {
  while (true) {
    if (const auto read = read_at_once(into, size)) co_return *read;
    // With TLS a read may wait for the socket to take bytes (a key update): whichever is not ready is waited for.
    const Io io = co_await suspend(reading_.ready ? writing_ : reading_);
    if (io != Io::ok) co_return ReadResult{io, 0};
  }
}

long Stream::try_write(const Parts& parts) {
  if (tls_) {
    // One record at a time; the first part that is not empty.
    const std::string_view part = !parts.head.empty() ? parts.head : !parts.body.empty() ? parts.body : parts.tail;
    const int count = SSL_write(tls_.get(), part.data(), static_cast<int>(std::min<std::size_t>(part.size(), 1 << 20)));
    return count > 0 ? count : tls_result(tls_.get(), count);
  }
  std::array<iovec, 3> vectors{};
  std::size_t used = 0;
  for (const std::string_view part : {parts.head, parts.body, parts.tail})
    if (!part.empty()) vectors[used++] = iovec{const_cast<char*>(part.data()), part.size()};
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = used;
  while (true) {
    const ssize_t count = used == 1 ? ::send(fd_, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL)
                                    : ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (count >= 0) return count;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? result_wants_write : result_broken;
  }
}

namespace {

// Takes `count` sent bytes off the front of the parts.
void take_sent(std::size_t count, Stream::Parts& parts) {
  for (std::string_view* part : {&parts.head, &parts.body, &parts.tail}) {
    const std::size_t here = std::min(count, part->size());
    part->remove_prefix(here);
    count -= here;
  }
  ASSERT(count == 0);
}

}  // namespace

std::optional<Stream::WriteResult> Stream::write_at_once(Parts& parts) {
  wrote_ = tls_ != nullptr;  // with TLS nobody knows what was taken
  // The head and a small body share a TLS record, and so a packet.
  if (tls_ && !parts.body.empty()) return std::nullopt;
  if (!posted_is_sent() && !write_failed_) return std::nullopt;
  while (!parts.empty()) {
    if (timed_out_) return WriteResult{Io::timed_out, !wrote_};
    if (fd_ < 0 || write_failed_) return WriteResult{Io::broken, !wrote_};
    const long count = try_write(parts);
    if (count > 0) {
      wrote_ = true;
      take_sent(static_cast<std::size_t>(count), parts);
    } else if (count == 0 || count == result_broken) {
      return WriteResult{count == 0 ? Io::closed : Io::broken, !wrote_};
    } else {
      direction_of(count);
      return std::nullopt;
    }
  }
  return WriteResult{};
}

std::optional<Stream::WriteResult> Stream::write_soon(Parts& parts) {
  const bool small = !tls_ && parts.size() <= Outbox::message_max;
  lost_ = false;
  sent_at_.reset();
  if (!small || posted_ || !unsent_.empty() || write_failed_ || timed_out_ || fd_ < 0) {
    auto written = write_at_once(parts);
    sent_at_ = loop_.clock().now();
    return written;
  }
  loop_.outbox().add(*this, parts.head, parts.body, parts.tail);
  posted_ = true;
  parts = {};
  return WriteResult{};
}

void Stream::send_posted(std::string_view bytes) {
  posted_ = false;
  const long count = try_write({bytes, {}, {}});
  if (count == static_cast<long>(bytes.size())) return;
  lost_ = count <= 0 && count != result_wants_write;
  unsent_ = bytes.substr(count > 0 ? static_cast<std::size_t>(count) : 0);
  send_unsent();
}

void Stream::send_unsent() {
  while (!unsent_.empty()) {
    const long count = try_write({unsent_, {}, {}});
    if (count > 0) {
      unsent_.erase(0, static_cast<std::size_t>(count));
      continue;
    }
    if (count == result_wants_write) return void(direction_of(count));
    write_failed_ = true;
    unsent_.clear();
    wake(reading_, Io::broken);
    wake(writing_, Io::broken);
  }
  std::string().swap(unsent_);  // an idle connection holds no memory
}

bool Stream::posted_is_sent() {
  if (posted_) loop_.outbox().send(*this);
  if (!unsent_.empty()) send_unsent();
  return unsent_.empty() && !write_failed_;
}

Task<Stream::WriteResult> Stream::write(Parts parts) {
  // Nearly always all of it goes at once, and nothing is copied.
  if (const auto done = write_at_once(parts)) co_return *done;
  std::string head(parts.head);
  if (tls_ && head.size() + parts.body.size() <= 16 * 1024) head.append(std::exchange(parts.body, {}));
  co_return co_await write_rest(std::move(head), parts.body, std::string(parts.tail));
}

Task<Stream::WriteResult> Stream::write_rest(std::string head, std::string_view body, std::string tail) {
  Parts parts{head, body, tail};
  while (true) {
    const bool first = posted_is_sent();
    if (fd_ < 0 || write_failed_) co_return WriteResult{Io::broken, !wrote_};
    if (first && parts.empty()) co_return WriteResult{};
    const long count = first ? try_write(parts) : result_wants_write;
    if (count > 0) {
      wrote_ = true;
      take_sent(static_cast<std::size_t>(count), parts);
      continue;
    }
    if (count == 0 || count == result_broken) co_return WriteResult{count == 0 ? Io::closed : Io::broken, !wrote_};
    Direction& direction = direction_of(count);
    auto io = ready_now(direction);
    if (!io) io = co_await suspend(direction);
    if (*io != Io::ok) co_return WriteResult{*io, !wrote_};
  }
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
    Direction& direction = direction_of(error == SSL_ERROR_WANT_READ ? result_wants_read : result_wants_write);
    auto io = ready_now(direction);
    if (!io) io = co_await suspend(direction);
    if (*io != Io::ok)
      co_return base::fail(*io == Io::timed_out ? base::ErrorType::upstream_timeout : base::ErrorType::upstream_error,
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
