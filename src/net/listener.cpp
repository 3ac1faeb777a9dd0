#include "net/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/log.h"

namespace net {
namespace {

std::unexpected<base::Error> cannot_listen(const Address& address, const char* why) {
  return base::fail(base::ErrorType::unavailable, fmt::format("cannot listen on {}: {}", address.to_string(), why));
}

// With SO_REUSEPORT another program of the same user could share the address unnoticed, and its connections: a socket
// without it finds out.
base::Status nobody_listens(const addrinfo& where, const Address& address) {
  const int fd = ::socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int error = ::bind(fd, where.ai_addr, where.ai_addrlen) == 0 ? 0 : errno;
  ::close(fd);
  if (error != 0) return cannot_listen(address, std::strerror(error));
  return {};
}

base::Result<int> listen_on_unix(const Address& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (address.host.size() >= sizeof name.sun_path)
    return cannot_listen(address, "the path is longer than 107 characters");
  std::memcpy(name.sun_path, address.host.data(), address.host.size());
  ::unlink(address.host.c_str());  // left behind by a process that was killed; the data folder's lock says it is ours
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return cannot_listen(address, std::strerror(errno));
  const mode_t before = ::umask(0177);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  ::umask(before);
  if (!bound || ::listen(fd, 128) != 0) {
    const int error = errno;
    ::close(fd);
    return cannot_listen(address, std::strerror(error));
  }
  return fd;
}

}  // namespace

base::Result<int> listen_on(Address& address, Share share) {
  if (address.is_unix) return listen_on_unix(address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
      error != 0)
    return cannot_listen(address, gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  if (share == Share::first) TRY_STATUS(nobody_listens(*found, address));
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return cannot_listen(address, std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::bind(fd, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd, 4096) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    const int error = errno;
    ::close(fd);
    return cannot_listen(address, std::strerror(error));
  }
  address.port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                                   : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  return fd;
}

Listener::Listener(Loop& loop, int fd, std::function<void(int)> accepted)
    : loop_(loop), descriptor_(loop.context().get_executor(), fd), accepted_(std::move(accepted)) {}

void Listener::start() { loop_.spawn(accept_all()); }

void Listener::stop() {
  stopped_ = true;
  boost::system::error_code ignored;
  descriptor_.close(ignored);
}

Task<void> Listener::accept_all() {
  while (!stopped_) {
    const int fd = ::accept4(descriptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      accepted_(fd);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      boost::system::error_code ignored;
      co_await descriptor_.async_wait(asio::posix::descriptor_base::wait_read, asio::redirect_error(use_task, ignored));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      base::log::warn("cannot accept a connection: {}; raise the limit of open files (ulimit -n)",
                      std::strerror(errno));
      co_await loop_.sleep(100);
    } else if (errno != EINTR && errno != ECONNABORTED) {
      if (!stopped_) base::log::error("cannot accept connections any more: {}", std::strerror(errno));
      co_return;
    }
  }
}

}  // namespace net
