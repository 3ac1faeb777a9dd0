#pragma once

#include <boost/asio/async_result.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "net/loop.h"

namespace net {

// A coroutine that waits for a callback. It stands among its loop's deadlines only to be dropped with the loop: who
// calls back later, from whatever thread, then calls nobody.
template <class T, class Handler>
class Awaiting final : public Deadline {
 public:
  Awaiting(Loop& loop, Handler handler) : loop_(&loop), handler_(std::move(handler)) { loop.watch(*this); }

  static void answer(const std::shared_ptr<Awaiting>& self, T value) {
    const std::lock_guard lock(self->mutex_);
    if (self->loop_ == nullptr) return;
    self->loop_->post([self, answer = std::make_shared<T>(std::move(value))] { self->go_on(answer); });
  }
  void expired() override {}
  void abandon() override {
    std::optional<Handler> dropped;  // after the lock: what it ends may hold the last reference to this
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
    if (handler_) dropped.emplace(std::move(*handler_));
    handler_.reset();
  }

 private:
  void go_on(const std::shared_ptr<T>& answer) {
    unlink();  // here, on the loop: the last reference may go on another thread
    Handler handler = std::move(*handler_);
    handler_.reset();
    std::move(handler)(answer);
  }

  std::mutex mutex_;
  Loop* loop_;
  std::optional<Handler> handler_;
};

// Suspends the calling coroutine until `done` is called, once, from any thread; gives what it was called with. The
// coroutine goes on on its own loop. `start(done)` runs at once.
template <class T>
Task<std::shared_ptr<T>> await_callback(Loop& loop, std::function<void(std::function<void(T)>)> start) {
  using Answer = std::shared_ptr<T>;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<Executor>&, void(Answer)>(
      [&loop](auto handler, auto begin) {
        // std::function wants to copy what it holds; a completion handler can only be moved.
        using Waiting = Awaiting<T, decltype(handler)>;
        const auto waiting = std::make_shared<Waiting>(loop, std::move(handler));
        begin([waiting](T value) { Waiting::answer(waiting, std::move(value)); });
      },
      use_task, std::move(start));
}

}  // namespace net
