#include "net/poller.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "base/assert.h"
#include "net/loop.h"

namespace net {

struct Poller::Waiting {
  asio::posix::basic_stream_descriptor<Executor> descriptor;
};

struct Poller::Events {
  std::array<epoll_event, batch> list;
  int at = 0;
  int count = 0;
};

Poller::Poller(Loop& loop) : loop_(loop), epoll_(::epoll_create1(EPOLL_CLOEXEC)), events_(std::make_unique<Events>()) {
  ASSERT(epoll_ >= 0);
  waiting_.reset(new Waiting{asio::posix::basic_stream_descriptor<Executor>(loop.context().get_executor(), epoll_)});
}

Poller::~Poller() = default;

void Poller::add(int fd, Watched& watched) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watched;
  const int added = ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  ASSERT(added == 0);  // no memory, or not a socket
}

void Poller::remove(int fd, Watched& watched) {
  epoll_event event{};
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, &event);
  for (int i = events_->at; i < events_->count; ++i)
    if (events_->list[static_cast<std::size_t>(i)].data.ptr == &watched)
      events_->list[static_cast<std::size_t>(i)].data.ptr = nullptr;
}

void Poller::start() { wait(); }

void Poller::wait() {
  waiting_->descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                                  [this](const boost::system::error_code& error) {
                                    if (error) return;
                                    dispatch();
                                    wait();
                                  });
}

void Poller::dispatch() {
  loop_.outbox().begin_turn();
  do {
    events_->count = ::epoll_wait(epoll_, events_->list.data(), batch, 0);
    for (events_->at = 0; events_->at < events_->count;) {
      const epoll_event& event = events_->list[static_cast<std::size_t>(events_->at++)];
      if (event.data.ptr == nullptr) continue;
      loop_.note_time();
      static_cast<Watched*>(event.data.ptr)->ready(event.events);
    }
  } while (events_->count == batch);
  events_->at = events_->count = 0;
  loop_.outbox().end_turn();
}

}  // namespace net
