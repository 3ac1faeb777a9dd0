#pragma once

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <functional>

#include "net/address.h"
#include "net/loop.h"

namespace net {

// Whether a socket is the first of this program on its address or joins one that is there.
enum class Share : std::uint8_t { first, join };

// Opens a listening socket: TCP with SO_REUSEPORT, so that every loop has its own on the same address and the kernel
// spreads connections over them, or a Unix socket (mode 0600). `address.port` 0 takes a free port and is filled in.
// The first one fails where another program listens already.
base::Result<int> listen_on(Address& address, Share share = Share::first);

// Accepts connections on one loop and hands their sockets on.
class Listener {
 public:
  // Takes the socket over. `accepted` gets non-blocking sockets with TCP_NODELAY.
  Listener(Loop& loop, int fd, std::function<void(int)> accepted);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  // No connection is accepted any more; on the loop.
  void stop();

 private:
  Task<void> accept_all();

  Loop& loop_;
  asio::posix::basic_stream_descriptor<Executor> descriptor_;
  std::function<void(int)> accepted_;
  bool stopped_ = false;
};

}  // namespace net
