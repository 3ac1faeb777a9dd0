#pragma once

#include <cstdint>

#include "net/asio.h"

namespace net {

class Loop;

enum class Io : std::uint8_t {
  ok,
  closed,     // the peer ended the connection in order
  broken,     // reset, or any other failure of the connection
  timed_out,  // the deadline that was set passed
};

// Readiness of sockets, edge-triggered: each socket is registered once for its whole life, and what is known of it is
// remembered between events, so that waiting costs no system call. Asio's own reactor makes one epoll_ctl for each wait
// or one failed read; measured, that was a tenth of an exchange. The poller's descriptor is itself one that Asio waits
// for: Asio stays the loop, its timers and resolver, and the coroutines.
class Poller {
 public:
  explicit Poller(Loop& loop);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Something that is told of its socket's readiness. Called on the loop; may end itself and others.
  class Watched {
   public:
    virtual ~Watched() = default;
    virtual void ready(std::uint32_t events) = 0;  // EPOLL*
  };
  void add(int fd, Watched& watched);
  // Before the socket is closed. Events of it that were fetched already are dropped.
  void remove(int fd, Watched& watched);
  // Begins to wait; what it starts ends with the context.
  void start();

 private:
  static constexpr int batch = 128;
  void wait();
  void dispatch();

  Loop& loop_;
  int epoll_ = -1;
  struct Waiting;
  std::unique_ptr<Waiting> waiting_;
  struct Events;
  std::unique_ptr<Events> events_;  // of the batch that is being told
};

}  // namespace net
