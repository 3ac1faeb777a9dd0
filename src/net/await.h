#pragma once

#include <boost/asio/async_result.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "net/loop.h"

namespace net {

// Suspends the calling coroutine until `done` is called, once, from any thread; gives what it was called with. The
// coroutine goes on on its own loop. `start(done)` runs at once.
template <class T>
Task<std::shared_ptr<T>> await_callback(Loop& loop, std::function<void(std::function<void(T)>)> start) {
  using Answer = std::shared_ptr<T>;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<Executor>&, void(Answer)>(
      [&loop](auto handler, auto begin) {
        // std::function wants to copy what it holds; a completion handler can only be moved.
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        begin([&loop, kept](T value) {
          loop.post([kept, answer = std::make_shared<T>(std::move(value))] { std::move (*kept)(answer); });
        });
      },
      use_task, std::move(start));
}

}  // namespace net
